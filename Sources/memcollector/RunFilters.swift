import ArgumentParser
import CLinux
import Report

/// Which runs a view is about.
struct RunFilters: ParsableArguments {
    @Option(help: ArgumentHelp("Only hosts whose name or id matches.", valueName: "glob"))
    var host: String?

    @Option(help: ArgumentHelp("Only programs that match, such as 'python*'.", valueName: "glob"))
    var program: String?

    @Option(help: ArgumentHelp("Only users that match.", valueName: "glob"))
    var user: String?

    @Option(
        help: ArgumentHelp("Only peaks of at least this size, such as 100M.", valueName: "size"))
    var minPeak: String?

    @Option(help: ArgumentHelp("The most rows to show.", valueName: "count"))
    var top: Int?

    /// The pairs of the query.
    var pairs: [QueryPair] {
        [
            ("host", host), ("program", program), ("user", user), ("min_peak", minPeak),
            ("top", top.map(String.init)),
        ].compactMap { key, value in value.map { QueryPair(key, $0) } }
    }

    /// Reads `pairs` as the collector will, so that a wrong value is known without asking it.
    static func check(_ pairs: [QueryPair]) throws {
        do {
            _ = try ReportQuery(
                pairs: pairs, nowMilliseconds: clinux_wall_nanoseconds() / 1_000_000)
        } catch {
            let flag = "--" + error.key.replacing("_", with: "-")
            throw ValidationError("\(flag): \(error.reason)")
        }
    }
}
