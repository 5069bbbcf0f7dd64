import ArgumentParser
import CLinux
import Report
import Terminal

/// Which hosts a view is about, and how much of it is shown.
struct HostFilters: ParsableArguments {
    @Option(help: ArgumentHelp("Only hosts whose name or id matches.", valueName: "glob"))
    var host: [String] = []

    @Option(
        help: ArgumentHelp(
            "The most rows to show: 20 by default, in ps all.", valueName: "count"))
    var top: Int?

    /// The pairs of the query.
    ///
    /// A host that is given twice is refused with them; the last would win without a word.
    var pairs: [QueryPair] {
        host.map { QueryPair("host", $0) } + QueryPair.given(("top", top.map(String.init)))
    }
}

/// Which runs a view is about.
struct RunFilters: ParsableArguments {
    @Option(help: ArgumentHelp("Only programs that match, such as 'python*'.", valueName: "glob"))
    var program: String?

    @Option(help: ArgumentHelp("Only users that match.", valueName: "glob"))
    var user: String?

    /// The pairs of the query.
    var pairs: [QueryPair] { QueryPair.given(("program", program), ("user", user)) }
}

/// Which runs a report is about, by what else is known of them.
struct NameFilters: ParsableArguments {
    @Option(help: ArgumentHelp("Only command lines that match.", valueName: "glob"))
    var command: String?

    @Option(help: ArgumentHelp("Only paths of executables that match.", valueName: "glob"))
    var executable: String?

    @Option(help: ArgumentHelp("Only paths of cgroups that match.", valueName: "glob"))
    var cgroup: String?

    @Option(help: ArgumentHelp("Only systemd units that match.", valueName: "glob"))
    var unit: String?

    @Option(help: ArgumentHelp("Only containers that match.", valueName: "glob"))
    var container: String?

    @Option(
        help: ArgumentHelp(
            "Only hosts with such a label; all of them, if given several times.",
            valueName: "key=glob"))
    var label: [String] = []

    /// The pairs of the query.
    var pairs: [QueryPair] {
        QueryPair.given(
            ("command", command), ("executable", executable), ("cgroup", cgroup),
            ("unit", unit), ("container", container)
        ) + label.map { QueryPair("label", $0) }
    }
}

/// How large a peak has to be to be shown.
struct PeakFilters: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only peaks of at least this size, such as 100M.", valueName: "size"))
    var minPeak: String?

    /// The pairs of the query.
    var pairs: [QueryPair] { QueryPair.given(("min_peak", minPeak)) }
}

/// Which time a view is about.
struct RangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The beginning of the range: 24h, "3m ago", today, yesterday, 2026-01-31 or \
            2026-01-31T12:00:00Z. All of time by default.
            """, valueName: "time"))
    var since: String?

    @Option(
        help: ArgumentHelp("The end of the range, likewise; now by default.", valueName: "time"))
    var until: String?

    /// The pairs of the query.
    var pairs: [QueryPair] { QueryPair.given(("since", since), ("until", until)) }
}

extension QueryPair {
    /// The pairs that have a value.
    static func given(_ pairs: (String, String?)...) -> [QueryPair] {
        pairs.compactMap { key, value in value.map { QueryPair(key, $0) } }
    }

    /// Reads `pairs` as the collector will read a report's, so that a wrong value is known without
    /// asking it.
    @discardableResult
    static func checkReport(_ pairs: [QueryPair]) throws -> ReportQuery {
        try check { now throws(QueryError) in
            try ReportQuery(pairs: pairs, nowMilliseconds: now)
        }
    }

    /// The same for a view of a range of time that takes `keys`.
    @discardableResult
    static func checkRange(_ pairs: [QueryPair], keys: [String]) throws -> RangeQuery {
        try check { now throws(QueryError) in
            try RangeQuery(pairs: pairs, keys: keys, nowMilliseconds: now)
        }
    }

    /// The same for a page about one subject.
    static func checkSubject(_ pairs: [QueryPair]) throws {
        try check { now throws(QueryError) in
            _ = try SubjectQuery(pairs: pairs, nowMilliseconds: now)
        }
    }

    private static func check<Query>(
        _ read: (Int64) throws(QueryError) -> Query
    ) throws -> Query {
        do {
            return try read(clinux_wall_nanoseconds() / 1_000_000)
        } catch {
            let flag = "--" + error.key.replacing("_", with: "-")
            // A subject has no option of its own.
            let start = error.key == "subject" ? "the subject" : flag + ":"
            throw ValidationError("\(start) \(error.reason(OutputTerminal.style))")
        }
    }
}
