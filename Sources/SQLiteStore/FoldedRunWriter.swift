import GRDB
import MemoryModel
import PeakStore

/// Puts runs of one hour into folds of the store's own, during one transaction.
struct FoldedRunWriter {
    private let database: Database
    private let hour: Int64
    private let folds: FoldWriter
    private let applied: AppliedWriter
    private let hosts: HostKeys
    private let delete: PreparedStatement
    private let selectPurged: PreparedStatement
    /// By host: the next ordinal, or nil where nothing may be folded.
    private var next: [Int64: UInt64?] = [:]
    private let purged: [TombstoneRow]
    private var shares: [Int64: Set<ProcessKey>] = [:]

    /// Prepares for the hour that begins at `hour`.
    init(_ database: Database, hour: Int64) throws {
        self.database = database
        self.hour = hour
        applied = try AppliedWriter(database)
        hosts = try HostKeys(database)
        folds = try FoldWriter(
            database, names: NameWriter(database), hosts: hosts, applied: applied)
        delete = try PreparedStatement(
            """
            DELETE FROM run
            WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
        selectPurged = try PreparedStatement(
            """
            SELECT 1 FROM purged_run WHERE tombstone = ?5
                AND boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
        // Also those of which not all is brought back yet.
        purged = try TombstoneTable.rows(database)
    }

    /// Makes one fold of runs of one subject, and deletes their rows.
    ///
    /// Returns how many went. Those stay that an hour's greatest sum was made of, because its
    /// shares name them.
    mutating func fold(
        _ runs: [(place: RunPlace, run: StoredRun)], _ caches: inout WriterCaches
    ) throws -> Int {
        guard let first = runs.first?.run else { return 0 }
        let host = try hosts.host(first.host, &caches)
        guard let ordinal = try nextOrdinal(of: host) else { return 0 }
        let shares = try shares(of: host)
        let subject = FoldSubject(first.record.description)
        let chosen = try runs.filter {
            // A later copy may have described it otherwise since it was looked at.
            try FoldSubject($0.run.record.description) == subject
                && !shares.contains($0.place.key) && !isPurged($0.place, of: host)
        }
        guard chosen.count > 1 else { return 0 }
        var fold = Fold(ordinal: ordinal, subject: subject)
        for run in chosen {
            fold.add(run.run.record)
            try run.place.bind(to: delete)
            try delete.run()
        }
        next[host] = ordinal + 1
        let stored = StoredFold(
            host: first.host, boot: first.boot, epoch: StoredFold.storeEpoch, fold: fold)
        try folds.merge(stored, &caches)
        return chosen.count
    }

    /// Writes the ordinals of its folds.
    func flush(_ caches: inout WriterCaches) throws { try applied.flush(&caches) }

    /// Nil where a purge stands that may mean some of the hour's peaks, and where no number is
    /// left.
    private mutating func nextOrdinal(of host: Int64) throws -> UInt64? {
        if let known = next[host] { return known }
        let end = hour &+ StoredTotal.hourLengthMilliseconds
        let isPurged = purged.contains {
            $0.host == host && $0.range.since < end && $0.range.until >= hour
        }
        let last = try lastApplied(of: host) ?? -1
        let ordinal = isPurged || last == .max ? nil : UInt64(last + 1)
        next[host] = .some(ordinal)
        return ordinal
    }

    /// Whether a purge took a peak of the run away, which an undo brings back to its row.
    private func isPurged(_ place: RunPlace, of host: Int64) throws -> Bool {
        for row in purged where row.host == host {
            try place.bind(to: selectPurged)
            try selectPurged.bind(5, row.tombstone.id)
            defer { selectPurged.reset() }
            if try selectPurged.step() { return true }
        }
        return false
    }

    /// The greatest ordinal of the store's own folds of a host that is not negative.
    private func lastApplied(of host: Int64) throws -> Int64? {
        let row = try PreparedStatement(
            """
            SELECT last FROM applied WHERE host = ?1 AND epoch = ?2 AND last >= 0
            ORDER BY first DESC LIMIT 1
            """, on: database)
        defer { row.reset() }
        try row.bind(1, host)
        try row.bind(2, StoredFold.storeEpoch.storedBits)
        return try row.step() ? row.required(0, as: Int64.self) : nil
    }

    /// The runs of which the greatest sum of a host in the hour was made.
    private mutating func shares(of host: Int64) throws -> Set<ProcessKey> {
        if let known = shares[host] { return known }
        let row = try PreparedStatement(
            """
            SELECT NULL, pid, start_ticks, image FROM total_share
            WHERE hour_at_ms = ?1 AND host = ?2
            """, on: database)
        defer { row.reset() }
        try row.bind(1, hour)
        try row.bind(2, host)
        var found: Set<ProcessKey> = []
        while try row.step() { found.insert(try RunReader.key(row)) }
        shares[host] = found
        return found
    }
}
