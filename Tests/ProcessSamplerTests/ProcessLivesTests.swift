import MemoryModel
import Testing

@testable import ProcessSampler

/// Whose exec and whose end it was, from events alone.
@Suite struct ProcessLivesTests {
    private static let suspended: Int64 = 0

    private func fork(_ pid: Int32, at: Int64, mark: UInt64? = nil) -> ForkedProcess {
        ForkedProcess(
            pid: pid, parentPid: 1, atMilliseconds: at, monotonicMilliseconds: at, markBytes: mark)
    }

    private func image(
        _ pid: Int32, at: Int64, program: RawText? = nil, startTicks: UInt64 = 0,
        mark: UInt64? = nil
    ) -> ExecutedImage {
        ExecutedImage(
            pid: pid, atMilliseconds: at, monotonicMilliseconds: at,
            details: program.map {
                ImageDetails(
                    startTicks: startTicks, description: RunDescription(program: $0, comm: $0),
                    commandFingerprint: 0, markBytes: mark)
            })
    }

    private func end(
        _ pid: Int32, from start: Int64, at: Int64, mark: UInt64? = 4_096, isFork: Bool? = false
    ) -> EndedProcess {
        EndedProcess(
            pid: pid, startMonotonicMilliseconds: start, startUncertaintyMilliseconds: 10,
            elapsedMicroseconds: UInt64(at - start) * 1_000, endedAtMilliseconds: at,
            endedMonotonicMilliseconds: at, parentPid: 1, userID: 7, name: "name",
            isNameOfThread: false, isForkWithoutExec: isFork, markBytes: mark, exitCode: 3,
            exitSignal: nil, processorMilliseconds: 5, minorFaults: 1, majorFaults: 0,
            isComplete: true, parentMarkBytes: nil)
    }

    private func take(
        _ lives: inout ProcessLives, forked: [ForkedProcess] = [],
        executed: [ExecutedImage] = [], ended: [EndedProcess] = [], at now: Int64 = 100_000,
        followed: [Int32: UInt64] = [:]
    ) -> ProcessLives.Outcome {
        var events = KernelEvents()
        events.forked = forked
        events.executed = executed
        events.ended = ended
        return lives.take(
            events, at: now, suspendedMilliseconds: Self.suspended,
            followedStart: { followed[$0] })
    }

    private func runs(_ life: ProcessLife?) throws -> [CompletedRun] {
        let life = try #require(life)
        let end = try #require(life.end)
        return life.completedRuns(
            end,
            figures: ExitFigures(
                markBytes: end.markBytes, processorMilliseconds: nil, faults: nil),
            ticksPerSecond: 100, userName: { _ in "user" })
    }

    @Test("A process that came and went is one run, with the names that were read while it lived")
    func cameAndWent() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        let outcome = take(
            &lives, forked: [fork(9, at: 50_001)],
            executed: [image(9, at: 50_002, program: "job", startTicks: 5_000)],
            ended: [end(9, from: 50_005, at: 50_030)])
        #expect(lives.pids.isEmpty)
        let run = try #require(runs(outcome.finished.first).first)
        #expect(run.start.key == ProcessKey(pid: 9, startTicks: 5_000))
        #expect(run.start.description.program == "job")
        #expect(run.start.description.startedAtMilliseconds == 50_002)
        #expect(run.start.flags == [])
        #expect(run.end.end.exitCode == 3)
        #expect(run.end.record?.markBytes == 4_096)
        #expect(
            run.end.end.bracket
                == TimeBracket(notBeforeMilliseconds: 50_010, notAfterMilliseconds: 50_030))
    }

    @Test("What was first seen at its exit says so, and its start is reckoned")
    func firstSeenAtExit() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        let outcome = take(&lives, ended: [end(9, from: 50_005, at: 50_030)])
        let run = try #require(runs(outcome.finished.first).first)
        #expect(run.start.key == ProcessKey(pid: 9, startTicks: 5_000))
        #expect(run.start.flags == [.startIsEstimated, .firstSeenAtExit])
        let description = run.start.description
        #expect(description.program == "name" && description.comm == "name")
        #expect(description.executable == nil && description.cgroup == nil)
        #expect(description.userID == 7 && description.user == "user")
        #expect(description.inheritedBytes == nil)
    }

    @Test("A pid that was used twice since the last time gives two runs, each with its own end")
    func pidReuse() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        let outcome = take(
            &lives, forked: [fork(9, at: 50_000), fork(9, at: 50_040)],
            executed: [
                image(9, at: 50_001, program: "one", startTicks: 5_000),
                image(9, at: 50_041, program: "two", startTicks: 5_004),
            ],
            ended: [
                end(9, from: 50_044, at: 50_060, mark: 2),
                end(9, from: 50_004, at: 50_039, mark: 1),
            ])
        let found = try outcome.finished.flatMap(runs)
        #expect(found.map(\.start.description.program) == ["one", "two"])
        #expect(found.map(\.start.key.startTicks) == [5_000, 5_004])
        #expect(found.map(\.end.record?.markBytes) == [1, 2])
    }

    @Test("The end of a followed process is not that of a later one with its pid")
    func followedAndReused() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        let outcome = take(
            &lives, forked: [fork(9, at: 50_000)],
            ended: [end(9, from: 20_005, at: 49_000), end(9, from: 50_001, at: 50_030)],
            followed: [9: 2_000])
        #expect(outcome.ended.map(\.endedAtMilliseconds) == [49_000])
        #expect(outcome.finished.map { $0.end?.endedAtMilliseconds } == [50_030])
    }

    @Test("Each image that was executed away is a run with its last mark, and the last one ends")
    func chain() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        let outcome = take(
            &lives, forked: [fork(9, at: 50_000)],
            executed: [
                image(9, at: 50_001, program: "one", startTicks: 5_000, mark: 77),
                image(9, at: 50_010), image(9, at: 50_020, program: "three", startTicks: 5_000),
            ], ended: [end(9, from: 50_000, at: 50_030)])
        let found = try runs(outcome.finished.first)
        #expect(found.map(\.start.key.image) == [0, 2])
        #expect(found.map(\.end.end.reason) == [.executed, .exited])
        #expect(found.first?.peak?.bytes == 77 && found.first?.peak?.source == .hwm)
        #expect(found.first?.end.record == nil)
        #expect(found.last?.start.description.program == "three")
    }

    @Test(
        "What a child without a program inherited is no more than its first mark or its parent's",
        arguments: [
            (UInt64?(300), UInt64?(900), UInt64(308)), (300, 96, 100), (nil, 96, 100),
            (nil, 16, 20),
            (300, nil, 308), (nil, nil, 1_004), (2_000, 2_000, 2_004),
        ])
    func inherited(atFork: UInt64?, parent: UInt64?, expected: UInt64) throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        var record = end(9, from: 50_000, at: 50_030, mark: 1_000 << 20, isFork: true)
        record.parentMarkBytes = parent.map { $0 << 20 }
        let outcome = take(
            &lives, forked: [fork(9, at: 50_000, mark: atFork.map { $0 << 20 })],
            ended: [record])
        let run = try #require(runs(outcome.finished.first).first)
        #expect(run.start.description.inheritedBytes == expected << 20)
    }

    @Test("Whoever took a child over says nothing of what it inherited")
    func orphan() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        var record = end(9, from: 50_000, at: 50_030, mark: 90 << 20, isFork: true)
        record.parentPid = 2
        record.parentMarkBytes = 1 << 20
        let outcome = take(
            &lives, forked: [fork(9, at: 50_000, mark: 89 << 20)], ended: [record])
        let run = try #require(runs(outcome.finished.first).first)
        #expect((run.start.description.inheritedBytes ?? 0) >= 90 << 20)
    }

    @Test("A child of vfork has its parent's mark, all of it inherited")
    func vfork() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        var record = end(9, from: 50_000, at: 50_030, mark: 1_000, isFork: true)
        record.parentMarkBytes = 1_000
        let outcome = take(&lives, forked: [fork(9, at: 50_000, mark: 900)], ended: [record])
        let run = try #require(runs(outcome.finished.first).first)
        #expect((run.start.description.inheritedBytes ?? 0) >= 1_000)
    }

    @Test("A record that comes after its events is put to them, until they are too old")
    func later() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        _ = take(
            &lives, forked: [fork(9, at: 50_000), fork(8, at: 50_000)],
            executed: [image(9, at: 50_001, program: "job", startTicks: 5_000)], at: 50_100)
        #expect(lives.pids == [8, 9])
        let outcome = take(&lives, ended: [end(9, from: 50_000, at: 60_000)], at: 60_100)
        #expect(outcome.finished.first?.images.count == 1)
        _ = take(&lives, at: 110_101)
        #expect(lives.pids.isEmpty)
    }

    @Test("What is followed from now on is taken out, if it is the same process")
    func takenUp() throws {
        var lives = ProcessLives(ticksPerSecond: 100)
        _ = take(&lives, forked: [fork(9, at: 50_000), fork(8, at: 50_000)])
        #expect(lives.take(pid: 9, startTicks: 5_000)?.fork?.pid == 9)
        // Its pid is another process's by now, and its record is under way.
        #expect(lives.take(pid: 8, startTicks: 7_000) == nil)
        #expect(lives.pids == [8])
    }
}
