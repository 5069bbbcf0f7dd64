import MemoryModel
import Testing

@testable import Report

@Suite struct CommandReportTests {
    private static let mebibyte: UInt64 = 1 << 20

    private func end(largest mebibytes: UInt64) -> CommandEnd {
        CommandEnd(
            exitCode: 0, signal: nil, hasDumpedCore: false,
            largestBytes: mebibytes * Self.mebibyte, userMicroseconds: 2_000_000,
            systemMicroseconds: 500_000, faults: FaultCounts(minor: 7, major: 1))
    }

    private func run(
        _ runs: [RunRecord], waited mebibytes: UInt64, problem: String? = nil
    ) -> CommandRun {
        var run = CommandRun(
            arguments: ["make", "all\u{1B}[2J"], pid: 7, startedAtMilliseconds: 1_000_000,
            elapsedMicroseconds: 12_345_678, end: end(largest: mebibytes),
            floorBytes: 4 * Self.mebibyte, runs: runs)
        run.recordProblem = problem
        return run
    }

    private func record(
        _ pid: Int32, _ mebibytes: UInt64, _ source: PeakSource, isFinal: Bool = false,
        ended: RunEndReason? = .exited, inherited: UInt64? = nil, image: UInt32 = 0
    ) -> RunRecord {
        var description = RunDescription(program: "program", comm: "program")
        description.startedAtMilliseconds = 100
        description.inheritedBytes = inherited
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 1, image: image), description: description)
        let bracket = TimeBracket(notBeforeMilliseconds: 100, notAfterMilliseconds: 200)
        record.peak = Peak(bytes: mebibytes * Self.mebibyte, bracket: bracket, source: source)
        if isFinal { record.flags.insert(.peakIsFinal) }
        record.end = ended.map { RunEnd(bracket: bracket, reason: $0, exitCode: 0) }
        return record
    }

    private func largest(_ run: CommandRun) throws -> CommandPeak {
        try #require(CommandReport(run: run, top: 10).largest)
    }

    @Test("With a record of each exit the largest is exact, though waiting says only the floor")
    func recorded() throws {
        let small = try largest(run([record(7, 1, .exit, isFinal: true)], waited: 4))
        #expect(small.bound == .exact && small.bytes == Self.mebibyte && small.source == "exit")
        #expect(small.key?.pid == 7)
    }

    @Test("Swap is the largest of one process, missing where it was never read, and zero is zero")
    func swap() throws {
        func report(_ swaps: [UInt64?]) -> CommandReport {
            let runs = swaps.enumerated().map { index, swap in
                var run = record(Int32(7 + index), 5, .hwm)
                run.swapPeakBytes = swap
                return run
            }
            return CommandReport(run: run(runs, waited: 4), top: 10)
        }
        func text(_ swaps: [UInt64?]) -> String {
            report(swaps).text(style: TextStyle(), hasPlot: false)
        }
        let some: [UInt64?] = [3 * Self.mebibyte, nil, 2 * Self.mebibyte, 0]
        #expect(text(some).contains("Swap       >=3 MiB of one process, sampled"), "\(text(some))")
        #expect(text(some).contains(" SWAP "))
        let json = report(some).json
        #expect(json.contains("\"swap_peak_bytes\":3145728,\"oom_kills\""), "\(json)")
        for value in ["3145728", "null", "2097152", "0"] {
            #expect(json.contains("\"swap_peak_bytes\":\(value),\"end\""), "\(json)")
        }
        #expect(!text([0, nil]).contains("Swap") && !text([0, nil]).contains("SWAP"))
        #expect(report([0, nil]).json.contains("\"swap_peak_bytes\":0,\"oom_kills\""))
        #expect(report([nil]).json.contains("\"swap_peak_bytes\":null,\"oom_kills\""))
    }

    @Test("What waiting for the command said is in its row, where nothing else told")
    func waitedFor() {
        var own = record(7, 1, .hwm)
        own.description.startedAtMilliseconds = 105
        own.end?.exitCode = nil
        var other = record(8, 2, .hwm)
        other.end?.exitCode = nil
        let report = CommandReport(run: run([own, other], waited: 4), top: 10)
        let text = report.text(style: TextStyle(), hasPlot: false)
        let rows = text.split(separator: "\n").filter { $0.contains(" program ") }
        // The heading says that it ran for 12.345 s.
        #expect(rows.contains { $0.contains(" 12.3s ") && $0.hasSuffix("exit 0") }, "\(text)")
        #expect(rows.contains { $0.contains(" 100ms ") && $0.hasSuffix("ended") }, "\(text)")
        // Where it executed another program, each has a time of its own.
        let first = record(7, 1, .hwm, ended: .executed)
        var second = record(7, 1, .hwm, image: 1)
        second.end?.exitCode = nil
        let images = CommandReport(run: run([first, second], waited: 4), top: 10)
        #expect(!images.text(style: TextStyle(), hasPlot: false).contains(" 12.3s "))
    }

    @Test("An image that went with an exec leaves the floor open, and more than that is known")
    func executed() throws {
        let last = record(7, 1, .exit, isFinal: true)
        let gone = record(8, 0, .hwm, ended: .executed)
        let open = try largest(run([last, gone], waited: 4))
        #expect(open.bound == .atLeast && open.atMostBytes == 4 * Self.mebibyte)
        let known = try largest(run([last, gone], waited: 90))
        #expect(known.bound == .exact && known.bytes == 90 * Self.mebibyte)
        #expect(known.source == "wait" && known.key == nil)
    }

    @Test("Without records waiting makes exact what it is above the floor, else it is a bound")
    func waited() throws {
        let above = try largest(run([record(7, 88, .hwm)], waited: 90, problem: "no"))
        #expect(above.bound == .exact && above.bytes == 90 * Self.mebibyte)
        let same = try largest(run([record(7, 90, .hwm)], waited: 90, problem: "no"))
        #expect(same.bound == .exact && same.key?.pid == 7 && same.source == "hwm")
        let below = try largest(run([record(7, 1, .hwm)], waited: 4, problem: "no"))
        #expect(below.bound == .atLeast && below.atMostBytes == 4 * Self.mebibyte)
        let nothing = try largest(run([], waited: 4, problem: "no"))
        #expect(nothing.bound == .atMost && nothing.bytes == 4 * Self.mebibyte)
    }

    @Test("What lives, what was lost and what is inherited is never taken for exact")
    func uncertain() throws {
        let live = try largest(run([record(7, 50, .hwm, ended: nil)], waited: 4))
        #expect(live.bound == .atLeast && live.atMostBytes == nil)
        var lossy = run([record(7, 1, .exit, isFinal: true)], waited: 4)
        lossy.lostCount = 1
        #expect(try largest(lossy).bound == .atLeast)
        let child = record(8, 60, .exit, isFinal: true, inherited: 61 * Self.mebibyte)
        let parent = record(7, 20, .exit, isFinal: true)
        #expect(try largest(run([child, parent], waited: 20)).key?.pid == 7)
    }

    @Test("A row says at most what waiting for it said, and is exact where both agree")
    func rows() throws {
        let row = CommandRow(record(7, 5, .hwm), waitBytes: 6 * Self.mebibyte)
        #expect(row.peak?.bound == .atLeast && row.peak?.atMostBytes == 6 * Self.mebibyte)
        let equal = CommandRow(record(7, 6, .hwm), waitBytes: 6 * Self.mebibyte)
        #expect(equal.peak?.bound == .exact && equal.peak?.atMostBytes == nil)
        var unseen = record(7, 6, .hwm)
        unseen.peak = nil
        let bound = CommandRow(unseen, waitBytes: 6 * Self.mebibyte)
        #expect(bound.peak?.bound == .atMost && bound.peak?.source == "wait")
    }

    @Test("The block has each figure with its source, cuts at top, and no name steers a terminal")
    func text() {
        var run = run(
            [record(7, 50, .exit, isFinal: true), record(8, 3, .exit, isFinal: true)], waited: 50)
        run.sum = CommandSum(bytes: 53 << 20, processCount: 2, atMilliseconds: 1_500)
        run.intervalsMilliseconds = [10, 100]
        run.cgroup = CommandCgroup()
        run.cgroup?.markBytes = 70 << 20
        run.cgroup?.fileBytes = 16 << 20
        run.curve.add(53 << 20, atMilliseconds: 20)
        let report = CommandReport(run: run, top: 1)
        for width in [nil, 40, 80, 200] {
            let text = report.text(style: TextStyle(width: width), hasPlot: true)
            #expect(text.contains("50 MiB") && text.contains(">=53 MiB") && text.contains("(exit)"))
            #expect(text.contains("1 more (--top)"))
            #expect(!text.contains("\u{1B}"))
            let widest = text.split(separator: "\n").map { DisplayWidth.of(String($0)) }.max() ?? 0
            #expect(widest <= width ?? .max)
        }
        #expect(report.json.contains("\"elapsed_seconds\":12.345"))
        #expect(report.json.contains("\"processes_not_shown\":1"))
    }
}
