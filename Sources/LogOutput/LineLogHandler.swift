import CLinux
import Glibc
public import Logging
import MemoryModel
import Report

/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// One line for people: time, level, message, then the facts as `key=value`.
    case text
    /// One JSON object a line.
    case json
}

/// Writes each log message as one line to standard error.
///
/// Whatever a message or its facts contain, a line stays a line and sends no control character to
/// a terminal, because names in it may be chosen by anyone who can start a process.
public struct LineLogHandler: LogHandler {
    /// The least severe level that is written.
    public var logLevel: Logger.Level
    /// Facts that stand on every line.
    public var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: LogFormat
    private let write: @Sendable (String) -> Void

    /// A handler for the program `label` that writes to standard error.
    public init(label: String, level: Logger.Level, format: LogFormat) {
        self.init(label: label, level: level, format: format, write: LineLogHandler.writeToError)
    }

    /// A handler that gives each whole line to `write`.
    package init(
        label: String, level: Logger.Level, format: LogFormat,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        logLevel = level
        self.format = format
        self.write = write
    }

    /// One fact that stands on every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes `event` as one line.
    public func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }
        let time = LineLogHandler.timestamp()
        switch format {
        case .text:
            var line = "\(time) \(event.level) \(label): \(escaped(event.message.description))"
            for (key, value) in facts {
                let text = escaped(value.description)
                line += text.contains(" ") ? " \(key)=\"\(text)\"" : " \(key)=\(text)"
            }
            write(line + "\n")
        case .json:
            var fields = [
                ("time", time), ("level", "\(event.level)"), ("program", label),
                ("message", event.message.description),
            ]
            fields += facts.map { ($0.key, $0.value.description) }
            let body = fields.map { "\(quoted($0.0)):\(quoted($0.1))" }.joined(separator: ",")
            write("{\(body)}\n")
        }
    }

    /// The time of day in UTC with milliseconds (RFC 3339).
    private static func timestamp() -> String {
        Timestamp.text(clinux_wall_nanoseconds() / 1_000_000) ?? "-"
    }

    private func escaped(_ text: String) -> String { DisplayText.escaped(RawText(text)) }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value > 0xFFFF:
                result.unicodeScalars.append(scalar)
            case _ where scalar.isUnsafeInLog:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Writes the whole line with one call where it fits, so that lines do not mix.
    private static func writeToError(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let start = rest.baseAddress, !rest.isEmpty {
                let count = Glibc.write(STDERR_FILENO, start, rest.count)
                // Nowhere is left to report that standard error cannot be written.
                guard count > 0 || (count < 0 && errno == EINTR) else { return }
                if count > 0 { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
            }
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal could take the scalar for something other than text.
    fileprivate var isUnsafeInLog: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            true
        default: false
        }
    }
}
