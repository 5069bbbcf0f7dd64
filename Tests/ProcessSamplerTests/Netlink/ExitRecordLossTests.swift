import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// Exit records that do not fit into the socket's buffer.
@Suite(.serialized, .enabled(if: ExitProbe.isTold, ExitProbe.reason)) struct ExitRecordLossTests {
    private struct Totals {
        var received: UInt64 = 0
        var lost: UInt64 = 0
    }

    private func take(_ collector: ExitRecordCollector, _ totals: inout Totals) {
        collector.pass()
        totals.received = collector.receivedCount
        for loss in collector.takeEvents().losses { totals.lost += loss.count ?? 0 }
    }

    @Test("What was received and what was lost make up exactly what there was")
    func exactLoss() async throws {
        let whole = try ExitRecordCollector(root: ProcRoot(), receiveBytes: 8 << 20)
        var all = Totals()
        take(whole, &all)
        let beforeOpening = all.received
        let small = try ExitRecordCollector(root: ProcRoot(), receiveBytes: 4_096)
        let first = small.receivedCount
        take(whole, &all)
        let afterOpening = all.received
        _ = try await ExitProbe.run("storm", "1500")
        take(whole, &all)
        let beforeTaking = all.received
        var some = Totals()
        // A gap is told with the pass after the one that found it.
        for _ in 0..<4 { take(small, &some) }
        for _ in 0..<4 { take(whole, &all) }
        let told = some.received - first + some.lost
        #expect(all.lost == 0)
        #expect(some.lost > 1_000)
        #expect(some.received - first > 0)
        #expect(beforeTaking - afterOpening >= 1_501)
        // Other programs of the host end, too, also between two looks at the two collectors.
        #expect(told >= beforeTaking - afterOpening)
        #expect(told <= all.received - beforeOpening)
    }

    @Test("A storm that is drained while it goes on loses nothing, and each end is told once")
    func storm() async throws {
        let source = KernelEventSource.start()
        let probe = try await ExitProbe.run("storm", "3000")
        var ended: [EndedProcess] = []
        var lost: UInt64 = 0
        try await eventually("the end of the storm is told") {
            let events = source.drain()
            ended += events.ended
            lost += events.losses.filter { $0.reason == .exitRecordsLost }.reduce(0) {
                $0 + ($1.count ?? 0)
            }
            return ended.contains { $0.pid == probe.pid }
        }
        let children = ended.filter { $0.parentPid == probe.pid }
        #expect(lost == 0)
        #expect(children.count == 3_000)
        #expect(Set(children.map(\.pid)).count == 3_000)
        #expect(children.allSatisfy { $0.isForkWithoutExec == true && $0.exitCode == 0 })
        // Also of the last, which are told when their parent has ended: its own record is here.
        #expect(children.allSatisfy { $0.parentMarkBytes != nil })
    }
}
