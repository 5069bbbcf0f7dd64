import GRDB
import MemoryModel
import PeakStore

/// Where in the table `total` a purge is: kinds, and the hours of each.
struct HourOfKind: Equatable, Sendable {
    /// The number of the kind.
    var kind: Int64
    /// The beginning of the hour.
    var hour: Int64
}

/// The steps of purges and of their undoing, each within one transaction.
///
/// Those that return a number say how many rows they moved; 0 means that nothing is left.
struct PurgeSteps {
    private let database: Database
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares for one transaction.
    init(_ database: Database) throws {
        self.database = database
        names = try NameWriter(database)
        hosts = try HostKeys(database)
    }

    // MARK: Taking away

    /// Takes away the sums of the next kinds and hours; nil if there are no more.
    func takeAwayTotals(
        _ row: TombstoneRow, from start: HourOfKind, _ caches: inout WriterCaches
    ) throws -> HourOfKind? {
        let writer = try TotalWriter(database, names: names, hosts: hosts)
        var reader = try TotalReader(database)
        // Before the earliest hour that is a number there is none to look for.
        let earliest = Int64.min + StoredTotal.hourLengthMilliseconds
        let first = StoredTotal.hour(of: max(row.range.since, earliest))
        var place = start
        for _ in 0..<SQLiteStore.purgeStepRows / 10 {
            place.hour = max(place.hour, first)
            guard let found = try next(place) else { return nil }
            if found.hour < first {
                place = HourOfKind(kind: found.kind, hour: first)
            } else if found.hour > min(row.range.until, .max - 1) {
                place = HourOfKind(kind: found.kind + 1, hour: first)
            } else {
                let totals = try reader.totals(
                    ofKind: found.kind, hour: found.hour, host: row.host, reachedIn: row.range)
                for total in totals {
                    try writer.setAside(total, under: row.tombstone.id, &caches)
                    try writer.delete(total, &caches)
                }
                place = HourOfKind(kind: found.kind, hour: found.hour + 1)
            }
        }
        return place
    }

    /// The first kind and hour of a sum at `place` or after it.
    private func next(_ place: HourOfKind) throws -> HourOfKind? {
        let row = try PreparedStatement(
            """
            SELECT kind, hour_at_ms FROM total WHERE (kind, hour_at_ms) >= (?1, ?2)
            ORDER BY kind, hour_at_ms LIMIT 1
            """, on: database)
        defer { row.reset() }
        try row.bind(1, place.kind)
        try row.bind(2, place.hour)
        guard try row.step() else { return nil }
        return HourOfKind(
            kind: try row.required(0, as: Int64.self), hour: try row.required(1, as: Int64.self))
    }

    /// Takes away peaks of cgroups.
    func takeAwayCgroups(
        _ row: TombstoneRow, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try CgroupWriter(database, names: names, hosts: hosts)
        var reader = try CgroupReader(database)
        let found = try reader.cgroups(ofHost: row.host, withPeakIn: row.range, limit: limit)
        for cgroup in found {
            try writer.setAside(cgroup, under: row.tombstone.id, &caches)
            try writer.clearPeak(of: cgroup, &caches)
        }
        return found.count
    }

    /// Takes away folds.
    func takeAwayFolds(
        _ row: TombstoneRow, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try foldWriter()
        var reader = try FoldReader(database)
        let found = try reader.folds(ofHost: row.host, withPeakIn: row.range, limit: limit)
        let delete = try PreparedStatement(
            "DELETE FROM fold WHERE host = ?1 AND epoch = ?2 AND ordinal = ?3", on: database)
        for fold in found {
            try writer.setAside(fold, under: row.tombstone.id, &caches)
            try bind(fold, host: row.host, to: delete)
            try delete.run()
        }
        return found.count
    }

    /// Takes away sections.
    func takeAwaySections(
        _ row: TombstoneRow, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try SectionWriter(database, names: names, hosts: hosts)
        var reader = try SectionReader(database)
        let found = try reader.sections(ofHost: row.host, withPeakIn: row.range, limit: limit)
        for section in found {
            try writer.setAside(section, under: row.tombstone.id, &caches)
            try writer.delete(section, &caches)
        }
        return found.count
    }

    // MARK: Bringing back

    /// Brings back sections.
    func bringBackSections(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try SectionWriter(database, names: names, hosts: hosts)
        var reader = try SectionReader(database)
        let found = try reader.sections(setAsideUnder: tombstone.id, limit: limit)
        for section in found {
            try writer.deleteAside(section, under: tombstone.id, &caches)
            try writer.merge(section, &caches)
        }
        return found.count
    }

    /// Brings back peaks of runs.
    func bringBackRuns(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try PurgedRunWriter(database)
        let found = try PurgedRunReader.peaks(
            setAsideUnder: tombstone.id, limit: limit, on: database)
        for (place, peak) in found {
            try writer.bringBack(
                peak, of: place, from: tombstone.id,
                orTo: caches.tombstone(over: peak.bracket, of: tombstone.request.host))
        }
        return found.count
    }

    /// Brings back sums.
    func bringBackTotals(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try TotalWriter(database, names: names, hosts: hosts)
        var reader = try TotalReader(database, setAsideUnder: tombstone.id)
        let found = try reader.totals(setAsideUnder: tombstone.id, limit: limit)
        for total in found {
            try writer.deleteAside(total, under: tombstone.id, &caches)
            try writer.merge(total, &caches)
        }
        return found.count
    }

    /// Brings back peaks of cgroups.
    func bringBackCgroups(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try CgroupWriter(database, names: names, hosts: hosts)
        var reader = try CgroupReader(database)
        let found = try reader.cgroups(setAsideUnder: tombstone.id, limit: limit)
        for cgroup in found { try writer.restorePeak(of: cgroup, from: tombstone.id, &caches) }
        return found.count
    }

    /// Brings back folds.
    func bringBackFolds(
        _ tombstone: Tombstone, limit: Int, _ caches: inout WriterCaches
    ) throws -> Int {
        let writer = try foldWriter()
        var reader = try FoldReader(database)
        let found = try reader.folds(setAsideUnder: tombstone.id, limit: limit)
        let delete = try PreparedStatement(
            """
            DELETE FROM purged_fold
            WHERE tombstone = ?4 AND host = ?1 AND epoch = ?2 AND ordinal = ?3
            """, on: database)
        for fold in found {
            try bind(fold, host: hosts.host(fold.host, &caches), to: delete)
            try delete.bind(4, tombstone.id)
            try delete.run()
            try writer.keep(fold, &caches)
        }
        return found.count
    }

    private func foldWriter() throws -> FoldWriter {
        try FoldWriter(
            database, names: names, hosts: hosts, applied: AppliedWriter(database))
    }

    private func bind(
        _ fold: StoredFold, host: Int64, to statement: PreparedStatement
    ) throws {
        try statement.bind(1, host)
        try statement.bind(2, fold.epoch.storedBits)
        try statement.bind(3, fold.fold.ordinal.storedBits)
    }
}
