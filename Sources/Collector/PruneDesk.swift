import MemoryModel
import PeakStore
import Report

/// Removes what is older than it is kept, at once, when somebody asks for it.
struct PruneDesk: Sendable {
    let store: any StoreMaintaining

    /// The most steps of one request: more than any database needs.
    private static let maximumSteps = 1_000_000

    /// Says what would go; has to run on the thread that writes.
    func preview(_ retention: Retention, at now: Int64) throws -> String {
        let counts = try store.removable(nowMilliseconds: now, retention: retention)
        guard counts.hasRemoved else { return ControlClient.nothingToPrune }
        return "This removes \(PruneDesk.words(counts)).\n"
    }

    /// Removes it and says what went; has to run on the thread that writes.
    ///
    /// `betweenSteps` lets a commit in, and is told what was done so far; `onHosts` which hosts are
    /// not there any more.
    func prune(
        _ retention: Retention, at now: Int64, onHosts: ([HostID]) -> Void = { _ in },
        betweenSteps: (MaintenanceCounts) throws -> Void
    ) throws -> String {
        let before = try store.reusableBytes()
        try store.sweepSoon()
        var counts = MaintenanceCounts()
        for _ in 0..<PruneDesk.maximumSteps {
            let outcome = try store.maintain(nowMilliseconds: now, retention: retention)
            counts.add(outcome.counts)
            onHosts(outcome.removedHosts)
            guard outcome.isMoreDue else { break }
            try betweenSteps(counts)
        }
        counts.packedHours = 0
        guard counts.hasRemoved else { return ControlClient.nothingToPrune }
        let after = try store.reusableBytes()
        let freed = ByteSize(after > before ? after - before : 0).text
        return """
            Removed \(PruneDesk.words(counts)).
            \(freed) of the file is free now. The file does not shrink; what comes next fills it.

            """
    }

    /// What was done, in words.
    static func words(_ counts: MaintenanceCounts) -> String {
        let parts = [
            (counts.packedHours, "hour packed", "hours packed"),
            (counts.minuteHours, "host's hour of minutes", "hosts' hours of minutes"),
            (counts.hourDays, "host's day of hours", "hosts' days of hours"),
            (counts.dayStretches, "host's 32 days", "hosts' stretches of 32 days"),
            (counts.runs, "run", "runs"), (counts.folds, "fold", "folds"),
            (counts.totals, "hourly sum", "hourly sums"),
            (counts.facts, "kill, gap or cgroup", "kills, gaps, cgroups and shares"),
            (counts.names, "unused name", "unused names"),
            (counts.hosts, "host of which nothing was left", "hosts of which nothing was left"),
            (counts.foldedRuns, "tiny run by folding", "tiny runs by folding"),
        ]
        let said = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
        return said.isEmpty ? "nothing" : said.joined(separator: ", ")
    }
}
