import GRDB
import MemoryModel
import PeakStore
import Report

/// Finds the runs that a query asks for, during one read.
///
/// One pass over keys, largest peak first, counts what matches and keeps the keys of the largest;
/// only those are then read whole. Times, peaks and inheritance are SQL's to judge. Patterns are
/// judged here, once for each name, because names are numbers in the rows.
struct RunSearch {
    private let database: Database
    private let query: ReportQuery
    private let fewRuns: Int64
    private var names: NameReader
    private var programMatches: [Int64: Bool] = [:]
    private var userMatches: [Int64: Bool] = [:]

    /// Above this many runs that live or ended lately, one walk along the peaks is as quick.
    static let fewRuns: Int64 = 20_000

    /// Prepares for one query; `fewRuns` is as the constant of that name.
    init(_ query: ReportQuery, _ database: Database, fewRuns: Int64) throws {
        self.query = query
        self.fewRuns = fewRuns
        self.database = database
        names = try NameReader(database)
    }

    /// Up to `limit` runs that match, largest peak first, and how many match.
    ///
    /// Runs of equal peaks stand in the order of their keys.
    mutating func run(limit: Int) throws -> RunSelection {
        let boots = try query.host.map { try bootsOfHosts(matching: $0) }
        let row = try PreparedStatement(try path(boots: boots).sql(query), on: database)
        defer { row.reset() }
        try bindRange(to: row)
        if let boots { try row.bind(4, text: "[\(boots.map(String.init).joined(separator: ","))]") }
        var found: [FoundRun] = []
        var matchedCount = 0
        while try row.step() {
            guard try matches(row) else { continue }
            matchedCount += 1
            guard found.count < limit else { continue }
            found.append(
                FoundRun(
                    boot: try row.required(0, as: Int64.self), key: try RunReader.key(row)))
        }
        return RunSelection(runs: try read(found), matchedCount: matchedCount)
    }

    private func path(boots: [Int64]?) throws -> SearchPath {
        if let boots {
            let all = try count("SELECT count(*) FROM boot")
            if boots.count * 4 <= all { return .boots }
        }
        if let since = query.sinceMilliseconds {
            let open = try count(SearchPath.countOfOpen, fewRuns)
            let late = try count(SearchPath.countOfEnded, fewRuns, since)
            if open + late < fewRuns { return .ends(restrictsBoots: boots != nil) }
        }
        return .peaks(restrictsBoots: boots != nil)
    }

    private func bindRange(to row: PreparedStatement) throws {
        // A beginning or a bound that is left out has no parameter in the statement; binding one
        // more would be an error.
        if let since = query.sinceMilliseconds { try row.bind(1, since) }
        if let until = query.untilMilliseconds { try row.bind(2, until) }
        if query.minimumPeakBytes > 0 { try row.bind(3, query.minimumPeakBytes.storedAmount) }
    }

    private mutating func matches(_ row: PreparedStatement) throws -> Bool {
        if let program = query.program {
            let name = try row.required(4, as: Int64.self)
            if programMatches[name] == nil {
                programMatches[name] = program.matches(try names.name(name))
            }
            guard programMatches[name] == true else { return false }
        }
        guard let user = query.user else { return true }
        if let name = row.number(5) {
            if userMatches[name] == nil { userMatches[name] = user.matches(try names.name(name)) }
            return userMatches[name] == true
        }
        guard let number = row.number(6) else { return false }
        return user.matches(RawText(String(number)))
    }

    /// The boots of every host whose id or name matches.
    private mutating func bootsOfHosts(matching glob: Glob) throws -> [Int64] {
        let row = try PreparedStatement(
            """
            SELECT boot.id, host.host_id, host.name FROM boot JOIN host ON host.id = boot.host
            """, on: database)
        defer { row.reset() }
        var boots: [Int64] = []
        while try row.step() {
            let name = try names.name(row.number(2))
            if glob.matches(RawText(row.bytes(1))) || name.map(glob.matches) ?? false {
                boots.append(try row.required(0, as: Int64.self))
            }
        }
        return boots
    }

    private func read(_ found: [FoundRun]) throws -> [StoredRun] {
        let row = try PreparedStatement(
            """
            SELECT \(RunReader.columns) FROM run
            WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
        defer { row.reset() }
        var reader = try RunReader(database)
        return try found.map { run in
            try row.bind(1, run.boot)
            try row.bind(2, Int64(run.key.pid))
            try row.bind(3, run.key.startTicks.storedBits)
            try row.bind(4, Int64(run.key.image))
            defer { row.reset() }
            guard try row.step() else { throw DamagedRow(reason: "an index names no run") }
            return try reader.run(row)
        }
    }

    private func count(_ sql: String, _ arguments: Int64...) throws -> Int64 {
        let row = try PreparedStatement(sql, on: database)
        defer { row.reset() }
        for (index, argument) in arguments.enumerated() {
            try row.bind(Int32(index + 1), argument)
        }
        return try row.step() ? row.required(0, as: Int64.self) : 0
    }
}

/// A run by its key.
private struct FoundRun {
    var boot: Int64
    var key: ProcessKey
}

/// Along which index a search goes.
enum SearchPath {
    /// The key itself: the runs of a few boots.
    case boots
    /// The index by end: runs that live, and those that ended late enough.
    case ends(restrictsBoots: Bool)
    /// The index by peak, which has all that a search asks for.
    case peaks(restrictsBoots: Bool)

    /// How many runs have no end, or none with a time, up to `?1`.
    static let countOfOpen = """
        SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_by_end
            WHERE ended_not_after_ms IS NULL LIMIT ?1)
        """

    /// How many runs ended at `?2` or later, up to `?1`.
    static let countOfEnded = """
        SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_by_end
            WHERE ended_not_after_ms >= ?2 LIMIT ?1)
        """

    private static let columns = "boot, pid, start_ticks, image, program, user, user_id"
    private static let chosenBoots = "(SELECT value FROM json_each(?4))"
    private static let order = "ORDER BY peak_bytes DESC, boot, pid, start_ticks, image"

    /// The statement: the beginning of the range is `?1`, its end `?2`, the smallest peak `?3`,
    /// the boots `?4` as a JSON array.
    func sql(_ query: ReportQuery) -> String {
        let rest = SearchPath.conditions(query)
        let since = query.sinceMilliseconds == nil ? "" : " AND ended_not_after_ms >= ?1"
        switch self {
        case .boots:
            let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
            return """
                SELECT boot, pid, start_ticks, image, program, user, user_id, peak_bytes
                FROM json_each(?4) AS chosen CROSS JOIN run
                WHERE run.boot = chosen.value\(ended)\(rest) \(SearchPath.order)
                """
        case .ends(let restrictsBoots):
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            return """
                SELECT \(SearchPath.columns), peak_bytes FROM run INDEXED BY run_by_end
                WHERE ended_not_after_ms IS NULL\(boots)\(rest)
                UNION ALL
                SELECT \(SearchPath.columns), peak_bytes FROM run INDEXED BY run_by_end
                WHERE true\(since)\(boots)\(rest)
                \(SearchPath.order)
                """
        case .peaks(let restrictsBoots):
            let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            return """
                SELECT \(SearchPath.columns) FROM run INDEXED BY run_by_peak
                WHERE true\(ended)\(boots)\(rest) \(SearchPath.order)
                """
        }
    }

    private static let endsInRange =
        " AND (ended_not_after_ms IS NULL OR ended_not_after_ms >= ?1)"

    private static func conditions(_ query: ReportQuery) -> String {
        var sql = ""
        if query.untilMilliseconds != nil {
            sql += " AND (started_at_ms IS NULL OR started_at_ms <= ?2)"
        }
        if query.minimumPeakBytes > 0 { sql += " AND peak_bytes >= ?3" }
        if !query.includesInherited {
            sql += """
                 AND (inherited_bytes IS NULL OR peak_bytes IS NULL
                    OR peak_bytes > inherited_bytes)
                """
        }
        return sql
    }
}
