import Logging
import PeakStore
import Report
import Synchronization

/// Says in the log what was packed and removed: a line when a round of it is over, and one each
/// hour of a round that lasts longer.
final class MaintenanceLog: Sendable {
    private struct Round {
        var counts = MaintenanceCounts()
        var beganAtMilliseconds: Int64
    }

    private let logger: Logger
    private let round = Mutex<Round?>(nil)

    /// A round that goes on is told of after this time.
    private static let lineMilliseconds: Int64 = 3_600_000

    init(logger: Logger) {
        self.logger = logger
    }

    /// Tells of what a step found that somebody should know.
    func addFindings(of outcome: MaintenanceOutcome) {
        for hour in outcome.damagedHours { add(hour) }
        for stretch in outcome.damagedStretches { add(stretch: stretch) }
        for hour in outcome.cutHours { add(hour) }
    }

    /// Tells of an hour that is damaged on the disk.
    private func add(_ damaged: DamagedHour) {
        logger.error(
            """
            the minutes of an hour are damaged on the disk, so reports over it fail: restore a copy \
            of the database, or have them go with 'memcollector purge' over the whole hour
            """,
            metadata: [
                "host": "\(damaged.host)",
                "hour": "\(Timestamp.text(damaged.startsAtMilliseconds) ?? "?")",
                "reason": "\(damaged.reason)",
            ])
    }

    /// Tells of a day, or 32 days, of which what programs held is damaged on the disk.
    private func add(stretch damaged: DamagedHour) {
        logger.error(
            """
            what programs held in a stretch of hours or days is damaged on the disk, so reports \
            over it fail, and names that nothing has any more stay: restore a copy of the \
            database, or have it made anew of what is left with 'memcollector purge' over an hour \
            of it
            """,
            metadata: [
                "host": "\(damaged.host)",
                "since": "\(Timestamp.text(damaged.startsAtMilliseconds) ?? "?")",
                "reason": "\(damaged.reason)",
            ])
    }

    /// Tells of an hour with more processes than minutes are kept of.
    private func add(_ cut: CutHour) {
        logger.warning(
            """
            an hour of a host had so many processes that the minutes of some were left out, those \
            that held least
            """,
            metadata: [
                "host": "\(cut.host)",
                "hour": "\(Timestamp.text(cut.startsAtMilliseconds) ?? "?")",
                "processes": "\(cut.leftOutRuns)",
            ])
    }

    /// Takes in what some steps did; `isOver` if nothing is left to do.
    func add(_ counts: MaintenanceCounts, isOver: Bool, atMilliseconds now: Int64) {
        let done = round.withLock { round -> Round? in
            var current = round ?? Round(beganAtMilliseconds: now)
            current.counts.add(counts)
            let isDue =
                isOver || now - current.beganAtMilliseconds >= MaintenanceLog.lineMilliseconds
            round = isDue ? nil : current
            return isDue ? current : nil
        }
        guard let done, done.counts.packedHours > 0 || done.counts.hasRemoved else { return }
        logger.info(
            "tidied the store",
            metadata: [
                "what": "\(PruneDesk.words(done.counts))", "more": "\(isOver ? "no" : "yes")",
            ])
    }
}
