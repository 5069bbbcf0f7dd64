import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("Sessions of commands")
struct CommandSessionTests {
    private let command = SessionID(number: 1_000)

    /// A fleet in which a command of a host has said HOST, with the host's agent or without.
    private func harness(hasAgent: Bool) throws -> HostHarness {
        var host = hasAgent ? HostHarness() : try HostHarness(store: MemoryStore())
        open(command, &host)
        return host
    }

    private func open(_ session: SessionID, _ host: inout HostHarness) {
        host.fleet.pastSessionAccepted(
            session, host: host.id, boot: BootID(high: 0, low: 1), epoch: 9, agentVersion: "0",
            isCommand: true, nowMilliseconds: testNow)
        tell(.host(.sample.with { $0.restrictions = .commandsOnly }), session, &host)
    }

    private func tell(
        _ event: SessionEvent, _ session: SessionID, _ host: inout HostHarness
    ) {
        _ = host.fleet.update(host.id, by: session, nowMilliseconds: testNow) {
            $0.apply(event, nowMilliseconds: testNow)
        }
    }

    /// The pids that have not ended, once so many milliseconds have passed.
    private func openPids(
        _ host: inout HostHarness, _ store: MemoryStore, after milliseconds: Int64
    ) throws -> [Int32] {
        for _ in 0..<2 {
            host.fleet.endLeftCommands(nowMilliseconds: testNow + milliseconds)
            try host.commit(to: store)
        }
        return store.openRuns(of: host.id).map(\.record.key.pid).sorted()
    }

    @Test("what a command that is gone did not end has ended, after a minute and not before")
    func left() throws {
        let store = MemoryStore()
        var host = try harness(hasAgent: false)
        tell(.define([1, 2]), command, &host)
        tell(.peak(1, bytes: 5 << 20), command, &host)
        tell(.exit(2), command, &host)
        try host.commit(to: store)
        host.fleet.sessionClosed(command, host: host.id)
        #expect(try openPids(&host, store, after: 0) == [1])
        #expect(try openPids(&host, store, after: 59_999) == [1])
        #expect(try openPids(&host, store, after: 60_000) == [])
        let reasons = store.runs.values.filter { $0.record.key == run(1) }
            .map(\.record.end?.reason)
        #expect(reasons == [.unobserved])
        #expect(try openPids(&host, store, after: 61_000) == [])
        #expect(host.fleet.pasts.isEmpty)
        #expect(host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)?.state == .gone)
    }

    @Test("a command that is back within that time goes on, and one that ended all leaves nothing")
    func back() throws {
        let store = MemoryStore()
        var host = try harness(hasAgent: false)
        tell(.define([1]), command, &host)
        try host.commit(to: store)
        host.fleet.sessionClosed(command, host: host.id)
        #expect(try openPids(&host, store, after: 1_000) == [1])
        let again = SessionID(number: 1_001)
        open(again, &host)
        tell(.define([1]), again, &host)
        #expect(try openPids(&host, store, after: 600_000) == [1])
        tell(.exit(1), again, &host)
        host.fleet.endLeftCommands(nowMilliseconds: testNow)
        try host.commit(to: store)
        host.fleet.sessionClosed(again, host: host.id)
        #expect(host.fleet.pasts.isEmpty)
        #expect(store.runs.values.map(\.record.end?.reason) == [.exited])
    }

    @Test("what the host's agent knows to live does not end with the command")
    func known() throws {
        let store = MemoryStore()
        var host = try harness(hasAgent: true)
        tell(.define([1, 2]), command, &host)
        host.fleet.sessionClosed(command, host: host.id)
        host.apply(.define([1]))
        _ = try openPids(&host, store, after: 0)
        #expect(try openPids(&host, store, after: 60_000) == [1])
    }

    @Test("a collector that starts again ends what commands of a host without an agent left open")
    func restarted() throws {
        let store = MemoryStore()
        var host = try harness(hasAgent: false)
        tell(.define([1]), command, &host)
        try host.commit(to: store)
        #expect(store.openRuns(of: host.id).count == 1)
        var later = try HostHarness(store: store)
        try later.commit(to: store)
        #expect(store.openRuns(of: host.id).isEmpty)
        #expect(later.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)?.state == .gone)
    }
}
