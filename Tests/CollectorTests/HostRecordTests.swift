import Collector
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@Suite("What a collector knows of a host")
struct HostRecordTests {
    @Test("a newer session takes the place of the older one, whose frames count no more")
    func replaced() {
        var host = HostHarness()
        let first = host.session
        let replaced = host.open()
        #expect(replaced == first)
        let isTaken = host.fleet.update(host.id, by: first, nowMilliseconds: testNow) {
            $0.apply(.define([1]), nowMilliseconds: testNow)
        }
        #expect(!isTaken)
        #expect(host[1] == nil)
        host.fleet.sessionClosed(first, host: host.id)
        #expect(host.fleet.hosts[host.id]?.session == host.session)
        host.fleet.sessionClosed(host.session, host: host.id)
        #expect(host.fleet.hosts[host.id]?.session == nil)
        let nobody = host.open()
        #expect(nobody == nil)
    }

    @Test("a frame of a host that nobody knows changes nothing")
    func unknownHost() {
        var fleet = FleetState()
        let isTaken = fleet.update(
            hostID("nobody"), by: SessionID(number: 1), nowMilliseconds: testNow
        ) { _ in Issue.record("there is no such host") }
        #expect(!isTaken)
    }

    @Test("another boot ends every run of the one before as rebooted, since it was last seen")
    func rebooted() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1, 2]))
        host.apply(.sample(1, bytes: 4_096, atMilliseconds: 70_000))
        host.apply(.exit(2))
        host.open(bootNumber: 2, atMilliseconds: testNow + 5_000)
        #expect(host.fleet.hosts[host.id]?.ledger.runs.isEmpty == true)
        try host.commit(to: store)
        let ends = store.runs.values.reduce(into: [:]) { $0[$1.record.key] = $1.record.end }
        #expect(
            ends[run(1)]
                == RunEnd(
                    bracket: TimeBracket(
                        notBeforeMilliseconds: wallMinusBoot + 70_000,
                        notAfterMilliseconds: testNow + 5_000), reason: .rebooted))
        #expect(ends[run(2)]?.reason == .exited)
        #expect(store.runs.keys.allSatisfy { $0.boot == BootID(high: 0, low: 1) })
    }

    @Test("what lived on a host that was silent for long is written again when it is heard")
    func longSilence() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1]))
        host.apply(.peak(1, bytes: 9 << 20))
        try host.commit(to: store)
        // Meanwhile the store has removed them.
        let other = MemoryStore()
        let later = testNow + 3_600_000
        host.open(atMilliseconds: later - 1)
        try host.commit(to: other)
        #expect(other.runs.isEmpty)
        host.open(atMilliseconds: 2 * later)
        host.apply(.define([1]), atMilliseconds: 2 * later)
        try host.commit(to: other)
        #expect(other.runs.values.map(\.record.peak?.bytes) == [9 << 20])
    }

    @Test("what the store has open of an older boot is ended when the collector starts")
    func olderBootInStore() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1]))
        try host.commit(to: store)
        var batch = CommitBatch()
        batch.hosts = store.hosts().map {
            var host = $0
            host.boot = BootID(high: 0, low: 2)
            return host
        }
        try store.commit(batch)
        var restarted = try HostHarness(store: store)
        try restarted.commit(to: store)
        #expect(store.openRuns(of: host.id).isEmpty)
        #expect(store.runs.values.first?.record.end?.reason == .rebooted)
    }

    @Test("STATE_END ends what is not among the living, not before it was last known to live")
    func unobserved() {
        var host = HostHarness()
        host.apply(.define([1, 2, 3], startedAtMilliseconds: 10_000))
        host.apply(.sample(1, bytes: 4_096, atMilliseconds: 70_000))
        host.apply(.peak(2, bytes: 8_192, atMilliseconds: 40_000))
        let later = testNow + 60_000
        host.open(epoch: 2, atMilliseconds: later)
        host.apply(.host(.sample), atMilliseconds: later)
        host.apply(.define([3]), atMilliseconds: later)
        host.apply(.stateEnd(live: [run(3)]), atMilliseconds: later)
        for (pid, alive) in [(Int32(1), Int64(70_000)), (2, 40_000)] {
            let bracket = TimeBracket(
                notBeforeMilliseconds: wallMinusBoot + alive, notAfterMilliseconds: later)
            #expect(host[pid]?.end == RunEnd(bracket: bracket, reason: .unobserved))
        }
        #expect(host[3] != nil)
        #expect(host[3]?.end == nil)
    }

    @Test("a commit while the state comes in moves no end: the host was heard, the run was not")
    func unobservedAfterCommit() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1], startedAtMilliseconds: 10_000))
        try host.commit(to: store)
        let later = testNow + 3_600_000
        host.open(epoch: 2, atMilliseconds: later)
        host.apply(.host(.sample), atMilliseconds: later)
        try host.commit(to: store)
        host.apply(.stateEnd(live: []), atMilliseconds: later + 1_000)
        let bracket = TimeBracket(
            notBeforeMilliseconds: wallMinusBoot + 10_000, notAfterMilliseconds: later + 1_000)
        #expect(host[1]?.end == RunEnd(bracket: bracket, reason: .unobserved))
    }

    @Test("a time more than five minutes ahead is not taken, its bytes are, and the clock is named")
    func clockAhead() throws {
        var host = HostHarness()
        let isSuspect = { (host: HostHarness) in
            host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)?.isClockSuspect
        }
        host.apply(.define([1]))
        host.apply(.peak(1, bytes: 4_096, atMilliseconds: 100_000 + 300_000))
        #expect(host[1]?.peak?.bracket != nil)
        #expect(isSuspect(host) == false)
        host.apply(.peak(1, bytes: 8_192, atMilliseconds: 100_000 + 300_001))
        #expect(host[1]?.peak == Peak(bytes: 8_192, bracket: nil, source: .hwm))
        #expect(isSuspect(host) == true)
        host.apply(.exit(1, atMilliseconds: .max))
        #expect(host[1]?.end == RunEnd(bracket: nil, reason: .exited))
        host.apply(.define([2], startedAtMilliseconds: 1_000_000))
        #expect(host[2]?.description.startedAtMilliseconds == nil)

        host.apply(.host(.sample.with { $0.wallMinusBootMilliseconds -= 10_000_000 }))
        #expect(isSuspect(host) == false)
        host.apply(.peak(2, bytes: 4_096, atMilliseconds: 1_000_000))
        #expect(host[2]?.peak?.bracket?.notAfterMilliseconds == wallMinusBoot - 9_000_000)
        #expect(isSuspect(host) == false)
    }

    @Test("a figure above 64 times the memory of the host is refused and counted, over boots too")
    func refused() {
        var host = HostHarness()
        let limit = UInt64(64) << 30
        host.apply(.define([1]))
        host.apply(.peak(1, bytes: limit + 1))
        #expect(host[1]?.peak == nil)
        host.apply(.sample(1, bytes: limit + 1, atMilliseconds: 1))
        #expect(host[1]?.current?.residentBytes == nil)
        host.apply(.peak(1, bytes: limit))
        #expect(host[1]?.peak?.bytes == limit)
        host.open(bootNumber: 2)
        #expect(host.fleet.hosts[host.id]?.refusedCount == 2)
        let reported = host.fleet.hosts[host.id]?.reported(nowMilliseconds: testNow)
        #expect(reported?.counters == [.refused: 2])
    }

    @Test("counters are kept by maximum within an epoch and begin anew with the next one")
    func counters() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.counters([.vanished: 5, .malformed: 1]))
        host.apply(.counters([.vanished: 3, .malformed: 2]))
        try host.commit(to: store)
        #expect(store.counters()[host.id] == [.vanished: 5, .malformed: 2])
        host.open(epoch: 2)
        host.apply(.counters([.vanished: 1]))
        try host.commit(to: store)
        #expect(store.counters()[host.id] == [.vanished: 6, .malformed: 2])
    }

    @Test("a host without HOST is neither shown nor written")
    func noDescription() {
        var fleet = FleetState()
        _ = fleet.sessionAccepted(
            SessionID(number: 1), host: hostID("new"), boot: BootID(high: 0, low: 1), epoch: 1,
            agentVersion: "1", nowMilliseconds: testNow)
        let batch = fleet.takeBatch().batch
        #expect(batch.isEmpty)
        #expect(fleet.hosts[hostID("new")]?.reported(nowMilliseconds: testNow) == nil)
    }

    @Test("that a host was heard is written now and then, not with every sample")
    func heard() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1]))
        try host.commit(to: store)
        for second in 1...9 {
            let now = testNow + Int64(second) * 1_000
            host.apply(.sample(1, bytes: 4_096, atMilliseconds: 1), atMilliseconds: now)
            let batch = host.fleet.takeBatch().batch
            #expect(batch.isEmpty)
        }
        host.apply(.sample(1, bytes: 4_096, atMilliseconds: 1), atMilliseconds: testNow + 10_000)
        let batch = host.fleet.takeBatch().batch
        #expect(batch.hosts.map(\.lastHeardAtMilliseconds) == [testNow + 10_000])
        #expect(batch.runs.isEmpty)
    }

    @Test("what changes of a run says nothing of its host, and a failed commit leaves both due")
    func hostRow() throws {
        let store = MemoryStore()
        var host = HostHarness()
        try host.commit(to: store)
        host.apply(.define([1]))
        let (first, failing) = host.fleet.takeBatch()
        #expect(first.hosts.isEmpty && first.runs.count == 1)
        host.fleet.commitFailed(failing)
        host.open(epoch: 2)
        let (second, alsoFailing) = host.fleet.takeBatch()
        #expect(second.hosts.map(\.epoch) == [2] && second.runs.count == 1)
        host.fleet.commitFailed(alsoFailing)
        let third = host.fleet.takeBatch().batch
        #expect(third.hosts == second.hosts && third.runs.count == 1)
    }

    @Test("a host that fell silent does not look alive because the clock was set back")
    func clockSetBack() throws {
        var record = HostRecord(
            id: hostID("web-1"), boot: BootID(high: 0, low: 1), epoch: 1, agentVersion: "1",
            nowMilliseconds: testNow)
        record.apply(.host(.sample), nowMilliseconds: testNow)
        let earlier = testNow - 3_600_000
        record.heard(nowMilliseconds: testNow)
        record.heard(nowMilliseconds: earlier)
        let now = try #require(record.reported(nowMilliseconds: earlier))
        let later = try #require(record.reported(nowMilliseconds: earlier + 600_000))
        #expect(now.lastHeardAtMilliseconds == earlier)
        #expect(now.state != later.state)
    }
}
