import Foundation
import MemoryModel
import TestSupport

/// A host whose agent has little memory and is cut off while thousands of its processes end.
///
/// Nothing kills it, so that every run that it saw has to be counted exactly once.
final class Overflow {
    private let host: OracleHost
    private let record: WireRecord
    private let collector: OracleCollector

    private static let batches = 12
    private static let processesInBatch = 200

    init(seed: UInt64, record: WireRecord, collector: OracleCollector) throws {
        self.record = record
        self.collector = collector
        let port = collector.port
        host = try OracleHost(
            id: "many", seed: seed, record: record, arguments: ["--memory-limit", "1M"]
        ) { _ in port }
    }

    /// Lets it happen, has what was folded sent twice, and gives what is wrong then.
    func problems() async throws -> [String] {
        try await record.waitForRest(of: host)
        host.proxy.isolate()
        for _ in 0..<Overflow.batches {
            try await host.tree.passBy(Overflow.processesInBatch)
            try host.checkRunning()
        }
        host.proxy.reconnect()
        for bytes in [500, 5_000, 20_000] {
            // The agent goes on for a moment, and all that it says then is lost.
            try await pass(
                ChaosFault(.swallow(milliseconds: 500), .reports, afterBytes: bytes))
        }
        try await pass(.loseAcknowledgement)
        try await record.waitForRest(of: host)
        let promised = record.host(host.id)
        let verdict = OracleVerdict(
            try collector.database(), host.tree, promised: promised, record)
        let problems =
            verdict.problems(hasRisen: true)
            + verdict.accountProblems(droppedCount: record.droppedCount(of: host.id))
        try await host.stop()
        return problems
    }

    /// Lets a fault happen to the next connection, and waits until it did, or until nothing is left
    /// to be told over that connection.
    private func pass(_ fault: ChaosFault) async throws {
        let before = Set(record.openSessions(of: host.id).map(\.connection))
        host.proxy.plan(fault)
        host.proxy.cut()
        try await eventually("\(fault)", seconds: 120) {
            !host.proxy.isPlanPending
                || record.openSessions(of: host.id).contains {
                    $0.isCalm && !before.contains($0.connection)
                }
        }
    }
}

extension WireRecord {
    /// Waits until one session of the host stands in which everything is told and acknowledged,
    /// a change that came after all others included.
    func waitForRest(of host: OracleHost) async throws {
        for _ in 0..<2 {
            let raised = try host.tree.raiseOne()
            try await eventually("\(host.id) comes to rest", seconds: 120) {
                guard let session = openSessions(of: host.id).first(where: \.isCalm),
                    let store = session.store
                else { return false }
                let peaks = self.host(host.id).acknowledged[store]?.peaks ?? [:]
                return peaks.contains {
                    $0.key.pid == raised.pid
                        && $0.value.contains { $0.bytes == raised.markBytes }
                }
            }
        }
    }

    /// How many runs of a host were dropped for want of room, as its gaps say.
    fileprivate func droppedCount(of id: String) -> UInt64 {
        let gaps = host(id).acknowledged.values.flatMap(\.gaps.values)
        return gaps.filter { $0.reason == .dropped }.reduce(0) { $0 + ($1.missedCount ?? 0) }
    }
}
