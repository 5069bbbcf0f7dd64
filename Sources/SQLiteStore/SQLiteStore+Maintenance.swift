import GRDB
public import PeakStore

// What is done in the background, one short transaction at a time.

extension SQLiteStore: StoreMaintaining {
    /// An hour is packed so long after its end, because its last minutes come late: five minutes.
    static let packingDelayMilliseconds: Int64 = 300_000
    /// Hours that one step packs at most.
    static let packingStepHours = 10
    /// After so long a step packs no other hour: those of large hosts take as long as ten of
    /// small ones, and commits wait.
    static let packingStepDuration = Duration.milliseconds(50)

    /// Packs hours that are over; if there are none, removes what is older than it is kept; and if
    /// there is nothing, folds tiny runs, and once a day sweeps all tables.
    public func maintain(
        nowMilliseconds: Int64, retention: Retention
    ) throws -> MaintenanceOutcome {
        try maintain(nowMilliseconds: nowMilliseconds, retention: retention, limits: .usual)
    }

    func maintain(
        nowMilliseconds: Int64, retention: Retention, limits: BlockLimits
    ) throws -> MaintenanceOutcome {
        let last =
            nowMilliseconds - SQLiteStore.packingDelayMilliseconds
            - WindowHour.lengthMilliseconds
        return try write { database, caches in
            var outcome = MaintenanceOutcome()
            var packing = try PackingSteps(database, limits: limits)
            let due = try packing.due(
                atOrBefore: last, limit: SQLiteStore.packingStepHours)
            let clock = ContinuousClock()
            let end = clock.now + SQLiteStore.packingStepDuration
            for (number, place) in due.enumerated() where number == 0 || clock.now < end {
                switch try packing.packUnlessDamaged(place, &caches) {
                case .damaged(let hour): outcome.damagedHours.append(hour)
                case .packed(let cut):
                    outcome.counts.packedHours += 1
                    if let cut { outcome.cutHours.append(cut) }
                }
            }
            if due.isEmpty {
                let steps = RetentionSteps(
                    database, nowMilliseconds: nowMilliseconds, retention)
                outcome.counts = try steps.remove()
            }
            outcome.isMoreDue = !due.isEmpty || outcome.counts.hasRemoved
            guard !outcome.isMoreDue else { return outcome }
            if let folding = FoldingSteps(
                database, nowMilliseconds: nowMilliseconds, retention)
            {
                (outcome.counts.foldedRuns, outcome.isMoreDue) = try folding.step(&caches)
            }
            guard !outcome.isMoreDue else { return outcome }
            return try SweepSteps(database, nowMilliseconds: nowMilliseconds, retention)
                .step(&caches)
        }
    }

    /// Has the next steps sweep all tables, although a day has not passed since.
    public func sweepSoon() throws {
        try write { _, caches in caches.sweep.isAskedFor = true }
    }

    /// What would be removed now.
    public func removable(
        nowMilliseconds: Int64, retention: Retention
    ) throws -> MaintenanceCounts {
        try read { database in
            var counts = try RetentionSteps(
                database, nowMilliseconds: nowMilliseconds, retention
            ).count()
            let folding = FoldingSteps(database, nowMilliseconds: nowMilliseconds, retention)
            counts.foldedRuns = try folding?.count() ?? 0
            try SweepSteps(database, nowMilliseconds: nowMilliseconds, retention).count(&counts)
            return counts
        }
    }

    /// How much room in the file is free to be used again.
    public func reusableBytes() throws -> UInt64 {
        try read { database in
            let pages = try Int64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
            let size = try Int64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
            return UInt64(max(0, pages * size))
        }
    }
}
