import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// What an agent tells of single minutes.
@Suite("Minutes")
struct MinuteTests {
    /// A real process that bursts between two looks has the burst in its minute, exact, and what it
    /// held before in the minute before; the window comes before its end.
    ///
    /// It takes until the next edge of a minute.
    @Test(
        "a burst of milliseconds shows exactly in its minute",
        .enabled(if: geteuid() == 0, "records of exits need CAP_NET_ADMIN"))
    func burst() async throws {
        let collector = try FakeCollector { _, _ in .take }
        let agent = try Program.agent(port: collector.port, hostID: "minutes")
        let probe = try await Probe.start("burst", mebibytes: 200, as: "minute-probe")
        func windows() -> [WindowsFrame] { MinuteTests.windows(of: probe.pid, in: collector) }
        try await eventually("a minute with the probe is over", seconds: 90) {
            !windows().isEmpty
        }
        try probe.goOn()
        try await probe.awaitReport()
        try probe.goOn()
        try await probe.waitForExit()
        let burst: UInt64 = 200 << 20
        try await eventually("the burst is told") {
            windows().contains { ($0.entries.first?.window.atLeastBytes ?? 0) >= burst }
        }
        let told = windows()
        let before = try #require(told.first?.entries.first?.window)
        let last = try #require(told.last?.entries.first?.window)
        #expect(before.atLeastBytes < burst && before.atMostBytes ?? .max < burst)
        #expect(last.isExact && last.atLeastBytes < burst + (16 << 20))
        #expect(told.allSatisfy { $0.length == .minute })
        let offset = try #require(
            collector.sessions.first?.frames.lazy.compactMap { frame -> Int64? in
                if case .host(let host) = frame { host.wallMinusBootMilliseconds } else { nil }
            }.first)
        for frame in told {
            let rest = (frame.startsAtMilliseconds + offset) % 60_000
            #expect(min(rest, 60_000 - rest) <= 1_100)
        }
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }

    /// The windows of one process, each alone in its frame, as they were told before its end.
    private static func windows(of pid: Int32, in collector: FakeCollector) -> [WindowsFrame] {
        var slot: UInt32?
        var windows: [WindowsFrame] = []
        for frame in collector.sessions.first?.frames ?? [] {
            switch frame {
            case .define(let frame):
                slot = frame.runs.last { $0.key.pid == pid }?.slot ?? slot
            case .windows(var frame):
                frame.entries.removeAll { $0.slot != slot }
                if !frame.entries.isEmpty { windows.append(frame) }
            case .exit(let frame):
                if frame.entries.contains(where: { $0.slot == slot }) { return windows }
            default: break
            }
        }
        return windows
    }
}
