import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// A store that cannot write costs bounded memory, is said, and recovers by itself.
@Suite("A store that cannot write", .serialized)
struct StalledStoreTests {
    private let folder: TemporaryFolder
    private let data: String

    init() throws {
        folder = try TemporaryFolder()
        data = folder.path + "/data"
    }

    private func residentBytes(_ collector: RunningCollector) throws -> Int {
        let path = "/proc/\(collector.program.pid)/status"
        let status = try String(contentsOfFile: path, encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(separator: " ")[1])) * 1_024
    }

    private func health(_ collector: RunningCollector) async throws -> (status: Int, text: String) {
        let connection = try RawConnection(port: collector.httpPort)
        await connection.send(
            Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
        let answer = String(decoding: try await connection.readToEnd(), as: UTF8.self)
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
        let words = answer.split(separator: " ", maxSplits: 2)
        return (Int(words.dropFirst().first ?? "") ?? 0, parts.count == 2 ? String(parts[1]) : "")
    }

    @Test("credit goes to zero, views go on and say it, and afterwards all is acknowledged")
    func stalled() async throws {
        let collector = try await RunningCollector.start(folder: data)
        let session = try await FakeSession(port: collector.port, hostID: "patient")
        try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await session.waitUntilAcknowledged()
        var lock: WriterLock? = try await WriterLock(dataDirectory: data)
        #expect(lock != nil)
        try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        try await session.read { frames in
            frames.contains { frame in
                guard case .acknowledgement(let ack) = frame else { return false }
                return ack.credit == 0
            }
        }
        try await eventually("it is said") { try await health(collector).status == 503 }
        let said = try await health(collector).text
        #expect(said.contains("written") || said.contains("disk is slow"), "\(said)")
        try await eventually("the reason is said") {
            try await health(collector).text.contains("another program holds the database")
        }
        let summary = try await Program.run("memcollector", ["summary", "--url", collector.url])
        #expect(summary.output.contains("Nothing can be written since"), "\(summary.output)")
        // What is not on the disk is shown all the same.
        let rows = try await collector.rows(["report"])
        #expect((rows.first?["peak_rss_bytes"] as? NSNumber)?.uint64Value == 2 << 20)
        let asked = try await Program.run(
            "memcollector",
            [
                "purge", "--data-dir", data, "--host", "patient", "--since", "1h ago", "--until",
                "now", "--yes",
            ])
        #expect(asked.status == 1, "\(asked)")
        lock = nil
        try await session.waitUntilAcknowledged()
        try await eventually("it is well") { try await health(collector).text == "ok\n" }
        let last = try await session.read { _ in true }.last
        guard case .acknowledgement(let ack) = last else {
            Issue.record("the last frame is \(String(describing: last))")
            return
        }
        #expect(ack.credit == 64)
        #expect(collector.program.status == nil)
    }

    @Test("after a failure that cannot pass nothing is acknowledged, and it ends with status 1")
    func failed() async throws {
        let collector = try await RunningCollector.start(folder: data)
        let session = try await FakeSession(port: collector.port, hostID: "betrayed")
        try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await session.waitUntilAcknowledged()
        try FileManager.default.moveItem(
            atPath: data + "/highwater.db", toPath: data + "/elsewhere.db")
        try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        #expect(try await collector.program.waitForExit() == 1)
        let errors = collector.program.errors
        #expect(errors.contains("was removed or replaced"), "\(errors)")
        #expect(errors.contains("look at the disk"), "\(errors)")
        let acknowledged = try await session.read { _ in false }.compactMap { frame -> UInt64? in
            guard case .acknowledgement(let ack) = frame else { return nil }
            return ack.sequence
        }
        // HELLO is 0; HOST, DEFINE, PEAKS and STATE_END were kept, the PEAKS after them were not.
        #expect(acknowledged.last == 4)
    }

    /// 1,000 runs with a KiB of names each; the `part`th of them.
    private static func thousandRuns(_ part: Int) -> Frame {
        .define(
            DefineFrame(
                runs: (part * 1_000..<(part + 1) * 1_000).map { number in
                    var description = RunDescription(program: "p", comm: "c")
                    description.command = RawText("\(number)" + String(repeating: "x", count: 990))
                    return .init(
                        slot: UInt32(number),
                        key: ProcessKey(pid: Int32(number + 1), startTicks: 100),
                        description: description)
                }))
    }

    @Test("many agents with much to tell stay within the memory that is allowed")
    func bounded() async throws {
        let limit = 64 << 20
        let collector = try await RunningCollector.start(
            folder: data, arguments: ["--memory-limit", "64M"])
        let first = try await FakeSession(port: collector.port, hostID: "first")
        try await first.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await first.waitUntilAcknowledged()
        // All have their credit before the store stalls.
        var sessions: [FakeSession] = []
        for index in 0..<8 {
            let session = try await FakeSession(port: collector.port, hostID: "h\(index)")
            try await session.waitUntilAcknowledged()
            sessions.append(session)
        }
        let before = try residentBytes(collector)
        var lock: WriterLock? = try await WriterLock(dataDirectory: data)
        #expect(lock != nil)
        var most = 0
        var refusedCount = 0
        // Each would take some 40 MiB, 320 MiB in all.
        for session in sessions {
            for part in 0..<10 where try await !session.say(Self.thousandRuns(part)) { break }
            try await session.say(.ping(token: 1))
            let frames = try await session.read { frames in
                frames.contains { frame in
                    switch frame {
                    case .pong, .error: true
                    default: false
                    }
                }
            }
            most = max(most, try residentBytes(collector))
            guard case .error(let error) = frames.last else { continue }
            #expect(error.code == UInt64(ErrorCode.busy.rawValue), "\(error)")
            #expect(error.retryAfterMilliseconds > 0)
            refusedCount += 1
        }
        #expect(refusedCount > 4)
        print("resident: \(before >> 20) MiB before, at most \(most >> 20) MiB, limit 64 MiB")
        // What the estimate does not see: buffers, event loops, views, the allocator's waste.
        #expect(most - before < limit + 48 << 20)
        let said = try await health(collector)
        #expect(said.status == 503)
        let summary = try await Program.run("memcollector", ["summary", "--url", collector.url])
        let text = summary.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains("--memory-limit"), "\(text)")
        lock = nil
        try await eventually("the store writes again") {
            try await !health(collector).text.contains("Nothing can be written")
        }
        // The first was known before, and goes on.
        try await first.say(FakeSession.peak(3 << 20, atMilliseconds: 3_000))
        try await first.waitUntilAcknowledged()
        print("afterwards: \(try residentBytes(collector) >> 20) MiB")
        #expect(collector.program.status == nil)
    }
}
