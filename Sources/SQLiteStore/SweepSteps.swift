import GRDB
import MemoryModel
import PeakStore

/// How far a sweep is: the slow walk through all tables that removes what no index finds.
struct SweepProgress {
    /// When the last one was finished, in milliseconds since the epoch in UTC; nil before the
    /// first.
    var finishedAtMilliseconds: Int64?
    /// Whether one was asked for that has not begun.
    var isAskedFor = false
    /// Where the one under way is; nil where none is.
    var place: SweepPlace?
    /// The numbers of hosts that have sums, or of which something was written since it began.
    var busyHosts: Set<Int64> = []
    /// Damaged blocks that were told of.
    var toldBlocks: Set<Int64> = []

    /// One follows another after a day.
    static let intervalMilliseconds = WindowLength.day.milliseconds

    /// Whether one should begin.
    func isDue(atMilliseconds now: Int64) -> Bool {
        guard !isAskedFor, let finished = finishedAtMilliseconds else { return true }
        let passed = now.subtractingReportingOverflow(finished)
        // A clock that was set back says nothing.
        return passed.overflow || passed.partialValue < 0
            || passed.partialValue >= SweepProgress.intervalMilliseconds
    }
}

/// Where a sweep is.
struct SweepPlace {
    /// Which of the tables; after them come the blocks of windows, the names, and the hosts.
    var table = 0
    /// The last key that was looked at; nil before the first.
    var key: [Int64]?
}

/// Removes rows whose time is not known and that are too old nevertheless, names that nothing
/// refers to any more, and hosts of which nothing is left, some rows in each transaction.
///
/// A sweep walks through all tables and marks the names of what stays. Whatever is written
/// meanwhile takes its names from `NameCache`, which marks them. What is not marked in the end
/// goes, from the cache as well: the next name may get its number.
struct SweepSteps {
    private let database: Database
    private let now: Int64
    private let cut: Int64

    /// The rows that one step looks at.
    static let stepRows = 2_000
    /// The silent hosts that one step looks at.
    static let stepHosts = 500
    /// The blocks of windows that one step looks at.
    static let stepBlocks = 100

    /// Works on `database`; what is removed is older than `retention` says of runs.
    init(_ database: Database, nowMilliseconds now: Int64, _ retention: Retention) {
        self.database = database
        self.now = now
        cut = now.subtractingReportingOverflow(max(retention.runsMilliseconds, 0)).partialValue
    }

    /// Takes a step.
    ///
    /// Returns what it removed, and whether there is more to do.
    func step(_ caches: inout WriterCaches) throws -> MaintenanceOutcome {
        var outcome = MaintenanceOutcome()
        if caches.sweep.place == nil || caches.names.marks == nil {
            caches.sweep.place = nil
            guard caches.sweep.isDue(atMilliseconds: now) else { return outcome }
            caches.sweep.isAskedFor = false
            caches.sweep.place = SweepPlace()
            caches.sweep.busyHosts = []
            caches.names.marks = NameMarks(through: try greatestName())
        }
        guard var place = caches.sweep.place else { return outcome }
        outcome.isMoreDue = true
        let tables = SweptTable.all
        let isDone: Bool
        switch place.table {
        case ..<tables.count:
            isDone = try walk(tables[place.table], &place, &caches, &outcome.counts)
        case tables.count:
            do {
                isDone = try markBlocks(&place, &caches)
            } catch let error as DamagedRow {
                // Nobody can tell which names it has, so that this time none go.
                if let found = try damage(at: place, error, &caches) {
                    outcome.damagedStretches.append(found)
                }
                caches.names.marks = NameMarks(through: 0)
                caches.sweep.place = SweepPlace(table: place.table + 2)
                return outcome
            }
        case tables.count + 1: isDone = try removeNames(&place, &caches, &outcome.counts)
        default:
            isDone = try removeHosts(&place, &caches, &outcome)
            if isDone {
                finish(&caches)
                outcome.isMoreDue = caches.sweep.isAskedFor
                return outcome
            }
        }
        if isDone { place = SweepPlace(table: place.table + 1) }
        caches.sweep.place = place
        return outcome
    }

    private func finish(_ caches: inout WriterCaches) {
        caches.names.marks = nil
        caches.sweep.place = nil
        caches.sweep.busyHosts = []
        caches.sweep.finishedAtMilliseconds = now
    }

    /// How many rows without a time would go.
    func count(_ counts: inout MaintenanceCounts) throws {
        for table in SweptTable.all where table.latest != "NULL" {
            let row = try PreparedStatement(table.count, on: database)
            defer { row.reset() }
            try row.bind(1, cut)
            let count = try row.step() ? row.required(0, as: Int.self) : 0
            counts.add(count, table.kind)
        }
    }

    // MARK: Tables

    private func walk(
        _ table: SweptTable, _ place: inout SweepPlace, _ caches: inout WriterCaches,
        _ counts: inout MaintenanceCounts
    ) throws -> Bool {
        let row = try PreparedStatement(table.select, on: database)
        let columns = table.key.indices
        for index in columns { try row.bind(Int32(index) + 1, place.key?[index] ?? .min) }
        try row.bind(Int32(columns.count) + 1, Int64(SweepSteps.stepRows))
        var count = 0
        var old: [[Int64]] = []
        while try row.step() {
            count += 1
            let key = columns.map { row.integer(Int32($0)) }
            place.key = key
            if let latest = row.number(Int32(columns.count)), latest < cut {
                old.append(key)
                continue
            }
            if let host = table.host { caches.sweep.busyHosts.insert(key[host]) }
            for index in table.names.indices {
                let id = row.number(Int32(columns.count + 1 + index))
                if let id { caches.names.marks?.insert(id) }
            }
        }
        row.reset()
        let delete = try PreparedStatement(table.delete, on: database)
        for key in old {
            for index in columns { try delete.bind(Int32(index) + 1, key[index]) }
            counts.add(try delete.run(), table.kind)
        }
        return count < SweepSteps.stepRows
    }

    private func markBlocks(
        _ place: inout SweepPlace, _ caches: inout WriterCaches
    ) throws -> Bool {
        let row = try PreparedStatement(
            "SELECT id, block FROM subject_block WHERE id > ?1 ORDER BY id LIMIT ?2",
            on: database)
        defer { row.reset() }
        try row.bind(1, place.key?.first ?? .min)
        try row.bind(2, Int64(SweepSteps.stepBlocks))
        var count = 0
        while try row.step() {
            count += 1
            place.key = [row.integer(0)]
            for subject in try SubjectWindows.subjects(in: row.bytes(1)) {
                caches.names.marks?.insert(subject)
            }
        }
        return count < SweepSteps.stepBlocks
    }

    /// The block that a sweep met last, which is damaged; nil if that was told already.
    private func damage(
        at place: SweepPlace, _ error: DamagedRow, _ caches: inout WriterCaches
    ) throws -> DamagedHour? {
        guard let block = place.key?.first, caches.sweep.toldBlocks.insert(block).inserted else {
            return nil
        }
        let row = try PreparedStatement(
            """
            SELECT host.host_id, subject_block.starts_at_ms
            FROM subject_block JOIN host ON host.id = subject_block.host
            WHERE subject_block.id = ?1
            """, on: database)
        defer { row.reset() }
        try row.bind(1, block)
        guard try row.step() else { return nil }
        return DamagedHour(
            host: try HostReader.hostID(row, 0),
            startsAtMilliseconds: try row.required(1, as: Int64.self), reason: error.reason)
    }

    // MARK: Hosts

    /// Removes hosts that were silent for as long as runs are kept, and of which nothing is left.
    private func removeHosts(
        _ place: inout SweepPlace, _ caches: inout WriterCaches,
        _ outcome: inout MaintenanceOutcome
    ) throws -> Bool {
        let hosts = try HostRemoval(database)
        let found = try hosts.silent(
            after: place.key?.first ?? .min, beforeMilliseconds: cut,
            limit: SweepSteps.stepHosts)
        place.key = found.last.map { [$0.number] }
        for host in found where !caches.sweep.busyHosts.contains(host.number) {
            guard try hosts.isEmpty(host.number) else { continue }
            try hosts.remove(host.number, host.id, &caches)
            outcome.counts.hosts += 1
            outcome.removedHosts.append(host.id)
        }
        return found.count < SweepSteps.stepHosts
    }

    // MARK: Names

    private func greatestName() throws -> Int64 {
        let row = try PreparedStatement("SELECT max(id) FROM name", on: database)
        defer { row.reset() }
        return try row.step() ? row.integer(0) : 0
    }

    private func removeNames(
        _ place: inout SweepPlace, _ caches: inout WriterCaches,
        _ counts: inout MaintenanceCounts
    ) throws -> Bool {
        let row = try PreparedStatement(
            "SELECT id FROM name WHERE id > ?1 ORDER BY id LIMIT ?2", on: database)
        try row.bind(1, place.key?.first ?? .min)
        try row.bind(2, Int64(SweepSteps.stepRows))
        var count = 0
        var unused: [Int64] = []
        while try row.step() {
            count += 1
            let id = row.integer(0)
            place.key = [id]
            if caches.names.marks?.contains(id) == false { unused.append(id) }
        }
        row.reset()
        let delete = try PreparedStatement(
            "DELETE FROM name WHERE id = ?1 RETURNING bytes", on: database)
        for id in unused {
            try delete.bind(1, id)
            while try delete.step() {
                caches.names.remove(RawText(delete.bytes(0)))
                counts.names += 1
            }
            delete.reset()
        }
        return count < SweepSteps.stepRows
    }
}

extension MaintenanceCounts {
    /// Counts rows that were removed, or would be.
    fileprivate mutating func add(_ rows: Int, _ kind: SweptTable.Kind) {
        switch kind {
        case .run: runs += rows
        case .fold: folds += rows
        case .fact: facts += rows
        }
    }
}
