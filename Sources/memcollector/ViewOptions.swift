import ArgumentParser
import CollectorClient
import CommandLineProgram
import Glibc
import Report
import Terminal

/// Where to ask, and in what form to print the answer.
struct ViewOptions: ParsableArguments {
    @OptionGroup var collector: CollectorOptions

    @Option(help: ArgumentHelp("How to print: table, json or csv.", valueName: "format"))
    var format = "table"

    func validate() throws {
        _ = try OutputFormat(option: format, of: OutputFormat.common)
    }

    /// Asks for a view and prints it.
    func show(_ path: String, query: [QueryPair] = []) async throws {
        let format = try OutputFormat(option: format, of: OutputFormat.common)
        let style = format == .table ? OutputTerminal.style.pairs : []
        let answer = try await ViewAnswer(
            of: try collector.client(), path, format: format, query: query + style)
        try StandardOutput.print(answer.bytes)
        try answer.sayWhatIsMissing()
    }
}

/// Where to ask, in what form to give the answer, and where to.
struct ReportOutput: ParsableArguments {
    @OptionGroup var collector: CollectorOptions

    @Option(
        help: ArgumentHelp(
            "How to print: table, json, ndjson, csv, markdown or openmetrics.",
            valueName: "format"))
    var format = "table"

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Write to a file, whole or not at all; - is standard output.", valueName: "file"))
    var output = "-"

    @Flag(help: "Leave out the heading and the titles of columns.")
    var noHeader = false

    @Flag(help: "Print sizes as whole bytes in tables.")
    var bytes = false

    func validate() throws {
        _ = try OutputFormat(option: format, of: ReportView.formats)
        if output.isEmpty {
            throw ValidationError("--output: the name is empty; name a file, or - for the terminal")
        }
    }

    /// Throws where the report that is asked for has not this form.
    func check(formats: [OutputFormat]) throws {
        _ = try OutputFormat(option: format, of: formats)
    }

    /// Asks for a report and prints or writes it.
    func show(_ path: String, query: [QueryPair]) async throws {
        let format = try OutputFormat(option: format, of: ReportView.formats)
        let isForTerminal = format == .table && output == "-"
        var style =
            isForTerminal
            ? OutputTerminal.style : TextStyle(utcOffsetSeconds: OutputTerminal.utcOffsetSeconds)
        style.hasHeader = !noHeader
        style.hasBytes = bytes
        let answer = try await ViewAnswer(
            of: try collector.client(), path, format: format, query: query + style.pairs)
        if output == "-" {
            try StandardOutput.print(answer.bytes)
        } else {
            try WholeFile.write(answer.bytes, to: output)
        }
        try answer.sayWhatIsMissing()
    }
}

extension OutputFormat {
    /// Reads the value of `--format`.
    fileprivate init(option word: String, of formats: [OutputFormat]) throws {
        guard let format = OutputFormat(rawValue: word), formats.contains(format) else {
            throw ValidationError(
                "--format '\(word)' is not accepted; \(OutputFormat.advice(word, formats))")
        }
        self = format
    }
}

/// What a collector answered.
private struct ViewAnswer {
    let bytes: [UInt8]
    private let fields: [String: String]
    private let format: OutputFormat
    private let top: Int

    init(
        of client: CollectorClient, _ path: String, format: OutputFormat, query: [QueryPair]
    ) async throws {
        let pairs = [QueryPair("format", format.rawValue)] + query
        do {
            let answer = try await client.get(path, query: pairs.map { ($0.key, $0.value) })
            bytes = answer.bytes
            fields = answer.fields
        } catch let problem as CollectorClient.Problem {
            throw ProgramFailure(problem.description)
        }
        self.format = format
        top = query.first { $0.key == "top" }.flatMap { Int($0.value) } ?? ReportQuery().top
    }

    /// Says on standard error what the form has no place for: rows left out, and for CSV the
    /// coverage.
    func sayWhatIsMissing() throws {
        var lines: [String] = []
        let count = fields[HiddenRows.headerName].flatMap { Int($0) }
        if format != .table, let count, let hint = HiddenRows.hint(count: count, top: top) {
            lines.append(hint)
        }
        if format == .csv, let line = fields[CoverageLine.headerName] { lines.append(line) }
        for line in lines {
            try StandardOutput.print(Array("memcollector: \(line)\n".utf8), to: STDERR_FILENO)
        }
    }
}

/// Where answers go.
enum StandardOutput {
    /// Writes all of `bytes`; false if whoever reads the output has seen enough.
    @discardableResult
    static func print(
        _ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO
    ) throws -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { return false }
            guard count > 0 else {
                throw ProgramFailure(
                    "cannot write the answer: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
