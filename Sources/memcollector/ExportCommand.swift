import ArgumentParser
import CLinux
import Collector
import CollectorClient
import CommandLineProgram
import Glibc
import Report
import Terminal

/// The command `memcollector export`.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes every run, or the whole database, into a file.",
        discussion: """
            'ndjson' (a JSON object a line) and 'csv' hold one line for each run, with the fields \
            of a report; they come from the collector at --url. Small runs that were folded have \
            no line of their own. Without --output, or with -, they go to standard output.

            'sqlite' is a copy of the whole database as it is at the beginning, which any SQLite \
            tool reads. It is made of the collector's folder (--data-dir), on its host and as its \
            user or root; the collector goes on meanwhile. If the collector's log grows by more \
            than 1 GiB before the copy is done, the copy is given up.

            A file has its name only once it is whole.

            EXAMPLES:
              memcollector export --since 24h --output runs.ndjson
              memcollector export --format csv --program 'python*' | gzip > python.csv.gz
              memcollector export --format sqlite --output copy.db
            """)

    /// The forms of an export.
    enum Form: String, CaseIterable, ExpressibleByArgument {
        case ndjson, csv, sqlite
    }

    @Option(help: ArgumentHelp("What to write: ndjson, csv or sqlite.", valueName: "format"))
    var format = "ndjson"

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The file to write, or - for standard output; an older one of that name is replaced.",
            valueName: "file"))
    var output: String?

    /// The file; nil for standard output.
    private var file: String? { output == "-" ? nil : output }

    @OptionGroup var range: RangeOptions

    @Option(help: ArgumentHelp("Only hosts whose name or id matches.", valueName: "glob"))
    var host: String?

    @OptionGroup var runs: RunFilters
    @OptionGroup var peaks: PeakFilters
    @OptionGroup var collector: CollectorOptions

    @Option(
        help: ArgumentHelp("The collector's folder, as of 'serve'; for sqlite.", valueName: "path"))
    var dataDir = "/var/lib/memcollector"

    private var pairs: [QueryPair] {
        range.pairs + QueryPair.given(("host", host)) + runs.pairs + peaks.pairs
    }

    private func form() throws -> Form {
        guard let form = Form(rawValue: format) else {
            throw ValidationError("--format takes ndjson, csv or sqlite, not '\(format)'")
        }
        return form
    }

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a file") }
        if try form() == .sqlite {
            guard output != "-" else {
                throw ValidationError(
                    "--format sqlite writes a file that is opened by its name; give --output one,"
                        + " not -")
            }
            guard output != nil else {
                throw ValidationError("--format sqlite needs --output, the file to write")
            }
            guard pairs.isEmpty else {
                throw ValidationError(
                    "--format sqlite copies everything; filters go with ndjson and csv")
            }
        }
        try QueryPair.checkReport(pairs)
    }

    func run() async throws {
        switch try form() {
        case .sqlite: try copyDatabase()
        case .ndjson, .csv: try await exportRuns()
        }
    }

    // MARK: The database

    private func copyDatabase() throws {
        guard let output else { return }
        var progress = ProgressLine()
        let file = try OutputFile(path: output)
        do {
            try DatabaseCopy.copy(dataDirectory: dataDir, to: file.temporaryPath) { done, total in
                progress.show(
                    "copied \(ByteSize(done).text) of \(ByteSize(total).text)")
            }
            let bytes = try file.finish()
            progress.finish(
                "memcollector: copied the database to \(output), \(ByteSize(bytes).text)")
        } catch {
            progress.clear()
            file.abandon()
            throw failure(error)
        }
    }

    // MARK: Runs

    private func exportRuns() async throws {
        var progress = ProgressLine()
        guard let output = file else {
            var lines = 0
            try await ask { piece in
                lines += piece.count { $0 == 0x0A }
                guard try StandardOutput.print(piece) else { throw ExitCode.success }
            }
            if try runCount(lines: lines) == 0 { progress.finish(emptySentence) }
            return
        }
        let file = try OutputFile(path: output)
        var lines = 0
        var bytes = 0
        do {
            try await ask { piece in
                try file.write(piece)
                lines += piece.count { $0 == 0x0A }
                bytes += piece.count
                progress.show("exported \(lines) lines, \(ByteSize(UInt64(bytes)).text)")
            }
            let size = try file.finish()
            let runs = try runCount(lines: lines)
            progress.finish(
                "memcollector: exported \(runs) run\(runs == 1 ? "" : "s") to \(output), "
                    + ByteSize(size).text)
            if runs == 0 { progress.finish(emptySentence) }
        } catch {
            progress.clear()
            file.abandon()
            throw failure(error)
        }
    }

    private var emptySentence: String {
        let range = pairs.filter { ["since", "until"].contains($0.key) }
        let filters = pairs.filter { !range.contains($0) }.map(\.key)
        return "memcollector: "
            + LoosenedFilters.sentence(
                "run", filters: filters, hasRange: !range.isEmpty, style: OutputTerminal.style)
    }

    /// A table begins with the names of its columns.
    private func runCount(lines: Int) throws -> Int {
        try form() == .csv ? max(0, lines - 1) : lines
    }

    private func ask(_ take: ([UInt8]) throws -> Void) async throws {
        // A point in time is written out, so that it does not depend on the collector's zone.
        let query = try ReportQuery(
            pairs: pairs, nowMilliseconds: clinux_wall_nanoseconds() / 1_000_000,
            utcOffsetSeconds: Int(clinux_utc_offset_seconds())
        ).pairs
        do {
            try await collector.client().stream(
                "/v1/export",
                query: [("format", format)] + query.map { ($0.key, $0.value) }, take)
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: any Error) -> any Error {
        switch error {
        case let problem as CollectorClient.Problem: ProgramFailure(problem.description)
        case let problem as CollectorProblem: ProgramFailure(problem.description)
        default: error
        }
    }
}
