import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

/// What a day without a collector costs: 300 processes that live, and one that ends each second.
@Suite("A day of outage")
struct DayOfOutageTests {
    private static let seconds: Int32 = 24 * 3_600
    private static let liveCount: Int32 = 300
    private static let limitBytes = 32 << 20
    private static let programs = 40

    private let fixture: StateFixture

    init() throws { fixture = try StateFixture() }

    private static func description(_ number: Int32) -> RunDescription {
        let program = Int(number) % programs
        var description = RunDescription(
            program: RawText("python3 job-\(program).py"), comm: "python3")
        description.executable = "/usr/bin/python3.11"
        description.command = RawText("python3 /srv/jobs/job-\(program).py")
        description.user = RawText("user-\(program % 7)")
        description.userID = UInt32(1_000 + program % 7)
        description.cgroup = RawText("/system.slice/job-\(program % 12).service")
        description.unit = RawText("job-\(program % 12).service")
        description.parentPid = 1
        return description
    }

    private static func key(_ number: Int32) -> ProcessKey {
        ProcessKey(pid: number, startTicks: UInt64(number) * 100)
    }

    private static func start(_ number: Int32, atMilliseconds at: Int64) -> StartedRun {
        var description = description(number)
        description.startedAtMilliseconds = at
        return StartedRun(key: key(number), description: description)
    }

    private static func ended(
        _ number: Int32, atMilliseconds at: Int64, using random: inout SeededGenerator
    ) -> CompletedRun {
        let bracket = TimeBracket(notBeforeMilliseconds: at - 700, notAfterMilliseconds: at - 690)
        // From 1 to 256 MiB, small ones as often as large ones.
        let bytes = UInt64(exp2(Double.random(in: 20...28, using: &random))) & ~4_095
        return CompletedRun(
            start: start(number, atMilliseconds: at - 900),
            end: EndedRun(
                key: key(number), end: RunEnd(bracket: bracket, reason: .exited, exitCode: 0),
                record: ExitFigures(
                    markBytes: bytes, processorMilliseconds: .random(in: 1...999, using: &random),
                    faults: nil)))
    }

    /// Lets a day pass; each minute a fifth of what lives rises.
    private static func outbox(using random: inout SeededGenerator) -> Outbox {
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: limitBytes)
        for second in 1...seconds {
            let at = Int64(second) * 1_000
            var snapshot = HostSnapshot(takenAtMilliseconds: at)
            if second == 1 {
                snapshot.started = (1...liveCount).map { start($0, atMilliseconds: at) }
            }
            if second % 60 == 1 {
                for number in (1...liveCount) where second == 1 || number % 5 == second / 60 % 5 {
                    var observation = RunObservation(key: key(number))
                    observation.residentBytes = UInt64(number + second) << 12
                    observation.markBytes = UInt64(number + second) << 12
                    snapshot.observed.append(observation)
                }
            }
            snapshot.completed = [ended(liveCount + second, atMilliseconds: at, using: &random)]
            outbox.apply(snapshot)
        }
        return outbox
    }

    @Test("memory and the state file stay in their limits, and every end is told or counted")
    func day() throws {
        var random = SeededGenerator(seed: 1)
        let before = try residentBytes()
        var outbox = DayOfOutageTests.outbox(using: &random)
        let grown = try residentBytes() - before
        #expect(outbox.heldBytes <= DayOfOutageTests.limitBytes)

        let folder = try fixture.open()
        let outcome = try fixture.save(outbox, in: folder, maximumBytes: 64 << 20)
        #expect(outcome.droppedCount == 0)
        let file = try #require(try fixture.frames(in: folder))
        #expect(file.damage == nil)

        outbox.sessionOpened(maximumRuns: 65_536)
        var counts = (ends: UInt64(0), folds: UInt64(0), folded: UInt64(0), frames: 0)
        outbox.stateRemoved()
        while let frame = outbox.nextFrame() {
            counts.frames += 1
            counts.ends += UInt64(frame.exits.count)
            guard case .fold(let frame) = frame else { continue }
            counts.folds += UInt64(frame.folds.count)
            counts.folded += frame.folds.reduce(0) { $0 + $1.runCount }
        }
        #expect(counts.ends + counts.folded == UInt64(DayOfOutageTests.seconds))
        #expect(file.frames.flatMap(\.exits).count == Int(counts.ends))
        print(
            """
            a day of outage, one exit a second: state file \(outcome.byteCount) bytes; held \
            \(outbox.heldBytes) bytes, resident memory grew by \(grown); \(counts.ends) ends and \
            \(counts.folds) folds of \(counts.folded) runs in \(counts.frames) frames
            """)
    }

    /// What of this process is resident (`statm`, proc(5)).
    private func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4_096
    }
}
