/// In which form metrics are written.
public enum MetricsFormat: Hashable, Sendable {
    /// OpenMetrics 1.0.0.
    case openMetrics
    /// The text format 0.0.4 of Prometheus before that.
    case prometheus

    /// The media type of HTTP.
    public var mediaType: String {
        switch self {
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        }
    }

    /// OpenMetrics where an `Accept` header names it and does not like plain text better.
    public init(accept: String) {
        var weights: [String: Double] = [:]
        for part in accept.split(separator: ",") {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let name = fields.first else { continue }
            let weight = fields.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            weights[name] = max(weights[name] ?? 0, weight ?? 1)
        }
        let wanted = weights["application/openmetrics-text"] ?? 0
        self = wanted > 0 && wanted >= weights["text/plain"] ?? 0 ? .openMetrics : .prometheus
    }
}

/// What a family of metrics is (OpenMetrics, "Metric types").
enum MetricKind: String {
    case gauge
    case counter
    case histogram
    case info
}

/// A figure of a metric.
enum MetricValue {
    case integer(UInt64)
    /// A number given in thousandths of it.
    case thousandths(UInt64)
    /// A number given in millionths of it.
    case millionths(UInt64)

    var text: String {
        switch self {
        case .integer(let value): String(value)
        case .thousandths(let value): DecimalText.thousandths(value)
        case .millionths(let value):
            "\(value / 1_000_000)." + String(String(1_000_000 + value % 1_000_000).dropFirst())
        }
    }
}

/// Metrics that are being put together, family by family.
///
/// The two forms differ in the names of counters and infos, in units, and in the line at the end.
struct MetricsText {
    let format: MetricsFormat
    private(set) var text = ""

    init(format: MetricsFormat) {
        self.format = format
    }

    /// A label and its value, which is text of this program or text made of a name.
    typealias Label = (name: String, value: String)

    /// One figure with its labels, and what follows the family's name in its name.
    struct Sample {
        var suffix = ""
        var labels: [Label] = []
        var value: MetricValue

        init(_ value: MetricValue, _ labels: [Label] = [], suffix: String = "") {
            self.value = value
            self.labels = labels
            self.suffix = suffix
        }
    }

    /// Adds a family; one without samples is left out.
    mutating func add(
        _ name: String, _ kind: MetricKind, unit: String? = nil, _ help: String,
        _ samples: [Sample]
    ) {
        guard !samples.isEmpty else { return }
        let suffix = MetricsText.suffix(of: kind)
        switch format {
        case .openMetrics:
            text += "# TYPE \(name) \(kind.rawValue)\n"
            if let unit { text += "# UNIT \(name) \(unit)\n" }
            text += "# HELP \(name) \(help)\n"
        case .prometheus:
            text += "# HELP \(name)\(suffix) \(help)\n"
            text += "# TYPE \(name)\(suffix) \(kind == .info ? "gauge" : kind.rawValue)\n"
        }
        for sample in samples {
            text += name + suffix + sample.suffix
            if !sample.labels.isEmpty {
                text += "{"
                for (index, label) in sample.labels.enumerated() {
                    if index > 0 { text += "," }
                    text += label.name + "=\"" + MetricsText.escaped(label.value) + "\""
                }
                text += "}"
            }
            text += " " + sample.value.text + "\n"
        }
    }

    /// The whole text.
    func finished() -> String { format == .openMetrics ? text + "# EOF\n" : text }

    private static func suffix(of kind: MetricKind) -> String {
        switch kind {
        case .counter: "_total"
        case .info: "_info"
        case .gauge, .histogram: ""
        }
    }

    private static func escaped(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "\"") && byte != 0x0A
        }
        guard !isPlain else { return value }
        var escaped = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\", "\"": escaped.append(contentsOf: ["\\", scalar])
            case "\n": escaped.append(contentsOf: ["\\", "n"])
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
