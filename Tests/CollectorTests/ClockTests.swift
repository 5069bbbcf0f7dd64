import Collector
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@Suite("Wrong clocks")
struct ClockTests {
    @Test("an agent's clock that is ahead costs times, and no bytes, until it is set right")
    func ahead() {
        var host = HostHarness()
        host.apply(
            .host(.sample.with { $0.wallMinusBootMilliseconds += 600_000 }))
        host.apply(.define([1, 2]))
        host.apply(.peak(1, bytes: 8_192, atMilliseconds: 90_000))
        host.apply(.exit(2, atMilliseconds: 90_000))
        #expect(host[1]?.peak?.bytes == 8_192 && host[1]?.peak?.bracket == nil)
        #expect(host[2]?.end?.reason == .exited && host[2]?.end?.bracket == nil)
        #expect(host.fleet.hosts[host.id]?.isClockSuspect == true)
        host.apply(.host(.sample))
        #expect(host.fleet.hosts[host.id]?.isClockSuspect == false)
        host.apply(.peak(1, bytes: 9_000, atMilliseconds: 95_000))
        #expect(
            host[1]?.peak?.bracket
                == TimeBracket(
                    notBeforeMilliseconds: wallMinusBoot + 95_000,
                    notAfterMilliseconds: wallMinusBoot + 95_000))
        // The one at an unknown time is not overtaken by a lesser one at a known.
        host.apply(.peak(1, bytes: 8_500, atMilliseconds: 96_000))
        #expect(host[1]?.peak?.bytes == 9_000)
    }

    @Test("an agent's clock that is behind keeps its bytes and its own times")
    func behind() {
        var host = HostHarness()
        host.apply(.host(.sample.with { $0.wallMinusBootMilliseconds -= 86_400_000 }))
        host.apply(.define([1]))
        host.apply(.peak(1, bytes: 8_192, atMilliseconds: 90_000))
        #expect(
            host[1]?.peak?.bracket?.notAfterMilliseconds == wallMinusBoot - 86_400_000 + 90_000)
        #expect(host.fleet.hosts[host.id]?.isClockSuspect == false)
    }

    @Test("whichever way the collector's own clock is set, every byte stays and gets to the disk")
    func steps() throws {
        var random = SeededGenerator()
        let store = MemoryStore()
        var host = HostHarness()
        var most: [Int32: UInt64] = [:]
        host.apply(.define(Array(1...20)))
        for step in 0..<400 {
            // From a year behind to a year ahead.
            let now = testNow + Int64.random(in: -31_536_000_000...31_536_000_000, using: &random)
            let pid = Int32.random(in: 1...20, using: &random)
            let bytes = UInt64.random(in: 1...1 << 29, using: &random)
            most[pid] = max(most[pid] ?? 0, bytes)
            host.apply(
                .peak(pid, bytes: bytes, atMilliseconds: 50_000 + Int64(step)),
                atMilliseconds: now)
            host.apply(
                .sample(pid, bytes: bytes, atMilliseconds: 50_000 + Int64(step)),
                atMilliseconds: now)
            #expect(host[pid]?.end == nil)
            if step % 7 == 0 { try host.commit(to: store) }
        }
        try host.commit(to: store)
        for (pid, bytes) in most {
            let stored = store.runs.values.first { $0.record.key == run(pid) }
            #expect(stored?.record.peak?.bytes == bytes, "\(random)")
        }
    }

    @Test("hours of boot time between two frames, as after suspend, end nothing")
    func suspended() {
        var host = HostHarness()
        host.apply(.define([1]))
        host.apply(.peak(1, bytes: 8_192))
        let hours: Int64 = 8 * 3_600_000
        host.apply(
            .peak(1, bytes: 9_000, atMilliseconds: 60_000 + hours),
            atMilliseconds: testNow + hours)
        #expect(host[1]?.peak?.bytes == 9_000 && host[1]?.peak?.bracket != nil)
        #expect(host[1]?.end == nil)
        #expect(host.fleet.hosts[host.id]?.session == host.session)
    }

    @Test("a host that is heard while the collector's clock jumps is up, and its session stands")
    func heardOverSteps() {
        var host = HostHarness()
        for jump: Int64 in [-86_400_000, 86_400_000, -1, 0] {
            let now = testNow + jump
            host.apply(.sample(1, bytes: 4_096, atMilliseconds: 1_000), atMilliseconds: now)
            let shown = host.fleet.hosts[host.id]?.reported(nowMilliseconds: now)
            #expect(shown?.state == .up)
        }
    }
}
