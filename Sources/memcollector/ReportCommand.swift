import ArgumentParser
import Report

/// The command `memcollector report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Shows the peaks of runs, programs, users, cgroups or hosts.",
        discussion: """
            A range takes in the runs that lived in it. A peak is exact where it is known to lie \
            in the range; else it is marked: >= for at least this, <= for at most this.

            By host, user, program or cgroup, and by nothing else, there is also what was resident \
            of all of them at one time (the peak of the sum), in which shared pages count once for \
            each process. The sum of peaks adds up the peaks of all runs of a row, whenever they \
            were.

            EXAMPLES:
              # The largest peaks of a day
              memcollector report --since 24h
              # Of some runs only
              memcollector report --since "3m ago" --program 'python*' --min-peak 1G
              memcollector report --unit '*.service' --label rack=b7
              # Put together, with the 95th percentile and the median of the peaks
              memcollector report --since 7d --by program --min-runs 5 --sort p95
              memcollector report --since 24h --by label:team
              # What sections of programs needed, as the Python module highwater tells
              memcollector report --since 24h --by section
              # Which lines of Python programs ran while their memory grew
              memcollector report --since 24h --by line --program 'python*'
              # What grew since last week, the largest growth first
              memcollector report --since 24h --compare 7d
              # How much memory to give each program
              memcollector report --since 30d --suggest --margin 25%
              # For other programs, and for a ticket
              memcollector report --by host --format csv --output peaks.csv
              memcollector report --by unit --format markdown
            """)

    @OptionGroup var range: RangeOptions

    @Option(
        help: ArgumentHelp(
            """
            One row for each run, program, command, executable, user, cgroup, unit, container, \
            host or label:KEY, for each section that programs told of, or for each line of a \
            Python program that ran while its memory grew. By run without it, by program with \
            --compare or --suggest.
            """, valueName: "what"))
    var by: String?

    @Option(
        help: ArgumentHelp(
            "The order of the rows: peak, p95, runs, host, last or cpu.", valueName: "order"))
    var sort = "peak"

    @Option(
        help: ArgumentHelp("Only rows of at least so many runs; needs --by.", valueName: "count"))
    var minRuns: Int?

    @Option(
        help: ArgumentHelp(
            """
            Set the range beside the one so long before, such as 7d, or with the word previous \
            beside the one of its length just before it; by program, or what --by names.
            """, valueName: "time or previous"))
    var compare: String?

    @Flag(help: "Suggest how much memory to give each program, or what --by names.")
    var suggest = false

    @Option(
        help: ArgumentHelp(
            "How much to put on top of a suggestion; 20% by default.", valueName: "percent"))
    var margin: String?

    @Flag(help: "Show peaks, too, that are only what a child had of its parent at fork.")
    var inherited = false

    @OptionGroup var hosts: HostFilters
    @OptionGroup var runs: RunFilters
    @OptionGroup var names: NameFilters
    @OptionGroup var peaks: PeakFilters
    @OptionGroup var output: ReportOutput

    func validate() throws {
        let query = try QueryPair.checkReport(pairs)
        try output.check(formats: query.formats)
    }

    private var pairs: [QueryPair] {
        let order =
            [QueryPair("sort", sort)]
            + QueryPair.given(
                ("by", by), ("min_runs", minRuns.map(String.init)), ("compare", compare),
                ("suggest", suggest ? "1" : nil), ("margin", margin))
        let filters = range.pairs + hosts.pairs + runs.pairs + names.pairs + peaks.pairs
        return filters + order + (inherited ? [QueryPair("inherited", "1")] : [])
    }

    func run() async throws {
        try await output.show("/v1/report", query: pairs)
    }
}
