import ArgumentParser
import Report

/// The command `memcollector ps`.
struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "Lists what runs now on all hosts, the largest first, each with its peak.",
        discussion: """
            EXAMPLES:
              memcollector ps
              memcollector ps --host 'db*' --min-peak 1G
            """)

    @OptionGroup var hosts: HostFilters
    @OptionGroup var runs: RunFilters
    @OptionGroup var peaks: PeakFilters
    @OptionGroup var view: ViewOptions

    func validate() throws {
        try QueryPair.checkReport(pairs)
    }

    private var pairs: [QueryPair] {
        // Like ps, it shows all; a report is for the largest.
        let all = QueryPair("top", String(ReportQuery.topRange.upperBound))
        let filters = hosts.pairs + runs.pairs + peaks.pairs
        return hosts.top == nil ? filters + [all] : filters
    }

    func run() async throws {
        try await view.show("/v1/ps", query: pairs)
    }
}
