import MemoryModel
package import Report
import Wire

// A host as views take it in.

extension HostRecord {
    /// Figures that this collector refused since it started, because they cannot be true.
    package var refusedCount: UInt64 { earlierRefusedCount + ledger.refusedCount }

    /// The host as views take it in; nil before its first HOST.
    package func reported(nowMilliseconds now: Int64) -> ReportedHost? {
        guard let description else { return nil }
        // A session that stands and is not overdue speaks for its host, however seldom it does.
        let silence = now - lastHeardAtMilliseconds
        let isConnected =
            session != nil && silence <= Int64(WireLimits.idleDeadlineMilliseconds)
        return ReportedHost(
            id: id, description: description, agentVersion: agentVersion,
            state: isConnected
                ? .up
                : isKnownFromPastOnly || description.restrictions.contains(.commandsOnly)
                    ? .gone
                    : HostState(
                        silenceMilliseconds: silence,
                        intervalMilliseconds: description.intervalMilliseconds),
            lastHeardAtMilliseconds: lastHeardAtMilliseconds,
            memoryAvailableBytes: availableBytes,
            counters: refusedCount > 0 ? [.refused: refusedCount] : [:],
            isClockSuspect: isClockSuspect)
    }

    /// Its runs as views take them in: those that live, and those that ended a moment ago.
    package var reportedRuns: [ReportedRun] {
        guard let description else { return [] }
        return ledger.runs.values.map {
            ReportedRun(
                host: id, hostName: description.name, labels: description.labels, boot: boot,
                record: $0)
        }
    }
}
