import GRDB
import MemoryModel
import PeakStore
import Report

/// Puts folds together while they are read, so that what is held is bounded by how many hosts,
/// programs, users and cgroups there are, and not by how long the range is.
struct FoldSummer {
    private let database: Database
    private let query: FoldQuery
    private var sums: [Sum] = []
    private var places: [Key: Int] = [:]
    private var isCut = false

    /// What stays apart; names are their numbers, and 0 is none.
    private struct Key: Hashable {
        var boot: Int64
        var program: Int64
        var user: Int64
        var cgroup: Int64
        var isMadeByStore: Bool
        var hasTimes: Bool
    }

    private struct Sum {
        var key: Key
        /// The user and cgroup of all, or nil once there are several.
        var user: Int64?
        var cgroup: Int64?
        var fold: Fold
    }

    private static let columns = """
        boot, epoch, program, user, cgroup, run_count, failure_count, kill_count, \
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, sum_of_peaks_bytes, \
        histogram, processor_ms, ended_not_before_ms, ended_not_after_ms
        """

    /// The index costs a look into the table for each fold; a scan does not, but meets them all.
    private static let selectByEnd = """
        SELECT \(columns) FROM fold INDEXED BY fold_by_end WHERE ended_not_after_ms IS NULL
        UNION ALL
        SELECT \(columns) FROM fold INDEXED BY fold_by_end
        WHERE ended_not_after_ms >= ?1 AND +ended_not_before_ms <= ?2
        """
    private static let selectByScan = """
        SELECT \(columns) FROM fold WHERE +ended_not_after_ms IS NULL
            OR +ended_not_after_ms >= ?1 AND +ended_not_before_ms <= ?2
        """
    private static let selectTimes = """
        SELECT (SELECT min(ended_not_after_ms) FROM fold),
            (SELECT max(ended_not_after_ms) FROM fold)
        """
    /// A part of all time up to one in so many is read along the index.
    private static let indexedPart: Int64 = 6

    /// Puts together what `query` asks for, in one read of `database`.
    static func sums(_ query: FoldQuery, _ database: Database) throws -> FoldSums {
        var summer = FoldSummer(database: database, query: query)
        try summer.read()
        return try summer.named()
    }

    private init(database: Database, query: FoldQuery) {
        self.database = database
        self.query = query
    }

    // MARK: Reading

    private mutating func read() throws {
        let range = StoredRange(since: query.sinceMilliseconds, until: query.untilMilliseconds)
        let sql =
            try isShort(range) ? FoldSummer.selectByEnd : FoldSummer.selectByScan
        let row = try PreparedStatement(sql, on: database)
        defer { row.reset() }
        try row.bind(1, range.since)
        try row.bind(2, range.until)
        while try row.step() { try add(row) }
    }

    /// Whether few folds end after the beginning of `range`, as far as their times tell.
    private func isShort(_ range: StoredRange) throws -> Bool {
        let row = try PreparedStatement(FoldSummer.selectTimes, on: database)
        defer { row.reset() }
        guard try row.step(), let first = row.number(0), let last = row.number(1) else {
            return false
        }
        guard range.since > first else { return false }
        let (part, isEarlier) = last.subtractingReportingOverflow(range.since)
        let (whole, isEndless) = last.subtractingReportingOverflow(first)
        return !isEarlier && !isEndless && part < whole / FoldSummer.indexedPart
    }

    private mutating func add(_ row: PreparedStatement) throws {
        let (user, cgroup) = (row.integer(3), row.integer(4))
        let bracket = RunReader.bracket(row, from: 15)
        let epoch = UInt64(bitPattern: try row.required(1, as: Int64.self))
        let key = Key(
            boot: try row.required(0, as: Int64.self), program: try row.required(2, as: Int64.self),
            user: query.keepsUsers ? user : 0, cgroup: query.keepsCgroups ? cgroup : 0,
            isMadeByStore: epoch == StoredFold.storeEpoch && bracket != nil,
            hasTimes: bracket != nil)
        var fold = Fold(ordinal: 0, subject: FoldSummer.unnamed)
        fold.runCount = try row.required(5, as: UInt64.self)
        fold.failureCount = try row.required(6, as: UInt64.self)
        fold.killCount = try row.required(7, as: UInt64.self)
        fold.peak = try RunReader.peak(row, from: 8)
        fold.sumOfPeaksBytes = try row.required(12, as: UInt64.self)
        fold.processorMilliseconds = try row.required(14, as: UInt64.self)
        fold.bracket = bracket
        if query.minimumPeakBytes > 0 {
            fold.histogram = try HistogramBlob.histogram(in: row.bytes(13))
            guard let part = fold.part(withPeakFrom: query.minimumPeakBytes) else { return }
            fold = part
        }
        guard let place = places[key] else {
            guard sums.count < FoldSums.maximumCount else {
                isCut = true
                return
            }
            places[key] = sums.count
            sums.append(Sum(key: key, user: user, cgroup: cgroup, fold: fold))
            try addHistogram(row, at: sums.count - 1)
            return
        }
        sums[place].fold.add(fold)
        if sums[place].user != user { sums[place].user = nil }
        if sums[place].cgroup != cgroup { sums[place].cgroup = nil }
        try addHistogram(row, at: place)
    }

    /// Most reports take all runs, and need no histogram of each fold by itself.
    private mutating func addHistogram(_ row: PreparedStatement, at place: Int) throws {
        guard query.minimumPeakBytes == 0 else { return }
        try row.withBytes(13) { try HistogramBlob.add($0, to: &sums[place].fold.histogram) }
    }

    private static let unnamed = FoldSubject(program: RawText(""), user: nil, cgroup: nil)

    // MARK: Names

    private func named() throws -> FoldSums {
        var boots = try BootReader(database)
        var names = try NameReader(database)
        var result = FoldSums()
        result.isCut = isCut
        result.sums.reserveCapacity(sums.count)
        for sum in sums {
            let boot = try boots.boot(sum.key.boot)
            var fold = sum.fold
            fold.subject = FoldSubject(
                program: try names.name(sum.key.program),
                user: try names.name(sum.user == 0 ? nil : sum.user),
                cgroup: try names.name(sum.cgroup == 0 ? nil : sum.cgroup))
            result.sums.append(
                FoldSum(
                    host: boot.host, boot: boot.boot, fold: fold,
                    isMadeByStore: sum.key.isMadeByStore))
        }
        return result
    }
}

/// Finds out which programs folded runs had.
enum FoldedPrograms {
    /// Up to `limit` programs that match and of which a run of a matching user was folded.
    static func matching(
        _ program: Glob, user: Glob?, limit: Int, on database: Database
    ) throws -> Set<RawText> {
        var wanted = try namesMatching(program, on: database)
        guard !wanted.isEmpty else { return [] }
        var found: Set<RawText> = []
        var names = try NameReader(database)
        var users: [Int64: Bool] = [:]
        let row = try PreparedStatement("SELECT program, user FROM fold", on: database)
        defer { row.reset() }
        while found.count < limit, !wanted.isEmpty, try row.step() {
            let number = row.integer(0)
            guard let name = wanted[number] else { continue }
            if let user {
                let id = row.integer(1)
                if users[id] == nil {
                    users[id] = try names.name(id == 0 ? nil : id).map(user.matches) ?? false
                }
                guard users[id] == true else { continue }
            }
            found.insert(name)
            wanted[number] = nil
        }
        return found
    }

    private static func namesMatching(
        _ glob: Glob, on database: Database
    ) throws -> [Int64: RawText] {
        let row = try PreparedStatement("SELECT id, bytes FROM name", on: database)
        defer { row.reset() }
        var names: [Int64: RawText] = [:]
        while try row.step() {
            let name = row.bytes(1)
            if glob.matches(name) { names[row.integer(0)] = RawText(name) }
        }
        return names
    }
}
