import ArgumentParser
import CLinux
import Report

/// Which hosts a view is about, and how much of it is shown.
struct HostFilters: ParsableArguments {
    @Option(help: ArgumentHelp("Only hosts whose name or id matches.", valueName: "glob"))
    var host: String?

    @Option(help: ArgumentHelp("The most rows to show.", valueName: "count"))
    var top: Int?

    /// The pairs of the query.
    var pairs: [QueryPair] { QueryPair.given(("host", host), ("top", top.map(String.init))) }
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
            The beginning of the range: 24h, "3m ago" or 2026-01-31T12:00:00Z. All of time by \
            default.
            """, valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("The end of the range; now by default.", valueName: "time"))
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
    static func checkReport(_ pairs: [QueryPair]) throws {
        try check { now throws(QueryError) in
            _ = try ReportQuery(pairs: pairs, nowMilliseconds: now)
        }
    }

    /// The same for a view of a range of time that takes `keys`.
    static func checkRange(_ pairs: [QueryPair], keys: [String]) throws {
        try check { now throws(QueryError) in
            _ = try RangeQuery(pairs: pairs, keys: keys, nowMilliseconds: now)
        }
    }

    private static func check(_ read: (Int64) throws(QueryError) -> Void) throws {
        do {
            try read(clinux_wall_nanoseconds() / 1_000_000)
        } catch {
            let flag = "--" + error.key.replacing("_", with: "-")
            throw ValidationError("\(flag): \(error.reason)")
        }
    }
}
