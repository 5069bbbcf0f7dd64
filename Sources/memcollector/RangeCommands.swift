import ArgumentParser
import Report

/// The command `memcollector oom`.
struct KillsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oom",
        abstract: "Lists which processes the kernel killed for want of memory, the latest first.",
        discussion: """
            Each with its last known peak, what it held when it was killed, and whose limit it \
            was: the host's or a cgroup's. How it is known: from the kernel's log, a cgroup's \
            count of kills, or the record of the exit.

            EXAMPLES:
              memcollector oom --since 24h
              memcollector oom --host 'web*' --format json
            """)

    @OptionGroup var range: RangeOptions
    @OptionGroup var hosts: HostFilters
    @OptionGroup var runs: RunFilters
    @OptionGroup var view: ViewOptions

    private var pairs: [QueryPair] { range.pairs + hosts.pairs + runs.pairs }

    func validate() throws {
        try QueryPair.checkRange(pairs, keys: RangeQuery.killKeys)
    }

    func run() async throws {
        try await view.show("/v1/oom", query: pairs)
    }
}

/// The command `memcollector cgroups`.
struct CgroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cgroups",
        abstract: "Shows the kernel's own peak of each cgroup, the largest first.",
        discussion: """
            A cgroup's peak holds page cache, too, which the kernel takes back when it needs the \
            memory; what of it was page cache when the peak was noticed stands beside it. A peak \
            at the limit means that the cgroup would have used more.

            EXAMPLES:
              memcollector cgroups --since 24h
              memcollector cgroups --cgroup '*docker*' --min-peak 1G
            """)

    @Option(
        help: ArgumentHelp(
            "Only cgroups whose path, unit or container matches.", valueName: "glob"))
    var cgroup: String?

    @OptionGroup var range: RangeOptions
    @OptionGroup var hosts: HostFilters
    @OptionGroup var peaks: PeakFilters
    @OptionGroup var view: ViewOptions

    private var pairs: [QueryPair] {
        range.pairs + hosts.pairs + peaks.pairs + QueryPair.given(("cgroup", cgroup))
    }

    func validate() throws {
        try QueryPair.checkRange(pairs, keys: RangeQuery.cgroupKeys)
    }

    func run() async throws {
        try await view.show("/v1/cgroups", query: pairs)
    }
}

/// The command `memcollector composition`.
struct CompositionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "composition",
        abstract: "Shows what held the memory of each host when most of it was used.",
        discussion: """
            Of each host the moment of its largest used memory in the range, with the up to ten \
            runs that held most then; the fullest host first.

            EXAMPLES:
              memcollector composition --since 24h
              memcollector composition --host db-01 --format csv
            """)

    @OptionGroup var range: RangeOptions
    @OptionGroup var hosts: HostFilters
    @OptionGroup var view: ViewOptions

    private var pairs: [QueryPair] { range.pairs + hosts.pairs }

    func validate() throws {
        try QueryPair.checkRange(pairs, keys: RangeQuery.compositionKeys)
    }

    func run() async throws {
        try await view.show("/v1/composition", query: pairs)
    }
}
