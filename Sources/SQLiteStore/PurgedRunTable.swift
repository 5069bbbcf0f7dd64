import GRDB
import MemoryModel
import PeakStore

/// A run by its boot's number and its key.
struct RunPlace: Hashable {
    /// The number of the boot.
    var boot: Int64
    /// The process and image in it.
    var key: ProcessKey

    /// Gives the key to parameters 1 to 4.
    func bind(to statement: PreparedStatement) throws {
        try statement.bind(1, boot)
        try statement.bind(2, Int64(key.pid))
        try statement.bind(3, key.startTicks.storedBits)
        try statement.bind(4, Int64(key.image))
    }
}

/// Sets the peaks of runs aside and brings them back, during one transaction.
struct PurgedRunWriter {
    private let select: PreparedStatement
    private let clear: PreparedStatement
    private let setAside: PreparedStatement
    private let delete: PreparedStatement
    private let raise: PreparedStatement

    private static let isSame = "boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4"

    /// Prepares the statements.
    init(_ database: Database) throws {
        select = try PreparedStatement(
            """
            SELECT peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source
            FROM run WHERE \(PurgedRunWriter.isSame)
            """, on: database)
        clear = try PreparedStatement(
            """
            UPDATE run SET (peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source)
                = (NULL, NULL, NULL, NULL) WHERE \(PurgedRunWriter.isSame)
            """, on: database)
        setAside = try PreparedStatement(RunMerge.setAside, on: database)
        delete = try PreparedStatement(
            "DELETE FROM purged_run WHERE \(PurgedRunWriter.isSame) AND tombstone = ?5",
            on: database)
        raise = try PreparedStatement(RunMerge.raisePeak, on: database)
    }

    /// Takes the run's peak away if `request` means it, and sets it aside.
    func takeAway(_ place: RunPlace, _ tombstone: Tombstone) throws {
        try place.bind(to: select)
        let peak = try select.step() ? RunReader.peak(select, from: 0) : nil
        select.reset()
        // It may have risen since it was found.
        guard let peak, tombstone.request.covers(peak.bracket) else { return }
        try setAside(peak, of: place, under: tombstone.id)
        try place.bind(to: clear)
        try clear.run()
    }

    /// Merges `peak` into what of the run is set aside under a tombstone.
    func setAside(_ peak: Peak, of place: RunPlace, under tombstone: Int64) throws {
        try bind(peak, of: place, to: setAside)
        try setAside.bind(35, tombstone)
        try setAside.run()
    }

    /// Merges a peak that was set aside under `tombstone` into its run, if that has a row, or sets
    /// it aside under `other`.
    func bringBack(
        _ peak: Peak, of place: RunPlace, from tombstone: Int64, orTo other: Int64?
    ) throws {
        try place.bind(to: delete)
        try delete.bind(5, tombstone)
        try delete.run()
        if let other { return try setAside(peak, of: place, under: other) }
        try bind(peak, of: place, to: raise)
        try raise.run()
    }

    private func bind(
        _ peak: Peak, of place: RunPlace, to statement: PreparedStatement
    ) throws {
        try place.bind(to: statement)
        try statement.bind(18, peak.bytes.storedAmount)
        try statement.bind(19, peak.bracket?.notBeforeMilliseconds)
        try statement.bind(20, peak.bracket?.notAfterMilliseconds)
        try statement.bind(21, Int64(peak.source.rawValue))
    }
}

/// Finds the runs of a purge and of its undoing.
enum PurgedRunReader {
    /// The runs of boot `boot` after `key`, in the order of keys, whose peak lies in `range`.
    static func runs(
        ofBoot boot: Int64, after key: ProcessKey?, withPeakIn range: StoredRange, limit: Int,
        on database: Database
    ) throws -> [RunPlace] {
        let row = try PreparedStatement(
            """
            SELECT boot, pid, start_ticks, image FROM run
            WHERE boot = ?4 AND (pid, start_ticks, image) > (?5, ?6, ?7)
                AND peak_not_after_ms >= ?1 AND peak_not_before_ms <= ?2
            ORDER BY pid, start_ticks, image LIMIT ?3
            """, on: database)
        defer { row.reset() }
        try range.bind(to: row, limit: limit)
        try row.bind(4, boot)
        try row.bind(5, key.map { Int64($0.pid) } ?? .min)
        try row.bind(6, key?.startTicks.storedBits ?? .min)
        try row.bind(7, key.map { Int64($0.image) } ?? .min)
        var places: [RunPlace] = []
        while try row.step() { places.append(RunPlace(boot: boot, key: try RunReader.key(row))) }
        return places
    }

    /// The boots of host `host`.
    static func boots(ofHost host: Int64, on database: Database) throws -> [Int64] {
        let row = try PreparedStatement("SELECT id FROM boot WHERE host = ?1", on: database)
        defer { row.reset() }
        try row.bind(1, host)
        var boots: [Int64] = []
        while try row.step() { boots.append(try row.required(0, as: Int64.self)) }
        return boots
    }

    /// Peaks that are set aside under a tombstone, at most `limit` of them.
    static func peaks(
        setAsideUnder tombstone: Int64, limit: Int, on database: Database
    ) throws -> [(place: RunPlace, peak: Peak)] {
        let row = try PreparedStatement(
            """
            SELECT boot, pid, start_ticks, image,
                peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source
            FROM purged_run WHERE tombstone = ?1 LIMIT ?2
            """, on: database)
        defer { row.reset() }
        try row.bind(1, tombstone)
        try row.bind(2, StoredRange.limit(limit))
        var peaks: [(place: RunPlace, peak: Peak)] = []
        while try row.step() {
            guard let peak = try RunReader.peak(row, from: 4) else { continue }
            let boot = try row.required(0, as: Int64.self)
            peaks.append((RunPlace(boot: boot, key: try RunReader.key(row)), peak))
        }
        return peaks
    }
}
