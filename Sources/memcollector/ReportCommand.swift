import ArgumentParser
import Report

/// The command `memcollector report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Shows the peaks of runs, programs, users, cgroups or hosts.",
        discussion: """
            A range selects the runs that overlap it; the peaks shown are those of their whole \
            life.

            EXAMPLES:
              memcollector report --since 24h
              memcollector report --since "3m ago" --program 'python*' --min-peak 1G
              memcollector report --by program --sort runs --format csv
            """)

    @Option(
        help: ArgumentHelp(
            """
            The beginning of the range: 24h, "3m ago" or 2026-01-31T12:00:00Z. All of time by \
            default.
            """, valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("The end of the range; now by default.", valueName: "time"))
    var until: String?

    @Option(
        help: ArgumentHelp(
            "One row for each run, program, user, cgroup or host.", valueName: "what"))
    var by = "run"

    @Option(
        help: ArgumentHelp(
            "The order of the rows: peak, runs, host, last or cpu.", valueName: "order"))
    var sort = "peak"

    @Flag(help: "Show peaks, too, that are only what a child had of its parent at fork.")
    var inherited = false

    @OptionGroup var filters: RunFilters
    @OptionGroup var view: ViewOptions

    func validate() throws {
        try RunFilters.check(pairs)
    }

    private var pairs: [QueryPair] {
        var pairs = filters.pairs + [QueryPair("by", by), QueryPair("sort", sort)]
        if let since { pairs.append(QueryPair("since", since)) }
        if let until { pairs.append(QueryPair("until", until)) }
        if inherited { pairs.append(QueryPair("inherited", "1")) }
        return pairs
    }

    func run() async throws {
        try await view.show("/v1/report", query: pairs)
    }
}
