import GRDB
import MemoryModel
import PeakStore

/// Keeps folds in the table `fold`, or sets them aside where they were purged, during one
/// transaction.
struct FoldWriter {
    private let insert: PreparedStatement
    private let setAside: PreparedStatement
    private let applied: AppliedWriter
    private let names: NameWriter
    private let hosts: HostKeys

    private static let columns = """
        host, epoch, ordinal, boot, program, user, cgroup, run_count, failure_count, kill_count, \
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, sum_of_peaks_bytes, \
        histogram, processor_ms, ended_not_before_ms, ended_not_after_ms
        """
    private static let parameters = (1...19).map { "?\($0)" }.joined(separator: ", ")

    /// Prepares the statements.
    init(
        _ database: Database, names: NameWriter, hosts: HostKeys, applied: AppliedWriter
    ) throws {
        insert = try PreparedStatement(
            """
            INSERT INTO fold (\(FoldWriter.columns)) VALUES (\(FoldWriter.parameters))
            ON CONFLICT DO NOTHING
            """, on: database)
        setAside = try PreparedStatement(
            """
            INSERT INTO purged_fold (tombstone, \(FoldWriter.columns))
            VALUES (?20, \(FoldWriter.parameters)) ON CONFLICT DO NOTHING
            """, on: database)
        self.applied = applied
        self.names = names
        self.hosts = hosts
    }

    /// Keeps `stored` unless its ordinal was applied before, whatever it says.
    func merge(_ stored: StoredFold, _ caches: inout WriterCaches) throws {
        let epoch = EpochOfHost(host: try hosts.host(stored.host, &caches), epoch: stored.epoch)
        guard try !applied.contains(stored.fold.ordinal, of: epoch, caches) else { return }
        caches.applied[epoch, default: OrdinalRanges()].insert(stored.fold.ordinal)
        try keep(stored, &caches)
    }

    /// Keeps `stored`, whose ordinal was not applied or was taken away, or sets it aside where a
    /// tombstone covers its peaks.
    func keep(_ stored: StoredFold, _ caches: inout WriterCaches) throws {
        if let tombstone = caches.tombstone(over: stored.purgeBracket, of: stored.host) {
            try setAside(stored, under: tombstone, &caches)
        } else {
            try bind(stored, to: insert, &caches)
            try insert.run()
        }
    }

    /// Sets `stored` aside under a tombstone.
    func setAside(
        _ stored: StoredFold, under tombstone: Int64, _ caches: inout WriterCaches
    ) throws {
        try bind(stored, to: setAside, &caches)
        try setAside.bind(20, tombstone)
        try setAside.run()
    }

    private func bind(
        _ stored: StoredFold, to statement: PreparedStatement, _ caches: inout WriterCaches
    ) throws {
        let fold = stored.fold
        try statement.bind(1, hosts.host(stored.host, &caches))
        try statement.bind(2, stored.epoch.storedBits)
        try statement.bind(3, fold.ordinal.storedBits)
        try statement.bind(4, hosts.boot(stored.boot, of: stored.host, &caches))
        try statement.bind(5, names.id(of: fold.subject.program, &caches.names))
        try statement.bind(6, names.id(ofOptional: fold.subject.user, &caches.names))
        try statement.bind(7, names.id(ofOptional: fold.subject.cgroup, &caches.names))
        try statement.bind(8, fold.runCount.storedAmount)
        try statement.bind(9, fold.failureCount.storedAmount)
        try statement.bind(10, fold.killCount.storedAmount)
        try statement.bind(11, fold.peak?.bytes.storedAmount)
        try statement.bind(12, fold.peak?.bracket?.notBeforeMilliseconds)
        try statement.bind(13, fold.peak?.bracket?.notAfterMilliseconds)
        try statement.bind(14, (fold.peak?.source.rawValue).map(Int64.init))
        try statement.bind(15, fold.sumOfPeaksBytes.storedAmount)
        try statement.bind(16, bytes: HistogramBlob.bytes(of: fold.histogram))
        try statement.bind(17, fold.processorMilliseconds.storedAmount)
        try statement.bind(18, fold.bracket?.notBeforeMilliseconds)
        try statement.bind(19, fold.bracket?.notAfterMilliseconds)
    }
}

/// Reads folds during one read or transaction.
struct FoldReader {
    private let database: Database
    private var names: NameReader
    private var boots: BootReader

    private static let columns = """
        boot, epoch, ordinal, program, user, cgroup, run_count, failure_count, kill_count, \
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, sum_of_peaks_bytes, \
        histogram, processor_ms, ended_not_before_ms, ended_not_after_ms
        """

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// The folds with ends in `range`, latest first.
    mutating func folds(in range: StoredRange, limit: Int) throws -> [StoredFold] {
        try folds(
            """
            FROM fold WHERE ended_not_after_ms IS NULL
                OR ended_not_after_ms >= ?1 AND ended_not_before_ms <= ?2
            ORDER BY ended_not_after_ms DESC, host, epoch, ordinal LIMIT ?3
            """
        ) { try range.bind(to: $0, limit: limit) }
    }

    /// The folds of host `host` whose peaks lie in `range`, at most `limit` of them.
    ///
    /// Of an agent's fold that is known of the greatest only; a store's has peaks in all of its
    /// hour.
    mutating func folds(
        ofHost host: Int64, withPeakIn range: StoredRange, limit: Int
    ) throws -> [StoredFold] {
        let hour = "ended_not_after_ms - ended_not_after_ms % ?6"
        return try folds(
            """
            FROM fold WHERE host = ?4 AND (
                peak_not_after_ms >= ?1 AND peak_not_before_ms <= ?2
                OR epoch = ?5 AND \(hour) > ?1 - ?6 AND \(hour) <= ?2)
            LIMIT ?3
            """
        ) {
            let hourLength = StoredTotal.hourLengthMilliseconds
            try StoredRange(since: max(range.since, .min + hourLength), until: range.until)
                .bind(to: $0, limit: limit)
            try $0.bind(4, host)
            try $0.bind(5, StoredFold.storeEpoch.storedBits)
            try $0.bind(6, hourLength)
        }
    }

    /// The folds that were set aside under a tombstone, at most `limit` of them.
    mutating func folds(setAsideUnder tombstone: Int64, limit: Int) throws -> [StoredFold] {
        try folds("FROM purged_fold WHERE tombstone = ?1 LIMIT ?2") {
            try $0.bind(1, tombstone)
            try $0.bind(2, StoredRange.limit(limit))
        }
    }

    private mutating func folds(
        _ rest: String, _ bind: (PreparedStatement) throws -> Void
    ) throws -> [StoredFold] {
        let row = try PreparedStatement("SELECT \(FoldReader.columns) \(rest)", on: database)
        defer { row.reset() }
        try bind(row)
        var folds: [StoredFold] = []
        while try row.step() { folds.append(try fold(row)) }
        return folds
    }

    private mutating func fold(_ row: PreparedStatement) throws -> StoredFold {
        let boot = try boots.boot(row.required(0, as: Int64.self))
        var fold = Fold(
            ordinal: UInt64(bitPattern: try row.required(2, as: Int64.self)),
            subject: FoldSubject(
                program: try names.name(row.required(3, as: Int64.self)),
                user: try names.name(row.number(4)), cgroup: try names.name(row.number(5))))
        fold.runCount = try row.required(6, as: UInt64.self)
        fold.failureCount = try row.required(7, as: UInt64.self)
        fold.killCount = try row.required(8, as: UInt64.self)
        fold.peak = try RunReader.peak(row, from: 9)
        fold.sumOfPeaksBytes = try row.required(13, as: UInt64.self)
        fold.histogram = try HistogramBlob.histogram(in: row.bytes(14))
        fold.processorMilliseconds = try row.required(15, as: UInt64.self)
        fold.bracket = RunReader.bracket(row, from: 16)
        return StoredFold(
            host: boot.host, boot: boot.boot,
            epoch: UInt64(bitPattern: try row.required(1, as: Int64.self)), fold: fold)
    }
}
