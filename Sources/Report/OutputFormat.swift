/// In what form a view is written.
public enum OutputFormat: String, Hashable, Sendable, CaseIterable {
    /// Text for people.
    case table
    /// JSON for programs.
    case json
    /// Comma-separated values for spreadsheets.
    case csv

    /// The media type of HTTP.
    public var mediaType: String {
        switch self {
        case .table: "text/plain; charset=utf-8"
        case .json: "application/json"
        case .csv: "text/csv; charset=utf-8; header=present"
        }
    }

    /// Takes the first form that an `Accept` header names; text where it names none.
    ///
    /// Preferences by `q` are not weighed.
    public init(accept: String) {
        self = .table
        for part in accept.split(separator: ",") {
            let name = part.split(separator: ";").first.map(String.init) ?? ""
            switch name.filter({ $0 != " " }).lowercased() {
            case "application/json": self = .json
            case "text/csv": self = .csv
            case "text/plain": self = .table
            default: continue
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
}

extension FleetView {
    /// None, for views that show all they found.
    public var hiddenRowCount: Int { 0 }

    /// The view in `format`; `style` matters to text alone.
    public func written(as format: OutputFormat, style: TextStyle) -> String {
        switch format {
        case .table: text(style: style)
        case .json: json
        case .csv: csv
        }
    }
}
