import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// What agents tell of growing Python programs reaches the reports of a real collector.
@Suite("Lines of growing programs")
struct GrowthReportTests {
    private static let line = PythonLine(
        file: "/srv/analyze.py", function: "load_frames", line: 42)
    private static let caller = PythonLine(file: "/srv/analyze.py", function: "main", line: 88)

    private static func growth(mebibytes: UInt64) -> Frame {
        var record = GrowthRecord(run: ProcessKey(pid: 10, startTicks: 100))
        record.grownBytes = (mebibytes + 10) << 20
        record.lines = [line: mebibytes << 20, caller: 10 << 20]
        record.peakStack = GrowthRecord.PeakStack(
            residentBytes: 2 * mebibytes << 20, lines: [line, caller])
        return .pythonGrowth(PythonGrowthFrame(runs: [record]))
    }

    /// A session of a host with one run, which grew by so much.
    private func tell(
        _ mebibytes: UInt64, of hostID: String, epoch: UInt64, to collector: RunningCollector
    ) async throws {
        let session = try await FakeSession(port: collector.port, hostID: hostID, epoch: epoch)
        let run = DefineFrame.Definition(
            slot: 0, key: ProcessKey(pid: 10, startTicks: 100),
            description: RunDescription(program: "python3 analyze.py", comm: "python3"))
        try await session.say(
            .define(DefineFrame(runs: [run])),
            FakeSession.peak(4_000 << 20, atMilliseconds: 2_000),
            .stateEnd(StateEndFrame(liveCount: 1)), Self.growth(mebibytes: mebibytes),
            Self.growth(mebibytes: mebibytes - 1))
        try await session.waitUntilAcknowledged()
    }

    @Test("lines of several hosts and starts of agents are reported, also after a restart")
    func report() async throws {
        let folder = try TemporaryFolder()
        let first = try await RunningCollector.start(folder: folder.path + "/data")
        try await tell(1_800, of: "one", epoch: 42, to: first)
        try await tell(500, of: "two", epoch: 42, to: first)
        // Another start of the agent counts from the beginning, so that both add up.
        try await tell(43, of: "one", epoch: 43, to: first)
        first.program.signal(SIGTERM)
        #expect(try await first.program.waitForExit() == 0)

        let second = try await RunningCollector.start(folder: folder.path + "/data")
        let rows = try await Row.all(["report", "--by", "line"], of: second)
        let row = try #require(rows.first)
        #expect(rows.count == 2, "\(rows)")
        #expect(row.text("file") == "/srv/analyze.py" && row.number("line") == 42)
        #expect(row.text("function") == "load_frames")
        #expect(row.bytes("grown_bytes") == 1_843 << 20)
        #expect(row.bytes("sum_of_grown_bytes") == 2_343 << 20)
        #expect(row.bytes("hosts") == 2 && row.bytes("runs") == 2)
        #expect(row.text("host") == "one")
        let none = try await Row.all(
            ["report", "--by", "line", "--program", "other*"], of: second)
        #expect(none.isEmpty)
        let text = try await Program.run(
            "memcollector", ["report", "--by", "line", "--url", second.url])
        #expect(text.output.contains("analyze.py:42 load_frames"))
        #expect(text.output.contains("not what it allocated"))

        let name = try #require(row.text("run_id"))
        let page = try await Program.run("memcollector", ["show", name, "--url", second.url])
        #expect(page.output.contains("Memory grew while this ran"))
        #expect(page.output.contains("Stack when most was resident"))
        let growth = try await second.ask(["show", name])["python_growth"] as? [String: Any]
        #expect(growth?["label"] as? String == "memory grew while this ran")
        #expect((growth?["peak_stack"] as? [[String: Any]])?.count == 2)
        second.program.signal(SIGTERM)
        #expect(try await second.program.waitForExit() == 0)
    }
}
