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

            By host, user, program or cgroup there is also what was resident of all of them at \
            one time (the peak of the sum), in which shared pages count once for each process.

            EXAMPLES:
              memcollector report --since 24h
              memcollector report --since "3m ago" --program 'python*' --min-peak 1G
              memcollector report --by program --sort runs --format csv
            """)

    @OptionGroup var range: RangeOptions

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

    @OptionGroup var hosts: HostFilters
    @OptionGroup var runs: RunFilters
    @OptionGroup var peaks: PeakFilters
    @OptionGroup var view: ViewOptions

    func validate() throws {
        try QueryPair.checkReport(pairs)
    }

    private var pairs: [QueryPair] {
        let order = [QueryPair("by", by), QueryPair("sort", sort)]
        let filters = range.pairs + hosts.pairs + runs.pairs + peaks.pairs
        return filters + order + (inherited ? [QueryPair("inherited", "1")] : [])
    }

    func run() async throws {
        try await view.show("/v1/report", query: pairs)
    }
}
