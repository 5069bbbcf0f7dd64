import ArgumentParser
import CommandLineProgram
import ProcessSampler
import Report
import Terminal

/// The command `memagent ps`.
struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "Lists what runs now on this host, the largest first, each with its peak.",
        discussion: """
            It looks by itself, once, and needs no collector, no other agent and no privilege.

            EXAMPLES:
              memagent ps
              memagent ps --min-peak 100M --format csv
            """)

    @Option(help: ArgumentHelp("The most rows to show.", valueName: "count"))
    var top: Int?

    @Option(help: ArgumentHelp("Only programs that match, such as 'python*'.", valueName: "glob"))
    var program: String?

    @Option(help: ArgumentHelp("Only users that match.", valueName: "glob"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Only peaks of at least this size, such as 100M.", valueName: "size"))
    var minPeak: String?

    @Option(help: ArgumentHelp("How to print: table, json or csv.", valueName: "format"))
    var format = "table"

    @Option(
        help: ArgumentHelp(
            "The tree of processes to read, for a view from a container.", valueName: "path"))
    var procfs: String?

    @Option(
        help: ArgumentHelp(
            """
            What the agent of this host has for its --host-id: the ids of runs are then those \
            that a collector shows, but of what executed another program while it watched.
            """, valueName: "id"))
    var hostID: String?

    func validate() throws {
        try ViewsOfThisHost.checkIsMeant()
        guard procfs?.isEmpty != true else {
            throw ValidationError("--procfs is empty; give it a value, or leave it out")
        }
        _ = try ViewsOfThisHost.hostID(hostID)
        _ = try outputFormat()
        _ = try query(nowMilliseconds: 0)
    }

    private func outputFormat() throws -> OutputFormat {
        guard let format = OutputFormat(rawValue: format) else {
            throw ValidationError("--format takes table, json or csv, not '\(format)'")
        }
        return format
    }

    private func query(nowMilliseconds now: Int64) throws -> ReportQuery {
        // Like ps, it shows all; a report is for the largest.
        let pairs = [
            ("top", String(top ?? ReportQuery.topRange.upperBound)), ("program", program),
            ("user", user), ("min_peak", minPeak),
        ].compactMap { key, value in value.map { QueryPair(key, $0) } }
        do {
            return try ReportQuery(pairs: pairs, nowMilliseconds: now)
        } catch {
            throw ValidationError(
                "--\(error.key.replacing("_", with: "-")): \(error.reason(OutputTerminal.style))")
        }
    }

    func run() async throws {
        let host: LocalHost
        do {
            host = try LocalHost(
                procfs: procfs, hostID: ViewsOfThisHost.hostID(hostID), intervalMilliseconds: nil)
        } catch let error as SamplerError {
            throw ProgramFailure("\(error)")
        }
        host.look()
        let now = host.nowMilliseconds
        var view = ProcessListView(
            hosts: [host.host], runs: host.runs, query: try query(nowMilliseconds: now),
            nowMilliseconds: now)
        // There was one look; nothing is sampled.
        view.coverage.shortestIntervalMilliseconds = nil
        view.coverage.longestIntervalMilliseconds = nil
        let text = view.written(as: try outputFormat(), style: OutputTerminal.style)
        do throws(TerminalProblem) {
            try OutputTerminal.write(Array(text.utf8))
            if format != "table",
                let hint = HiddenRows.hint(
                    count: view.hiddenRowCount, top: top ?? ReportQuery.topRange.upperBound)
            {
                try OutputTerminal.writeError("memagent: \(hint)\n")
            }
        } catch {
            throw ProgramFailure(error.description)
        }
    }
}
