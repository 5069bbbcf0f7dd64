/// In what form a view is written.
public enum OutputFormat: String, Hashable, Sendable, CaseIterable {
    /// Text for people.
    case table
    /// JSON for programs.
    case json
    /// Comma-separated values for spreadsheets.
    case csv
    /// A JSON object on each line, one a row, and a last one with the coverage.
    case ndjson
    /// A table for wikis and tickets.
    case markdown
    /// Gauges for a system that watches.
    case openmetrics

    /// The forms that every view has.
    public static let common: [OutputFormat] = [.table, .json, .csv]

    /// The words of `formats`, as a sentence has them: `table, json or csv`.
    public static func list(_ formats: [OutputFormat]) -> String {
        let words = formats.map(\.rawValue)
        return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }

    /// What to say of a word that is none of `formats`, to be read after it.
    public static func advice(_ word: String, _ formats: [OutputFormat]) -> String {
        "use \(list(formats))" + NearestWord.question(word, among: formats.map(\.rawValue))
    }

    /// The media type of HTTP.
    public var mediaType: String {
        switch self {
        case .table: "text/plain; charset=utf-8"
        case .json: "application/json"
        case .csv: "text/csv; charset=utf-8"
        case .ndjson: "application/x-ndjson"
        case .markdown: "text/markdown; charset=utf-8"
        case .openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// Takes the first of `formats` that an `Accept` header names; text where it names none.
    ///
    /// Preferences by `q` are not weighed.
    public init(accept: String, formats: [OutputFormat] = common) {
        self = .table
        for part in accept.split(separator: ",") {
            let name = part.split(separator: ";").first.map(String.init) ?? ""
            switch name.filter({ $0 != " " }).lowercased() {
            case "text/plain": self = .table
            case "": continue
            case let type:
                let named = formats.first { $0.mediaType.split(separator: ";").first ?? "" == type }
                guard let named else { continue }
                self = named
            }
            return
        }
    }
}

/// A view of the fleet, which can be written in every form.
public protocol FleetView: Sendable {
    /// For people; every line ends with a newline.
    func text(style: TextStyle) -> String
    /// One JSON document with a newline at its end.
    var json: String { get }
    /// A header line and rows, each ending with CR LF.
    var csv: String { get }
    /// How many rows were found and left out because fewer were asked for.
    var hiddenRowCount: Int { get }
    /// The view in `format`, one of those that it has.
    func written(as format: OutputFormat, style: TextStyle) -> String
    /// What the view rests on, in one line of ASCII, for a form that has no place for it.
    var coverageLine: String? { get }
}

extension FleetView {
    /// None, for views that show all they found.
    public var hiddenRowCount: Int { 0 }

    /// Nothing, for views whose forms all say it.
    public var coverageLine: String? { nil }

    /// The view in `format`; a form that it does not have is text.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        switch format {
        case .json: json
        case .csv: csv
        case .table, .ndjson, .markdown, .openmetrics: text(style: style)
        }
    }
}
