import GRDB
import MemoryModel
import PeakStore

/// Merges runs into the table `run` during one transaction.
struct RunWriter {
    private let compare: PreparedStatement
    private let insert: PreparedStatement
    private let updates: [PreparedStatement]
    private let aside: PurgedRunWriter
    private let applied: AppliedWriter
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(
        _ database: Database, names: NameWriter, hosts: HostKeys, applied: AppliedWriter
    ) throws {
        compare = try PreparedStatement(RunMerge.compare, on: database)
        insert = try PreparedStatement(RunMerge.insert, on: database)
        updates = try RunMerge.updates.map { try PreparedStatement($0, on: database) }
        aside = try PurgedRunWriter(database)
        self.applied = applied
        self.names = names
        self.hosts = hosts
    }

    /// Makes `run` and the row of its key one.
    ///
    /// A run that has no row is not made one if its ordinal was applied: it was there, and was
    /// folded or left out since. A peak that was purged is set aside.
    func merge(_ run: StoredRun, _ caches: inout WriterCaches) throws {
        let boot = try hosts.boot(run.boot, of: run.host, &caches)
        var row = RunRow(
            boot: boot, record: run.record,
            description: try DescriptionIDs(run.record.description, names, &caches.names))
        let tombstone = caches.tombstone(over: run.record.peak?.bracket, of: run.host)
        if tombstone != nil { row.record.peak = nil }
        if run.record.end != nil, run.epoch != nil, run.record.ordinal != nil {
            row.record.flags.insert(.isNumbered)
        }
        let difference = try difference(to: row)
        let isNew = try note(run, &caches)
        guard difference != nil || isNew else { return }
        caches.folding.ended(atMilliseconds: run.record.end?.bracket?.notAfterMilliseconds)
        if let tombstone, let peak = run.record.peak {
            let place = RunPlace(boot: boot, key: run.record.key)
            try aside.setAside(peak, of: place, under: tombstone)
        }
        if let difference {
            try update(row, difference)
        } else {
            try row.bindAll(to: insert)
            try insert.bind(31, text: run.key.shortID)
            try insert.run()
        }
    }

    /// Notes the ordinal of a run that ended; false if it was applied before.
    private func note(_ run: StoredRun, _ caches: inout WriterCaches) throws -> Bool {
        guard run.record.end != nil, let epoch = run.epoch, let ordinal = run.record.ordinal else {
            return true
        }
        let start = EpochOfHost(host: try hosts.host(run.host, &caches), epoch: epoch)
        guard try !applied.contains(ordinal, of: start, caches) else { return false }
        caches.applied[start, default: OrdinalRanges()].insert(ordinal)
        return true
    }

    private func update(_ row: RunRow, _ difference: RunDifference) throws {
        guard !difference.isEmpty else { return }
        let update = updates[difference.rawValue]
        try row.bindKey(to: update)
        if difference.contains(.description) { try row.bindDescription(to: update) }
        if difference.contains(.peak) { try row.bindPeak(to: update) }
        if difference.contains(.end) { try row.bindEnd(to: update) }
        if difference.contains(.present) { try row.bindPresent(to: update) }
        try update.run()
    }

    private func difference(to row: RunRow) throws -> RunDifference? {
        try row.bindKey(to: compare)
        try row.bindDescription(to: compare)
        try row.bindPeak(to: compare)
        try row.bindPresent(to: compare)
        try row.bindEndReason(to: compare)
        defer { compare.reset() }
        guard try compare.step() else { return nil }
        var difference: RunDifference = []
        if compare.flag(0) { difference.insert(.description) }
        if compare.flag(1) { difference.insert(.peak) }
        if compare.flag(2) { difference.insert(.end) }
        if compare.flag(3) { difference.insert(.present) }
        return difference
    }
}

/// The numbers of the names of one description.
private struct DescriptionIDs {
    var program: Int64
    var comm: Int64
    var executable: Int64?
    var command: Int64?
    var user: Int64?
    var cgroup: Int64?
    var unit: Int64?
    var container: Int64?

    init(
        _ description: RunDescription, _ names: NameWriter, _ cache: inout NameCache
    ) throws {
        program = try names.id(of: description.program, &cache)
        comm = try names.id(of: description.comm, &cache)
        executable = try names.id(ofOptional: description.executable, &cache)
        command = try names.id(ofOptional: description.command, &cache)
        user = try names.id(ofOptional: description.user, &cache)
        cgroup = try names.id(ofOptional: description.cgroup, &cache)
        unit = try names.id(ofOptional: description.unit, &cache)
        container = try names.id(ofOptional: description.container, &cache)
    }
}

/// One run as the parameters of the statements of `RunMerge`.
private struct RunRow {
    var boot: Int64
    var record: RunRecord
    var description: DescriptionIDs

    func bindAll(to statement: PreparedStatement) throws {
        try bindKey(to: statement)
        try bindDescription(to: statement)
        try bindPeak(to: statement)
        try bindPresent(to: statement)
        try bindEnd(to: statement)
    }

    func bindKey(to statement: PreparedStatement) throws {
        try statement.bind(1, boot)
        try statement.bind(2, Int64(record.key.pid))
        try statement.bind(3, record.key.startTicks.storedBits)
        try statement.bind(4, Int64(record.key.image))
        try statement.bind(5, record.current?.atMilliseconds)
    }

    func bindDescription(to statement: PreparedStatement) throws {
        try statement.bind(6, description.program)
        try statement.bind(7, description.comm)
        try statement.bind(8, description.executable)
        try statement.bind(9, description.command)
        try statement.bind(10, record.description.userID.map(Int64.init))
        try statement.bind(11, description.user)
        try statement.bind(12, description.cgroup)
        try statement.bind(13, description.unit)
        try statement.bind(14, description.container)
        try statement.bind(15, record.description.parentPid.map(Int64.init))
        try statement.bind(16, record.description.startedAtMilliseconds)
        try statement.bind(17, record.description.inheritedBytes?.storedAmount)
    }

    func bindPeak(to statement: PreparedStatement) throws {
        try statement.bind(18, record.peak?.bytes.storedAmount)
        try statement.bind(19, record.peak?.bracket?.notBeforeMilliseconds)
        try statement.bind(20, record.peak?.bracket?.notAfterMilliseconds)
        try statement.bind(21, (record.peak?.source.rawValue).map(Int64.init))
    }

    func bindPresent(to statement: PreparedStatement) throws {
        try statement.bind(22, record.swapPeakBytes?.storedAmount)
        try statement.bind(23, record.current?.residentBytes?.storedAmount)
        try statement.bind(24, record.current?.swapBytes?.storedAmount)
        try statement.bind(25, record.processorMilliseconds?.storedAmount)
        try statement.bind(32, Int64(record.flags.rawValue))
        try statement.bind(33, record.faults?.minor.storedAmount)
        try statement.bind(34, record.faults?.major.storedAmount)
    }

    func bindEndReason(to statement: PreparedStatement) throws {
        try statement.bind(26, (record.end?.reason.rawValue).map(Int64.init))
    }

    func bindEnd(to statement: PreparedStatement) throws {
        try bindEndReason(to: statement)
        try statement.bind(27, record.end?.bracket?.notBeforeMilliseconds)
        try statement.bind(28, record.end?.bracket?.notAfterMilliseconds)
        try statement.bind(29, (record.end?.exitCode).map(Int64.init))
        try statement.bind(30, (record.end?.exitSignal).map(Int64.init))
    }
}
