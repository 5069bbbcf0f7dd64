import Foundation
import TestSupport
import Testing

/// Hosts that reach their collector over a network of their own, which fails.
///
/// An agent in another network namespace than the first is not told of exits by the kernel, so
/// these agents have what they read of procfs alone: marks of what lives, read five times a second.
@Suite("Network namespaces", .enabled(if: Namespace.problem == nil, "\(Namespace.problem ?? "")"))
struct NamespaceTests {
    private static let seed: UInt64 = 4

    /// A host in a namespace of its own, with its agent.
    private struct Host {
        let id: String
        let space: Namespace
        let cable: Cable
        let agent: Program
        let folder: TemporaryFolder
    }

    private let folder: TemporaryFolder
    private let center: Namespace
    private let collector: Program

    init() async throws {
        folder = try TemporaryFolder()
        center = try await Namespace()
        collector = try center.startOwn(
            "memcollector",
            [
                "serve", "--listen", "0.0.0.0:7000", "--http", "127.0.0.1:7070", "--insecure",
                "--data-dir", folder.path + "/data",
            ])
        try await collector.waitForText("ready")
    }

    private func start(_ id: String, number: Int) async throws -> Host {
        let space = try await Namespace()
        let cable = try await Cable(
            from: space, "10.9.\(number).2", to: center, "10.9.\(number).1", seed: Self.seed)
        let state = try TemporaryFolder()
        let agent = try space.startOwn(
            "memagent",
            [
                "--collector", "10.9.\(number).1:7000", "--host-id", id, "--interval", "200ms",
                "--report-interval", "200ms", "--state-dir", state.path,
            ])
        return Host(id: id, space: space, cable: cable, agent: agent, folder: state)
    }

    // MARK: What the collector says

    private func state(of host: String) async throws -> String? {
        try await center.rows(["hosts"]).first { $0["host_id"] as? String == host }?["state"]
            as? String
    }

    private func expect(_ host: Host, is state: String, seconds: Double = 120) async throws {
        try await eventually("\(host.id) is \(state)", seconds: seconds) {
            try await self.state(of: host.id) == state
        }
    }

    private func row(_ pid: Int32, of host: Host) async throws -> [String: Any]? {
        try await center.rows(["report", "--top", "100000"]).first {
            ($0["pid"] as? NSNumber)?.int32Value == pid && $0["host_id"] as? String == host.id
        }
    }

    private func peakBytes(_ row: [String: Any]?) -> UInt64 {
        (row?["peak_rss_bytes"] as? NSNumber)?.uint64Value ?? 0
    }

    /// Expects the time in a field to be from `begin` to `end`, as exact as looks and clocks are.
    private func expect(
        _ row: [String: Any], _ field: String, isFrom begin: Date, to end: Date
    ) throws {
        let text = try #require(row[field] as? String)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        let time = try Date(text, strategy: style)
        #expect(time >= begin.addingTimeInterval(-2), "\(field) \(text) is before \(begin)")
        #expect(time <= end.addingTimeInterval(2), "\(field) \(text) is after \(end)")
    }

    /// Expects a line of a program's log that says that a peer was silent for too long.
    ///
    /// A PING goes out every 15 s, so that a session that stands is never silent for 45.
    private func expectSilenceFound(by program: Program, _ words: String) throws {
        let lines = program.errors.split(separator: "\n").filter { $0.contains(words) }
        #expect(lines.contains { $0.contains("no frame for 45000 ms") }, "\(lines)")
    }

    private func stop(_ hosts: Host...) async throws {
        for host in hosts { host.agent.signal(SIGTERM) }
        for host in hosts { #expect(try await host.agent.waitForExit() == 0) }
        collector.signal(SIGTERM)
        #expect(try await collector.waitForExit() == 0)
    }

    // MARK: Tests

    @Test(
        """
        a cable that is silent for two minutes is found by both of its ends, because no PING is \
        answered, harms no other host, and what peaked and ended meanwhile is reported with its time
        """)
    func silence() async throws {
        let one = try await start("one", number: 1)
        let two = try await start("two", number: 2)
        try await expect(one, is: "up")
        try await expect(two, is: "up")
        let quiet = try await Probe.start("hold", mebibytes: 10)
        try await eventually("the first peak is reported") {
            try await peakBytes(row(quiet.pid, of: one)) >= 10 << 20
        }
        try await one.cable.lose(1)
        let silentFrom = Date()
        let lasting = try await Probe.start("release", mebibytes: 150)
        let passing = try await Probe.start("hold", mebibytes: 120)
        // Until the agent has looked: nobody can hear from it.
        try await Task.sleep(for: .seconds(3))
        try passing.goOn()
        try await passing.waitForExit()
        let endedBefore = Date()
        try await one.agent.waitForText("lost the collector", seconds: 120)
        try expectSilenceFound(by: one.agent, "lost the collector")
        try await eventually("the collector gives the host up", seconds: 120) {
            try await state(of: "one") != "up"
        }
        #expect(try await state(of: "two") == "up")
        #expect(try await peakBytes(row(lasting.pid, of: two)) >= 150 << 20)
        #expect(try await row(lasting.pid, of: one) == nil)
        try expectSilenceFound(by: collector, "closing a connection")
        // The silence goes on: nothing ends it that would take no more than a minute.
        let lateFrom = Date()
        let late = try await Probe.start("release", mebibytes: 130)
        try await Task.sleep(for: .seconds(max(3, 120 - Date().timeIntervalSince(silentFrom))))
        let lateTo = Date()
        #expect(try await state(of: "one") != "up")
        #expect(try await one.cable.lose(0) > 0)
        try await expect(one, is: "up", seconds: 180)
        try await eventually("all is told") {
            try await row(passing.pid, of: one)?["ended_at"] is String
        }
        let peak = try #require(try await row(lasting.pid, of: one))
        #expect(peakBytes(peak) >= 150 << 20)
        try expect(peak, "peak_not_before", isFrom: silentFrom, to: endedBefore)
        try expect(peak, "peak_not_after", isFrom: silentFrom, to: endedBefore)
        let later = try #require(try await row(late.pid, of: one))
        #expect(peakBytes(later) >= 130 << 20)
        try expect(later, "peak_not_before", isFrom: lateFrom, to: lateTo)
        try expect(later, "peak_not_after", isFrom: lateFrom, to: lateTo)
        let ended = try #require(try await row(passing.pid, of: one))
        #expect(peakBytes(ended) >= 120 << 20)
        try expect(ended, "ended_at", isFrom: silentFrom, to: endedBefore)
        // Nothing of all this made anything of what lived on.
        #expect(try await row(quiet.pid, of: one)?["ended_at"] is NSNull)
        try await stop(one, two)
    }

    @Test("over a cable that loses 30 % of packets, and one with 500 ms each way, all arrives")
    func badCables() async throws {
        let lossy = try await start("lossy", number: 1)
        let slow = try await start("slow", number: 2)
        try await lossy.cable.lose(0.3)
        try await slow.cable.delay(seconds: 0.5)
        let probe = try await Probe.start("release", mebibytes: 100)
        for host in [slow, lossy] {
            try await eventually("\(host.id) tells of it", seconds: 240) {
                try await peakBytes(row(probe.pid, of: host)) >= 100 << 20
            }
        }
        try await probe.killAndWait()
        for host in [slow, lossy] {
            try await eventually("\(host.id) tells of its end", seconds: 240) {
                try await row(probe.pid, of: host)?["ended_at"] is String
            }
        }
        #expect(try await lossy.cable.lose(0) > 0)
        try await slow.cable.delay(seconds: 0)
        try await stop(lossy, slow)
    }

    @Test("a host whose link goes down and comes back with another address goes on")
    func otherAddress() async throws {
        let host = try await start("moving", number: 1)
        try await expect(host, is: "up")
        let device = "to-10.9.1.1"
        try await host.space.run("ip", ["link", "set", device, "down"])
        let downFrom = Date()
        let probe = try await Probe.start("release", mebibytes: 90)
        try await Task.sleep(for: .seconds(1))
        let downTo = Date()
        try await host.space.run("ip", ["address", "flush", "dev", device])
        try await host.space.run(
            "ip", ["address", "add", "10.9.1.3", "peer", "10.9.1.1", "dev", device])
        try await host.space.run("ip", ["link", "set", device, "up"])
        try await center.run("ip", ["route", "replace", "10.9.1.3", "dev", "to-10.9.1.2"])
        try await eventually("its peak is reported", seconds: 180) {
            try await peakBytes(row(probe.pid, of: host)) >= 90 << 20
        }
        let told = try #require(try await row(probe.pid, of: host))
        try expect(told, "peak_not_before", isFrom: downFrom, to: downTo)
        try expect(told, "peak_not_after", isFrom: downFrom, to: downTo)
        #expect(try await center.rows(["hosts"]).count == 1)
        try await stop(host)
    }
}
