import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What an agent that ran before left behind")
struct PastSessionTests {
    private let past = SessionID(number: 1_000)

    /// A fleet with a host of boot 1, whose past session has said HOST.
    private func harness(bootNumber: UInt64 = 1) -> HostHarness {
        var host = HostHarness()
        open(past, &host, bootNumber: bootNumber)
        return host
    }

    private func open(
        _ session: SessionID, _ host: inout HostHarness, bootNumber: UInt64 = 1, epoch: UInt64 = 9
    ) {
        host.fleet.pastSessionAccepted(
            session, host: host.id, boot: BootID(high: 0, low: bootNumber), epoch: epoch,
            agentVersion: "0", nowMilliseconds: testNow)
        tell(.host(.sample.with { $0.name = "old name" }), session, &host)
    }

    @discardableResult
    private func tell(
        _ event: SessionEvent, _ session: SessionID, _ host: inout HostHarness
    ) -> Bool {
        host.fleet.update(host.id, by: session, nowMilliseconds: testNow) {
            $0.apply(event, nowMilliseconds: testNow)
        }
    }

    @Test("it stands beside the present: nobody is replaced, nothing of the host changes")
    func besides() throws {
        let store = MemoryStore()
        var host = harness(bootNumber: 7)
        host.apply(.define([1]))
        tell(.define([2, 3]), past, &host)
        tell(.peak(2, bytes: 5 << 20), past, &host)
        tell(.exit(2), past, &host)
        tell(.stateEnd(live: []), past, &host)
        host.apply(.peak(1, bytes: 4 << 20))
        #expect(host.fleet.hosts[host.id]?.boot == BootID(high: 0, low: 1))
        #expect(host.fleet.hosts[host.id]?.ledger.runs.keys.sorted() == [run(1)])
        let shown = host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)
        #expect(shown?.state == .up && shown?.description.name == "web")
        try host.commit(to: store)
        #expect(store.hosts().map(\.boot) == [BootID(high: 0, low: 1)])
        #expect(store.hosts().map(\.epoch) == [1])
        let boots = Dictionary(grouping: store.runs.values, by: \.boot)
        #expect(boots[BootID(high: 0, low: 7)]?.count == 2)
        // What did not end there goes on: only the agent of today can say that it did not.
        #expect(store.openRuns(of: host.id).map(\.record.key.pid).sorted() == [1, 3])
        host.fleet.sessionClosed(past, host: host.id)
        #expect(host.fleet.pasts.isEmpty)
        #expect(store.openRuns(of: host.id).count == 2)
        #expect(host.fleet.hosts[host.id]?.session == host.session)
    }

    @Test("a greater peak of a run that still lives is seen at once, and its end is not taken")
    func raised() {
        var host = harness()
        host.apply(.define([1, 2]))
        host.apply(.peak(1, bytes: 1 << 20))
        tell(.define([1, 2]), past, &host)
        tell(.peak(1, bytes: 9 << 20, atMilliseconds: 10_000), past, &host)
        tell(.exit(2), past, &host)
        #expect(host[1]?.peak?.bytes == 9 << 20)
        #expect(host[2]?.end == nil)
        tell(.peak(1, bytes: 2 << 20), past, &host)
        #expect(host[1]?.peak?.bytes == 9 << 20)
    }

    @Test("of another boot nothing is mixed with the present")
    func otherBoot() {
        var host = harness(bootNumber: 7)
        host.apply(.define([1]))
        tell(.define([1]), past, &host)
        tell(.peak(1, bytes: 9 << 20), past, &host)
        #expect(host[1]?.peak == nil)
    }

    @Test("several of a host stand side by side, up to a bound")
    func several() throws {
        let store = MemoryStore()
        var host = harness(bootNumber: 7)
        let other = SessionID(number: 1_001)
        open(other, &host, bootNumber: 8)
        #expect(tell(.define([1]), past, &host) && tell(.define([2]), other, &host))
        let (batch, pending) = host.fleet.takeBatch()
        host.fleet.sessionClosed(past, host: host.id)
        try store.commit(batch)
        host.fleet.committed(pending)
        #expect(store.runs.count == 2 && host.fleet.pasts.count == 1)
        let fleet = Fleet(fleet: FleetState())
        let admissions = (0..<5).map { epoch in
            fleet.accept(
                .sample("a", epoch: UInt64(epoch), isPast: true), from: "10.0.0.1:1", credit: 64,
                at: .test()
            ) { _ in }
        }
        guard case .refused(let refusal) = admissions.last else {
            Issue.record("\(admissions)")
            return
        }
        #expect(refusal.code == .busy && refusal.retryAfterMilliseconds > 0)
        #expect(fleet.sessionCount == 4)
    }

    @Test("a host that nobody has heard of gets its row, but is not shown as present")
    func unknownHost() throws {
        let store = MemoryStore()
        var host = try HostHarness(store: store)
        open(past, &host, bootNumber: 7)
        tell(.define([1]), past, &host)
        let shown = host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)
        #expect(shown?.state == .gone)
        try host.commit(to: store)
        #expect(store.hosts().map(\.description.name) == ["old name"])
        host.open(bootNumber: 8)
        host.apply(.host(.sample))
        #expect(host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)?.state == .up)
        #expect(host.fleet.pasts.count == 1)
        try host.commit(to: store)
        #expect(store.hosts().map(\.description.name) == ["web"])
        #expect(store.openRuns(of: host.id).count == 1)
    }

    @Test("what ended leaves the memory once it is on the disk, and a failure keeps it")
    func forgotten() throws {
        var host = harness(bootNumber: 7)
        let empty = host.fleet.use
        tell(.define([1, 2]), past, &host)
        tell(.exit(1), past, &host)
        let (_, pending) = host.fleet.takeBatch()
        host.fleet.commitFailed(pending)
        #expect(host.fleet.pasts[past]?.ledger.runs.count == 2)
        let store = MemoryStore()
        try host.commit(to: store)
        #expect(host.fleet.pasts[past]?.ledger.runs.count == 1)
        // A run that is open can have its peak told later in the same session.
        tell(.peak(2, bytes: 4_096), past, &host)
        try host.commit(to: store)
        #expect(store.runs.values.contains { $0.record.peak?.bytes == 4_096 })
        host.fleet.sessionClosed(past, host: host.id)
        #expect(host.fleet.use.heldBytes < empty.heldBytes)
        #expect(host.fleet.use.uncommittedBytes == 0)
    }
}
