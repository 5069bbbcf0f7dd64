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
    /// What each pattern said of each name.
    private var nameMatches: [NamedField: [Int64: Bool]] = [:]
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
        if query.patterns.isEmpty, query.user == nil { return try runWithoutNames(limit: limit) }
        let query = query
        let row = try statement { $0.sql(query) }
        defer { row.reset() }
        let fields = SearchPath.fields(query)
        let inherited = SearchPath.inheritedColumn(query)
        var inheritedCount = 0
        var found: [FoundRun] = []
        var matchedCount = 0
        while try row.step() {
            guard try matches(row, fields) else { continue }
            if !query.includesInherited, row.flag(inherited) {
                inheritedCount += 1
                continue
            }
            matchedCount += 1
            guard found.count < limit else { continue }
            found.append(
                FoundRun(
                    boot: try row.required(0, as: Int64.self), key: try RunReader.key(row)))
        }
        return RunSelection(
            runs: try read(found), matchedCount: matchedCount, inheritedCount: inheritedCount)
    }

    /// The same where no name is to be looked at: SQLite counts them by itself, in a third of the
    /// time that it takes to hand each over.
    private mutating func runWithoutNames(limit: Int) throws -> RunSelection {
        let query = query
        let counting = try statement { $0.count(query) }
        defer { counting.reset() }
        var counts = (all: 0, inherited: 0)
        // A walk along the index by end has a row for what lives and one for what ended.
        while try counting.step() {
            counts.all += Int(try counting.required(0, as: Int64.self))
            counts.inherited += Int(try counting.required(1, as: Int64.self))
        }
        let row = try statement { $0.sql(query) }
        defer { row.reset() }
        let inherited = SearchPath.inheritedColumn(query)
        var found: [FoundRun] = []
        while found.count < limit, try row.step() {
            if !query.includesInherited, row.flag(inherited) { continue }
            found.append(
                FoundRun(
                    boot: try row.required(0, as: Int64.self), key: try RunReader.key(row)))
        }
        let left = query.includesInherited ? 0 : counts.inherited
        return RunSelection(
            runs: try read(found), matchedCount: counts.all - left, inheritedCount: left)
    }

    /// The statement that `sql` makes of the way that is the shortest, with its parameters.
    mutating func statement(_ sql: (SearchPath) -> String) throws -> PreparedStatement {
        let boots = query.isRestrictedToHosts ? try bootsOfMatchingHosts() : nil
        let row = try PreparedStatement(sql(try path(boots: boots)), on: database)
        try bindRange(to: row)
        if let boots { try row.bind(4, text: "[\(boots.map(String.init).joined(separator: ","))]") }
        return row
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

    /// Whether every pattern holds against its column, and the user's against columns 5 and 6.
    mutating func matches(
        _ row: PreparedStatement, _ fields: [(column: Int32, field: NamedField)]
    ) throws -> Bool {
        for (column, field) in fields {
            guard let pattern = query.patterns[field] else { continue }
            guard let name = row.number(column) else { return false }
            if nameMatches[field]?[name] == nil {
                nameMatches[field, default: [:]][name] = pattern.matches(try names.name(name))
            }
            guard nameMatches[field]?[name] == true else { return false }
        }
        guard let user = query.user else { return true }
        if let name = row.number(5) {
            if userMatches[name] == nil { userMatches[name] = user.matches(try names.name(name)) }
            return userMatches[name] == true
        }
        guard let number = row.number(6) else { return false }
        return user.matches(RawText(String(number)))
    }

    /// The boots of every host that the query asks for.
    private mutating func bootsOfMatchingHosts() throws -> [Int64] {
        let labels = try HostReader(database).labels()
        let row = try PreparedStatement(
            """
            SELECT boot.id, host.host_id, host.name, host.id
            FROM boot JOIN host ON host.id = boot.host
            """, on: database)
        defer { row.reset() }
        var boots: [Int64] = []
        while try row.step() {
            let host = try HostReader.hostID(row, 1)
            let known = labels[try row.required(3, as: Int64.self)] ?? []
            let name = try names.name(row.number(2)) ?? RawText(host.text)
            if query.matches(host: host, name: name, labels: known) {
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
    private static let columnCount: Int32 = 7

    /// The names that a query has patterns for, and in which column each stands.
    static func fields(_ query: ReportQuery) -> [(column: Int32, field: NamedField)] {
        let others = NamedField.allCases.filter { $0 != .program && query.patterns[$0] != nil }
        return [(4, .program)] + others.enumerated().map { (columnCount + Int32($0), $1) }
    }

    /// The column that says whether a peak is only inherited.
    static func inheritedColumn(_ query: ReportQuery) -> Int32 {
        columnCount + Int32(fields(query).count - 1)
    }

    private static let isInherited =
        "inherited_bytes IS NOT NULL AND peak_bytes IS NOT NULL AND peak_bytes <= inherited_bytes"

    /// The columns of a search; those after the usual ones are in no index.
    private static func columns(_ query: ReportQuery) -> String {
        ([columns] + fields(query).dropFirst().map(\.field.rawValue) + [isInherited])
            .joined(separator: ", ")
    }

    private static let chosenBoots = "(SELECT value FROM json_each(?4))"
    private static let order = "ORDER BY peak_bytes DESC, boot, pid, start_ticks, image"

    /// The statement: the beginning of the range is `?1`, its end `?2`, the smallest peak `?3`,
    /// the boots `?4` as a JSON array.
    func sql(_ query: ReportQuery) -> String {
        let rest = SearchPath.conditions(query)
        let columns = SearchPath.columns(query)
        let since = query.sinceMilliseconds == nil ? "" : " AND ended_not_after_ms >= ?1"
        switch self {
        case .boots:
            let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
            return """
                SELECT \(columns), peak_bytes
                FROM json_each(?4) AS chosen CROSS JOIN run
                WHERE run.boot = chosen.value\(ended)\(rest) \(SearchPath.order)
                """
        case .ends(let restrictsBoots):
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            return """
                SELECT \(columns), peak_bytes FROM run INDEXED BY run_by_end
                WHERE ended_not_after_ms IS NULL\(boots)\(rest)
                UNION ALL
                SELECT \(columns), peak_bytes FROM run INDEXED BY run_by_end
                WHERE true\(since)\(boots)\(rest)
                \(SearchPath.order)
                """
        case .peaks(let restrictsBoots):
            let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            return """
                SELECT \(columns) FROM run INDEXED BY run_by_peak
                WHERE true\(ended)\(boots)\(rest) \(SearchPath.order)
                """
        }
    }

    /// The statement that counts the same runs, and those of them whose peak is only inherited.
    func count(_ query: ReportQuery) -> String {
        let columns = "count(*), count(*) FILTER (WHERE \(SearchPath.isInherited))"
        guard case .peaks(let restrictsBoots) = self else { return walk(query, columns: columns) }
        let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
        let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
        return """
            SELECT \(columns) FROM run INDEXED BY run_by_peak
            WHERE true\(ended)\(boots)\(SearchPath.conditions(query))
            """
    }

    /// The statement of a walk: `columns` of the same runs in any order.
    func walk(_ query: ReportQuery, columns: String) -> String {
        let rest = SearchPath.conditions(query)
        let since = query.sinceMilliseconds == nil ? "" : " AND ended_not_after_ms >= ?1"
        let ended = query.sinceMilliseconds == nil ? "" : SearchPath.endsInRange
        switch self {
        case .boots:
            return """
                SELECT \(columns)
                FROM json_each(?4) AS chosen CROSS JOIN run
                WHERE run.boot = chosen.value\(ended)\(rest)
                """
        case .ends(let restrictsBoots):
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            return """
                SELECT \(columns) FROM run INDEXED BY run_by_end
                WHERE ended_not_after_ms IS NULL\(boots)\(rest)
                UNION ALL
                SELECT \(columns) FROM run INDEXED BY run_by_end
                WHERE true\(since)\(boots)\(rest)
                """
        case .peaks(let restrictsBoots):
            let boots = restrictsBoots ? " AND boot IN \(SearchPath.chosenBoots)" : ""
            // A plus keeps SQLite from the indexes by end and by peak, either of which costs a look
            // into the table for each run; where a table has no rowid, NOT INDEXED is not heeded.
            let plain = (ended + boots + rest)
                .replacing("ended_not_after_ms", with: "+ended_not_after_ms")
                .replacing("peak_bytes", with: "+peak_bytes")
            return "SELECT \(columns) FROM run WHERE true\(plain)"
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
        return sql
    }
}
