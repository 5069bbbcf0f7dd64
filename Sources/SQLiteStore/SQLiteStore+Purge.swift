import GRDB
public import MemoryModel
public import PeakStore
public import Report

// Purging in steps, each a short transaction, so that commits go on between them.
//
// The tombstone comes first: from then on no commit brings in what it covers, so that what a read
// finds afterwards is all there is to take away. Its state says what a crash left undone.

extension SQLiteStore {
    /// How many rows one step moves: some tens of milliseconds' work.
    static let purgeStepRows = 1_000

    /// Takes away what `request` means and leaves a tombstone, in steps between which commits go
    /// on.
    public func purge(
        _ request: PurgeRequest, nowMilliseconds: Int64
    ) throws -> PurgeOutcome {
        try finishPurges()
        guard request.sinceMilliseconds <= request.untilMilliseconds else {
            throw PeakStoreError.refused(reason: "the range ends before it begins")
        }
        let row = try write { database, caches in
            let standing = try TombstoneTable.rows(database)
            guard
                standing.count(where: { $0.tombstone.request.host == request.host })
                    < Tombstone.maximumCountOfHost
            else {
                throw PeakStoreError.refused(
                    reason: "\(Tombstone.maximumCountOfHost) purges of \(request.host) stand"
                        + " already; undo one of them")
            }
            caches.tombstones = nil
            return try TombstoneTable.insert(
                request, host: HostKeys(database).host(request.host, &caches),
                nowMilliseconds: nowMilliseconds, on: database)
        }
        try takeAway(row)
        return try read { try TombstoneTable.outcome(of: row.tombstone, on: $0) }
    }

    /// Brings back what a purge took away and removes its tombstone; nil if there is no such
    /// tombstone.
    public func undoPurge(_ tombstone: Int64) throws -> PurgeOutcome? {
        try finishPurges()
        let found: (row: TombstoneRow, outcome: PurgeOutcome)? = try write { database, caches in
            guard
                let row = try TombstoneTable.rows(database).first(where: {
                    $0.tombstone.id == tombstone
                })
            else { return nil }
            caches.tombstones = nil
            try TombstoneTable.set(.bringingBack, of: tombstone, on: database)
            return (row, try TombstoneTable.outcome(of: row.tombstone, on: database))
        }
        guard let found else { return nil }
        try bringBack(found.row)
        return found.outcome
    }

    /// The tombstones that stand, by number.
    public func tombstones() throws -> [Tombstone] {
        try read { try TombstoneTable.rows($0).map(\.tombstone) }
    }

    /// The folds with ends in the range, latest first.
    public func folds(
        sinceMilliseconds: Int64?, untilMilliseconds: Int64?, limit: Int
    ) throws -> [StoredFold] {
        let range = StoredRange(since: sinceMilliseconds, until: untilMilliseconds)
        return try read { database in
            var reader = try FoldReader(database)
            return try reader.folds(in: range, limit: limit)
        }
    }

    /// The folds with ends in the range, put together.
    public func foldSums(_ query: FoldQuery) throws -> FoldSums {
        try read { try FoldSummer.sums(query, $0) }
    }

    /// Programs of which runs were folded.
    public func foldedPrograms(
        matching program: Glob, user: Glob?, limit: Int
    ) throws -> Set<RawText> {
        try read { database in
            try FoldedPrograms.matching(program, user: user, limit: limit, on: database)
        }
    }

    /// Which ordinals of one start of an agent were taken in.
    public func appliedOrdinals(
        of host: HostID, epoch: UInt64
    ) throws -> [ClosedRange<UInt64>] {
        try read { try AppliedReader.ordinals(of: host, epoch: epoch, on: $0) }
    }

    /// Finishes what a crash or a full disk left undone.
    func finishPurges() throws {
        for row in try read({ try TombstoneTable.rows($0) }) {
            switch row.state {
            case .takingAway: try takeAway(row)
            case .bringingBack: try bringBack(row)
            case .standing: break
            }
        }
    }

    private func takeAway(_ row: TombstoneRow) throws {
        try takeAwayRuns(row)
        try takeAwayTotals(row)
        let rows = SQLiteStore.purgeStepRows
        try repeatSteps { steps, caches in
            try steps.takeAwayCgroups(row, limit: rows, &caches)
        }
        try repeatSteps { steps, caches in
            try steps.takeAwayFolds(row, limit: rows, &caches)
        }
        try repeatSteps { steps, caches in
            try steps.takeAwaySections(row, limit: rows, &caches)
        }
        try takeAwayWindows(row)
        try write { database, _ in
            try TombstoneTable.set(.standing, of: row.tombstone.id, on: database)
        }
    }

    private func takeAwayWindows(_ row: TombstoneRow) throws {
        let hours = try read {
            try PurgedWindowSteps.hours(ofHost: row.host, in: row.range, on: $0)
        }
        for hour in hours {
            try write { database, _ in try PurgedWindowSteps(database).takeAway(hour, row) }
        }
        let tiers = try read {
            try PurgedWindowSteps.tiers(ofHost: row.host, in: row.range, on: $0)
        }
        for tier in tiers {
            try write { try PurgedWindowSteps($0).takeAway(tier, row, &$1) }
        }
    }

    /// Looks for runs beside the writer and takes them away page by page.
    private func takeAwayRuns(_ row: TombstoneRow) throws {
        for boot in try read({ try PurgedRunReader.boots(ofHost: row.host, on: $0) }) {
            var last: ProcessKey?
            while true {
                let page = try read { database in
                    try PurgedRunReader.runs(
                        ofBoot: boot, after: last, withPeakIn: row.range,
                        limit: SQLiteStore.purgeStepRows, on: database)
                }
                guard let end = page.last else { break }
                try write { database, _ in
                    let writer = try PurgedRunWriter(database)
                    for run in page { try writer.takeAway(run, row.tombstone) }
                }
                last = end.key
            }
        }
    }

    private func takeAwayTotals(_ row: TombstoneRow) throws {
        var place: HourOfKind? = HourOfKind(kind: .min, hour: .min)
        while let from = place {
            place = try write { database, caches in
                try PurgeSteps(database).takeAwayTotals(row, from: from, &caches)
            }
        }
    }

    private func bringBack(_ row: TombstoneRow) throws {
        let rows = SQLiteStore.purgeStepRows
        try repeatSteps { try $0.bringBackRuns(row.tombstone, limit: rows, &$1) }
        try repeatSteps { try $0.bringBackTotals(row.tombstone, limit: rows, &$1) }
        try repeatSteps { try $0.bringBackCgroups(row.tombstone, limit: rows, &$1) }
        try repeatSteps { try $0.bringBackFolds(row.tombstone, limit: rows, &$1) }
        try repeatSteps { try $0.bringBackSections(row.tombstone, limit: rows, &$1) }
        while try write({
            try PurgedWindowSteps($0).bringBackCovered(row.tombstone, limit: rows, &$1)
        }) > 0 {}
        while try write({
            try PurgedWindowSteps($0).bringBack(row.tombstone, limit: rows, &$1)
        }) > 0 {}
        try write { database, _ in
            try TombstoneTable.delete(row.tombstone.id, on: database)
        }
    }

    /// Runs `step` in transactions of its own until it finds nothing more.
    private func repeatSteps(
        _ step: (PurgeSteps, inout WriterCaches) throws -> Int
    ) throws {
        while try write({ try step(PurgeSteps($0), &$1) }) > 0 {}
    }
}
