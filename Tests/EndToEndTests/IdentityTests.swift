import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// Who speaks for a host, and what happens where two machines claim to be it.
@Suite("Identity")
struct IdentityTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a cloned machine is told so, in its log line and in every view, and the first goes on")
    func conflict() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let first = try await FakeSession(port: collector.port, hostID: "twin")
        try await first.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await first.waitUntilAcknowledged()
        for attempt in 0..<3 {
            let second = try await FakeSession(
                port: collector.port, hostID: "twin", boot: BootID(high: 9, low: 9))
            let error = try #require(try await second.readError(), "attempt \(attempt)")
            #expect(error.code == UInt64(ErrorCode.identityConflict.rawValue))
            #expect(error.retryAfterMilliseconds == 20_000)
            for word in ["twin", "127.0.0.1:", "--host-id"] {
                #expect(
                    String(decoding: error.text.bytes, as: UTF8.self).contains(word),
                    "\(error.text)")
            }
        }
        try await first.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        try await first.waitUntilAcknowledged()
        for view in ["hosts", "report", "summary"] {
            let answer = try await Program.run("memcollector", [view, "--url", collector.url])
            let text = answer.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.contains("two machines claim the host id twin (127.0.0.1:"), "\(text)")
            #expect(text.contains("--host-id"), "\(text)")
        }
        let lines = collector.program.errors.split(separator: "\n")
            .filter { $0.contains("turned an agent away") }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.contains("warning") && $0.contains("--host-id") })
        let rows = try await collector.rows(["report"])
        #expect((rows.first?["peak_rss_bytes"] as? NSNumber)?.uint64Value == 2 << 20)
    }

    @Test("the newest session of one boot wins, and the one before is told from where")
    func replaced() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let first = try await FakeSession(port: collector.port, hostID: "same")
        try await first.say(.stateEnd(StateEndFrame(liveCount: 0)))
        try await first.waitUntilAcknowledged()
        let second = try await FakeSession(port: collector.port, hostID: "same", epoch: 43)
        let error = try #require(try await first.readError())
        #expect(error.code == UInt64(ErrorCode.replaced.rawValue))
        #expect(
            String(decoding: error.text.bytes, as: UTF8.self).contains("127.0.0.1:"),
            "\(error.text)")
        try await second.say(.stateEnd(StateEndFrame(liveCount: 0)))
        try await second.waitUntilAcknowledged()
        #expect(try await collector.rows(["hosts"]).count == 1)
    }

    @Test("a connection that is gone does not keep a machine away that has restarted")
    func restarted() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        var first: FakeSession? = try await FakeSession(port: collector.port, hostID: "again")
        try await first?.say(.stateEnd(StateEndFrame(liveCount: 0)))
        try await first?.waitUntilAcknowledged()
        first = nil
        try await eventually("the session is over") {
            collector.program.errors.contains("agent disconnected")
        }
        let second = try await FakeSession(
            port: collector.port, hostID: "again", boot: BootID(high: 9, low: 9))
        try await second.say(.stateEnd(StateEndFrame(liveCount: 0)))
        try await second.waitUntilAcknowledged()
        let answer = try await Program.run("memcollector", ["hosts", "--url", collector.url])
        #expect(!answer.output.contains("claim"), "\(answer.output)")
    }

    @Test("what an agent left behind comes beside the session of today, and ends nothing of it")
    func past() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let present = try await FakeSession(port: collector.port, hostID: "heir")
        try await present.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await present.waitUntilAcknowledged()
        let boots = [
            (BootID(high: 9, low: 9), UInt64(3) << 20), (BootID(high: 1, low: 2), 7 << 20),
        ]
        for (boot, bytes) in boots {
            let past = try await FakeSession(
                port: collector.port, hostID: "heir", boot: boot, epoch: 7, isPast: true)
            try await past.sayFullState(peakBytes: bytes, atMilliseconds: 500)
            try await past.waitUntilAcknowledged()
        }
        try await present.say(.ping(token: 1))
        try await present.read { $0.contains(.pong(token: 1)) }
        let live = try await collector.rows(["ps"])
        #expect(live.map { ($0["peak_rss_bytes"] as? NSNumber)?.uint64Value } == [7 << 20])
        let rows = try await collector.rows(["report"])
        let peaks = rows.compactMap { ($0["peak_rss_bytes"] as? NSNumber)?.uint64Value }
        #expect(peaks == [7 << 20, 3 << 20])
        let hosts = try await collector.rows(["hosts"])
        #expect(hosts.count == 1 && hosts.first?["state"] as? String == "up")
        try await present.say(FakeSession.peak(8 << 20, atMilliseconds: 2_000))
        try await present.waitUntilAcknowledged()
    }

    @Test("of a machine whose clock is ahead every byte is kept, and no time")
    func clockAhead() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let at = FakeSession.upMilliseconds
        let session = try await FakeSession(
            port: collector.port, hostID: "ahead", clockAheadMilliseconds: 600_000)
        try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: at)
        try await session.waitUntilAcknowledged()
        let row = try #require(try await collector.rows(["report"]).first)
        #expect((row["peak_rss_bytes"] as? NSNumber)?.uint64Value == 1 << 20)
        #expect(row["peak_not_before"] is NSNull && row["peak_not_after"] is NSNull)
        let hosts = try await Program.run("memcollector", ["hosts", "--url", collector.url])
        let text = hosts.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains("more than 5 minutes ahead (ahead)"), "\(text)")
    }

    @Test("whoever stops tells two agents to come back at different times, after all it has kept")
    func drained() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        var sessions: [FakeSession] = []
        for index in 0..<2 {
            let session = try await FakeSession(port: collector.port, hostID: "h\(index)")
            try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
            sessions.append(session)
        }
        // Each is known, so that what it said was taken in before the end.
        try await eventually("both are there") {
            try await collector.rows(["hosts"]).count == 2
        }
        collector.program.signal(SIGTERM)
        var delays: Set<UInt64> = []
        for session in sessions {
            let frames = try await session.read { _ in false }
            guard case .goodbye(let goodbye) = frames.last else {
                Issue.record("the last frame is \(String(describing: frames.last))")
                continue
            }
            delays.insert(goodbye.retryAfterMilliseconds)
            let acknowledged = frames.compactMap { frame -> UInt64? in
                guard case .acknowledgement(let ack) = frame else { return nil }
                return ack.sequence
            }
            // HELLO is 0; HOST, DEFINE, PEAKS and STATE_END follow.
            #expect(acknowledged.last == 4)
        }
        #expect(delays.count == 2)
        #expect(try await collector.program.waitForExit() == 0)
    }
}
