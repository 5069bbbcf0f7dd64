public import ArgumentParser
import LogOutput
public import Logging

/// What is logged, and how.
public struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The least severe messages to log: trace, debug, info, notice, warning, error or \
            critical.
            """, valueName: "level"))
    var logLevel = "info"

    @Option(help: ArgumentHelp("How log lines look: text or json.", valueName: "format"))
    var logFormat = "text"

    /// The usual options.
    public init() {}

    /// Checks both values.
    public func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level takes \(levels), not '\(logLevel)'")
        }
        guard LogFormat(rawValue: logFormat) != nil else {
            throw ValidationError("--log-format takes text or json, not '\(logFormat)'")
        }
    }

    /// A logger that writes as the options say, to standard error.
    public func logger(label: String) -> Logger {
        let level = Logger.Level(rawValue: logLevel) ?? .info
        let format = LogFormat(rawValue: logFormat) ?? .text
        return Logger(label: label) {
            LineLogHandler(label: $0, level: level, format: format)
        }
    }
}

extension Logger {
    /// A logger that says nothing, for libraries whose messages are of no use to an operator.
    public static var silent: Logger {
        Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
    }
}
