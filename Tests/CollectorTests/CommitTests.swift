import Collector
import MemoryModel
import PeakStore
import TestSupport
import Testing
import Wire

@Suite("What is not on the disk yet")
struct CommitTests {
    @Test("a run that ended is forgotten only after a commit that has its end")
    func forgotten() throws {
        let store = MemoryStore()
        var host = HostHarness()
        host.apply(.define([1]))
        let (_, early) = host.fleet.takeBatch()
        host.apply(.exit(1))
        host.fleet.committed(early)
        #expect(host[1]?.end != nil)
        try host.commit(to: store)
        #expect(host[1] == nil)
        #expect(store.runs.values.first?.record.end?.reason == .exited)
    }

    @Test("what changes between taking and committing is in the next batch")
    func changedMeanwhile() {
        var host = HostHarness()
        host.apply(.define([1, 2]))
        let (first, pending) = host.fleet.takeBatch()
        #expect(Set(first.runs.map(\.record.key)) == [run(1), run(2)])
        host.apply(.peak(1, bytes: 4_096))
        host.fleet.committed(pending)
        let (second, _) = host.fleet.takeBatch()
        #expect(second.runs.map(\.record.key) == [run(1)])
        #expect(second.runs.first?.record.peak?.bytes == 4_096)
    }

    @Test("what failed is in the next batch, as it is then")
    func failed() {
        var host = HostHarness()
        host.apply(.define([1, 2]))
        host.apply(.counters([.vanished: 1]))
        let (first, pending) = host.fleet.takeBatch()
        let nothing = host.fleet.takeBatch().batch
        #expect(nothing.runs.isEmpty && nothing.counters.isEmpty)
        host.apply(.peak(1, bytes: 4_096))
        host.fleet.commitFailed(pending)
        let (second, _) = host.fleet.takeBatch()
        #expect(second.hosts == first.hosts)
        #expect(second.counters == first.counters)
        #expect(Set(second.runs.map(\.record.key)) == [run(1), run(2)])
        #expect(second.runs.contains { $0.record.peak?.bytes == 4_096 })
    }

    @Test("a boot that is over is written in whole, whether a commit was under way or failed")
    func failedOverBoots() throws {
        for succeeds in [true, false] {
            let store = MemoryStore()
            var host = HostHarness()
            host.apply(.define([1]))
            let (batch, pending) = host.fleet.takeBatch()
            host.open(bootNumber: 2)
            host.apply(.host(.sample))
            host.apply(.define([1]))
            if succeeds {
                try store.commit(batch)
                host.fleet.committed(pending)
            } else {
                host.fleet.commitFailed(pending)
            }
            try host.commit(to: store)
            #expect(store.runs.count == 2)
            #expect(store.openRuns(of: host.id).map(\.boot) == [BootID(high: 0, low: 2)])
        }
    }

    /// What the fleet was told: the model that the store is compared to.
    private struct Model {
        var peaks: [RunKey: UInt64] = [:]
        var ended: Set<RunKey> = []
    }

    @Test(
        "whatever fails, the store has what was acknowledged, and in the end everything")
    func randomFailures() throws {
        var random = SeededGenerator()
        let comment: Comment = "\(random)"
        let store = MemoryStore()
        var host = HostHarness()
        var told = Model()
        var acknowledged = Model()
        var boot: UInt64 = 1
        var nextPid: Int32 = 1
        var live: [Int32] = []
        var failureCount = 0
        func key(_ pid: Int32) -> RunKey {
            RunKey(host: host.id, boot: BootID(high: 0, low: boot), process: run(pid))
        }
        func change() {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<6:
                host.apply(.define([nextPid]))
                told.peaks[key(nextPid)] = 0
                live.append(nextPid)
                nextPid += 1
            case 6..<14:
                guard let pid = live.randomElement(using: &random) else { return }
                let bytes = UInt64.random(in: 1...1 << 20, using: &random)
                host.apply(.peak(pid, bytes: bytes))
                told.peaks[key(pid)] = max(told.peaks[key(pid)] ?? 0, bytes)
            case 14..<19:
                guard let index = live.indices.randomElement(using: &random) else { return }
                let pid = live.remove(at: index)
                host.apply(.exit(pid))
                told.ended.insert(key(pid))
            default:
                told.ended.formUnion(live.map(key))
                live = []
                boot += 1
                host.open(bootNumber: boot)
                host.apply(.host(.sample))
            }
        }
        func check(_ model: Model) {
            for (key, bytes) in model.peaks {
                let record = store.runs[key]?.record
                #expect(record != nil, comment)
                #expect(record?.peak?.bytes ?? 0 >= bytes, comment)
            }
            for key in model.ended { #expect(store.runs[key]?.record.end != nil, comment) }
        }
        for _ in 0..<600 {
            for _ in 0..<Int.random(in: 0...4, using: &random) { change() }
            let (batch, pending) = host.fleet.takeBatch()
            let taken = told
            for _ in 0..<Int.random(in: 0...3, using: &random) { change() }
            store.failure = Bool.random(using: &random) ? .full(reason: "test") : nil
            do {
                try store.commit(batch)
                host.fleet.committed(pending)
                acknowledged = taken
            } catch {
                host.fleet.commitFailed(pending)
                failureCount += 1
            }
            check(acknowledged)
        }
        store.failure = nil
        try host.commit(to: store)
        check(told)
        #expect(store.runs.count == told.peaks.count, comment)
        for (key, run) in store.runs {
            #expect(run.record.peak?.bytes ?? 0 == told.peaks[key], comment)
            #expect((run.record.end != nil) == told.ended.contains(key), comment)
        }
        #expect(host.fleet.hosts[host.id]?.ledger.runs.count == live.count, comment)
        #expect(failureCount > 0 && boot > 1, comment)
    }

    @Test("whatever fails, in the end the store has the facts that it has if nothing fails")
    func randomFactFailures() throws {
        var random = SeededGenerator()
        let comment: Comment = "\(random)"
        let (failing, sound) = (MemoryStore(), MemoryStore())
        var (host, other) = (HostHarness(), HostHarness())
        var underWay: (batch: CommitBatch, pending: FleetState.Pending)?
        var epoch: UInt64 = 1
        var failureCount = 0
        for step in 0..<600 {
            let at = 50_000 + Int64(step)
            let number = UInt64.random(in: 0..<5, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                epoch += 1
                let boot = 1 + epoch / 4
                host.open(bootNumber: boot, epoch: epoch)
                other.open(bootNumber: boot, epoch: epoch)
            case 1, 2, 3:
                let bytes = UInt64.random(in: 0..<100, using: &random)
                let events: [SessionEvent] = [
                    .total(.user, RawText("\(number)"), bytes: bytes, atMilliseconds: at),
                    .cgroups([
                        .sample(path: RawText("\(number)"), bytes: bytes, atMilliseconds: at)
                    ]),
                ]
                for event in events {
                    host.apply(event)
                    other.apply(event)
                }
            case 4, 5:
                var kill = OutOfMemoryKill.sample(pid: 1, atMilliseconds: Int64(number))
                if Bool.random(using: &random) { kill.evidence = .cgroupEvents }
                host.apply(.kills([kill]))
                other.apply(.kills([kill]))
            default:
                let events: [SessionEvent] = [
                    .gaps([.sample(number, atMilliseconds: 1_000)]),
                    .counters([.vanished: UInt64(step)]), .health(.sample(atMilliseconds: at)),
                ]
                for event in events {
                    host.apply(event)
                    other.apply(event)
                }
            }
            try other.commit(to: sound)
            guard Bool.random(using: &random) else { continue }
            guard let (batch, pending) = underWay else {
                underWay = host.fleet.takeBatch()
                continue
            }
            underWay = nil
            failing.failure = Bool.random(using: &random) ? .full(reason: "test") : nil
            do {
                try failing.commit(batch)
                host.fleet.committed(pending)
            } catch {
                host.fleet.commitFailed(pending)
                failureCount += 1
            }
        }
        if let (_, pending) = underWay { host.fleet.commitFailed(pending) }
        failing.failure = nil
        try host.commit(to: failing)
        #expect(failing.facts == sound.facts, comment)
        #expect(failureCount > 0 && failing.facts.counters.count > 1, comment)
    }
}
