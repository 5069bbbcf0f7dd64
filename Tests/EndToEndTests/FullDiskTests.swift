import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// Disks that are full or cannot be written cost nothing but time, and are recovered from by
/// themselves.
@Suite(
    "Full disks",
    .enabled(if: SmallDisk.problem == nil, "\(SmallDisk.problem ?? "")"))
struct FullDiskTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func health(_ collector: RunningCollector) async throws -> (status: Int, text: String) {
        let connection = try RawConnection(port: collector.httpPort)
        await connection.send(
            Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
        let answer = String(decoding: try await connection.readToEnd(), as: UTF8.self)
        let words = answer.split(separator: " ", maxSplits: 2)
        return (Int(words.dropFirst().first ?? "") ?? 0, answer)
    }

    private func peakBytes(_ pid: Int32, _ collector: RunningCollector) async throws -> UInt64? {
        try await Row.all(["report", "--top", "1000"], of: collector)
            .first { $0.number("pid") == Double(pid) }?.bytes("peak_rss_bytes")
    }

    private func stop(_ program: Program, by signal: Int32 = SIGTERM) async throws {
        program.signal(signal)
        #expect(try await program.waitForExit() == (signal == SIGKILL ? SIGKILL : 0))
    }

    // MARK: The collector's

    @Test("while the disk is full nothing is acknowledged and it is said; with room all is kept")
    func collector() async throws {
        let disk = try SmallDisk(mebibytes: 6)
        let collector = try await RunningCollector.start(folder: disk.path)
        let tree = try ProcTree()
        var process = ProcTree.Process(pid: 4_321)
        try tree.write(process)
        let agent = try Program.agent(
            port: collector.port, hostID: "real", arguments: ["--procfs", tree.path])
        let session = try await FakeSession(port: collector.port, hostID: "patient")
        try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
        try await session.waitUntilAcknowledged()
        try await eventually("the agent's process is known") {
            try await peakBytes(4_321, collector) == 400 << 10
        }
        try disk.fill()
        process.residentPages = 5_000
        process.markKibibytes = 20_000
        try tree.rewriteMemory(process)
        try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        try await eventually("it is said") {
            let (status, text) = try await health(collector)
            return status == 503 && text.contains("the disk is full")
        }
        let summary = try await Program.run("memcollector", ["summary", "--url", collector.url])
        let text = summary.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains("Nothing can be written since"), "\(text)")
        #expect(text.contains("the disk is full"), "\(text)")
        // HELLO is 0; HOST, DEFINE, PEAKS and STATE_END are kept, the PEAKS after them are not.
        #expect(try await acknowledged(session, token: 1) == 4)
        try await stop(agent)
        let later = try Program.agent(
            port: collector.port, hostID: "real", arguments: ["--procfs", tree.path])
        try await later.waitForText("connected")
        #expect(try await acknowledged(session, token: 2) == 4)
        #expect(try await health(collector).status == 503)

        try disk.empty()
        try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
        try await session.waitUntilAcknowledged()
        try await eventually("it is well") { try await health(collector).status == 200 }
        try await eventually("the peak of the meantime is there") {
            try await peakBytes(4_321, collector) == 20_000 << 10
        }
        #expect(collector.program.status == nil)
        try await stop(later)
        // On the disk, and not only in memory.
        try await stop(collector.program, by: SIGKILL)
        let again = try await RunningCollector.start(folder: disk.path)
        #expect(try await peakBytes(4_321, again) == 20_000 << 10)
        #expect(try await peakBytes(10, again) == 2 << 20)
        try await stop(again.program)
    }

    /// The last number that a session was told to be on the disk by now.
    private func acknowledged(_ session: FakeSession, token: UInt64) async throws -> UInt64? {
        try await session.say(.ping(token: token))
        let frames = try await session.read { $0.contains(.pong(token: token)) }
        let numbers = frames.compactMap { frame -> UInt64? in
            guard case .acknowledgement(let acknowledgement) = frame else { return nil }
            return acknowledgement.sequence
        }
        return numbers.last
    }

    // MARK: The agent's

    /// Why a state cannot be saved.
    enum Obstacle: CaseIterable {
        case full
        case notWritable
    }

    private func set(_ obstacle: Obstacle, _ isThere: Bool, _ disk: SmallDisk) throws {
        switch obstacle {
        case .full: if isThere { try disk.fill() } else { try disk.empty() }
        case .notWritable: try SmallDisk.setImmutable(disk.path, isThere)
        }
    }

    private func stateFiles(_ disk: SmallDisk) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: disk.path)
            .filter { $0.hasPrefix("state-") }
    }

    /// An agent without a collector whose state directory is `disk`.
    private func lonelyAgent(_ disk: SmallDisk, _ tree: ProcTree, port: Int) throws -> Program {
        try Program.agent(
            port: port, hostID: "lonely",
            arguments: [
                "--procfs", tree.path, "--state-dir", disk.path, "--log-level", "debug",
            ])
    }

    /// Waits until an agent has looked at a process as it is now.
    private func seen(_ pid: Int32, in tree: ProcTree) async throws {
        let watch = try AccessWatch()
        try watch.watch("\(tree.path)/\(pid)/statm", of: pid)
        try await eventually("the agent looks at \(pid)") { watch.hasSeen([pid]) }
    }

    @Test(
        "a state that cannot be saved is said once, and saved as soon as it can be",
        arguments: Obstacle.allCases)
    func agent(_ obstacle: Obstacle) async throws {
        let disk = try SmallDisk(mebibytes: 1)
        let tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 1))
        var process = ProcTree.Process(pid: 4_321)
        try tree.write(process)
        let closed = try ClosedPort()
        let agent = try lonelyAgent(disk, tree, port: closed.port)
        try await agent.waitForText("cannot reach the collector")
        try set(obstacle, true, disk)
        try await agent.waitForText("cannot save the state")
        #expect(try stateFiles(disk).isEmpty)
        // What peaks and ends meanwhile is kept in memory.
        process.residentPages = 5_000
        process.markKibibytes = 20_000
        try tree.rewriteMemory(process)
        try await seen(4_321, in: tree)
        try tree.remove(pid: 4_321)
        #expect(agent.status == nil)
        try set(obstacle, false, disk)
        try await agent.waitForText("the state can be saved again", seconds: 120)
        #expect(agent.errors.components(separatedBy: "cannot save the state").count == 2)
        #expect(try stateFiles(disk).count == 1)
        try await stop(agent, by: SIGKILL)

        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let after = try lonelyAgent(disk, tree, port: collector.port)
        try await after.waitForText("told what an earlier agent had kept")
        try await eventually("the peak of the meantime is there") {
            try await peakBytes(4_321, collector) == 20_000 << 10
        }
        try await eventually("the file is gone") { try stateFiles(disk).isEmpty }
        try await stop(after)
        try await stop(collector.program)
    }

    @Test("an agent that is killed while its disk is full leaves a gap of all that it saw last")
    func killed() async throws {
        let disk = try SmallDisk(mebibytes: 1)
        let tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 1))
        try tree.write(ProcTree.Process(pid: 4_321))
        let closed = try ClosedPort()
        let agent = try lonelyAgent(disk, tree, port: closed.port)
        try await agent.waitForText("cannot reach the collector")
        try disk.fill()
        try await agent.waitForText("cannot save the state")
        try await seen(4_321, in: tree)
        let endedAt = HostTree.bootMilliseconds
        try tree.remove(pid: 4_321)
        try await seen(1, in: tree)
        try await stop(agent, by: SIGKILL)
        try disk.empty()

        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let after = try lonelyAgent(disk, tree, port: collector.port)
        try await eventually("the gap is on the disk") {
            let database = try CollectorDatabase(dataDirectory: folder.path + "/data")
            let offset = Int64(Date().timeIntervalSince1970 * 1_000) - HostTree.bootMilliseconds
            return database.registers(of: "lonely").gaps.values.contains { gap in
                guard gap.reason == .agentDown, let bracket = gap.bracket else { return false }
                return bracket.notBeforeMilliseconds <= endedAt + offset
                    && endedAt + offset <= bracket.notAfterMilliseconds
            }
        }
        #expect(try await peakBytes(1, collector) == 400 << 10)
        try await stop(after)
        try await stop(collector.program)
    }

    @Test("a state directory on a disk that is read-only is said, and the agent reports")
    func readOnly() async throws {
        let disk = try SmallDisk(mebibytes: 1)
        try disk.setReadOnly(true)
        let tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 4_321))
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try lonelyAgent(disk, tree, port: collector.port)
        try await agent.waitForText("the state directory cannot be used")
        #expect(agent.errors.contains("Read-only file system"), "\(agent.errors)")
        try await eventually("it reports all the same") {
            try await peakBytes(4_321, collector) == 400 << 10
        }
        try await stop(agent)
        // Once it can be written, the next agent has it.
        try disk.setReadOnly(false)
        let after = try lonelyAgent(disk, tree, port: collector.port)
        try await eventually("it marks that it runs") {
            try FileManager.default.contentsOfDirectory(atPath: disk.path).contains("running")
        }
        try await stop(after)
        try await stop(collector.program)
    }
}
