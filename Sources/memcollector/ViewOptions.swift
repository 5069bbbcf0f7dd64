import ArgumentParser
import CLinux
import CollectorClient
import CommandLineProgram
import Glibc
import Report

/// Where to ask, and in what form to print the answer.
struct ViewOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The collector to ask. [env: MEMCOLLECTOR_URL] (default: http://127.0.0.1:7070)",
            valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("How to print: table, json or csv.", valueName: "format"))
    var format = "table"

    func validate() throws {
        _ = try outputFormat()
        _ = try client()
    }

    private func outputFormat() throws -> OutputFormat {
        guard let format = OutputFormat(rawValue: format) else {
            throw ValidationError("--format takes table, json or csv, not '\(format)'")
        }
        return format
    }

    private func client() throws -> CollectorClient {
        do {
            return try CollectorClient(url: url ?? environment ?? CollectorClient.usualURL)
        } catch let problem as CollectorClient.Problem {
            throw ValidationError("--url: \(problem)")
        }
    }

    /// Asks for a view and prints it.
    func show(_ path: String, query: [QueryPair] = []) async throws {
        let format = try outputFormat()
        let style = format == .table ? ViewOptions.style().pairs : []
        let pairs = [QueryPair("format", format.rawValue)] + query + style
        let client = try client()
        do {
            let answer = try await client.get(path, query: pairs.map { ($0.key, $0.value) })
            try ViewOptions.print(answer.bytes)
            // A table says it in its coverage; a pipe of rows has no place for it.
            let top = query.first { $0.key == "top" }.flatMap { Int($0.value) }
            if format != .table,
                let count = answer.fields[HiddenRows.headerName].flatMap({ Int($0) }),
                let hint = HiddenRows.hint(count: count, top: top ?? ReportQuery().top)
            {
                try ViewOptions.print(Array("memcollector: \(hint)\n".utf8), to: STDERR_FILENO)
            }
        } catch let problem as CollectorClient.Problem {
            throw ProgramFailure(problem.description)
        }
    }

    private var environment: String? {
        getenv("MEMCOLLECTOR_URL").map { String(cString: $0) }
    }

    /// The style for standard output: fitted and coloured for a terminal, plain for all else.
    private static func style() -> TextStyle {
        let offset = Int(clinux_utc_offset_seconds())
        guard isatty(STDOUT_FILENO) == 1 else { return TextStyle(utcOffsetSeconds: offset) }
        let columns = Int(clinux_terminal_columns(STDOUT_FILENO))
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        let noColour = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        return TextStyle(
            width: columns > 0 ? columns : 80, colour: !isDumb && !noColour,
            unicode: isUnicodeLocale, utcOffsetSeconds: offset)
    }

    private static var isUnicodeLocale: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else {
                continue
            }
            let lower = value.lowercased()
            return lower.contains("utf-8") || lower.contains("utf8")
        }
        return false
    }

    private static func print(
        _ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO
    ) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Whoever read the output has seen enough.
            if count < 0, errno == EPIPE { return }
            guard count > 0 else {
                throw ProgramFailure(
                    "cannot write the answer: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
