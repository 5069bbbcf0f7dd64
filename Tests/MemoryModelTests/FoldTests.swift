import MemoryModel
import TestSupport
import Testing

@Suite("A fold")
struct FoldTests {
    private static let subject = FoldSubject(program: "p", user: "u", cgroup: nil)

    private func record(_ pid: Int32, bytes: UInt64?, end: Int64 = 2_000) -> RunRecord {
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 1),
            description: RunDescription(program: "p", comm: "c"))
        record.peak = bytes.map {
            Peak(
                bytes: $0,
                bracket: TimeBracket(notBeforeMilliseconds: 1, notAfterMilliseconds: end),
                source: .exit)
        }
        let bracket = TimeBracket(notBeforeMilliseconds: end - 100, notAfterMilliseconds: end)
        record.end = RunEnd(bracket: bracket, reason: .exited, exitCode: 0)
        return record
    }

    @Test("counts runs, their peaks, their processor time, failures and kills")
    func adding() {
        var fold = Fold(ordinal: 7, subject: FoldTests.subject)
        fold.add(record(1, bytes: 4 << 20, end: 5_000))
        var failed = record(2, bytes: 1 << 20, end: 3_000)
        failed.end?.exitCode = 1
        failed.processorMilliseconds = 30
        fold.add(failed)
        var killed = record(3, bytes: nil, end: 4_000)
        killed.end?.exitCode = nil
        killed.end?.exitSignal = 9
        killed.flags = .killedForMemory
        killed.processorMilliseconds = 12
        fold.add(killed)
        #expect(fold.runCount == 3)
        #expect(fold.peak == record(1, bytes: 4 << 20, end: 5_000).peak)
        #expect(fold.sumOfPeaksBytes == 5 << 20)
        #expect(fold.histogram.counts == [80: 1, 96: 1])
        #expect(
            fold.bracket
                == TimeBracket(notBeforeMilliseconds: 2_900, notAfterMilliseconds: 5_000))
        #expect(fold.processorMilliseconds == 42)
        #expect(fold.failureCount == 2)
        #expect(fold.killCount == 1)
    }

    @Test("counts a run whose peak is its parent's memory as one without a known peak")
    func inherited() {
        var fold = Fold(ordinal: 0, subject: FoldTests.subject)
        var child = record(1, bytes: 4 << 20)
        child.description.inheritedBytes = 4 << 20
        fold.add(child)
        #expect(fold.runCount == 1)
        #expect(fold.peak == nil)
        #expect(fold.sumOfPeaksBytes == 0)
        #expect(fold.histogram.total == 0)
    }

    @Test("is the same in whatever order its runs come")
    func order() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let runs = (0..<20).map { pid in
                record(
                    pid, bytes: UInt64.random(in: 0...9, using: &random) << 20,
                    end: Int64.random(in: 200...9_000, using: &random))
            }
            var (forward, shuffled) = (
                Fold(ordinal: 0, subject: FoldTests.subject),
                Fold(ordinal: 0, subject: FoldTests.subject)
            )
            for run in runs { forward.add(run) }
            for run in runs.shuffled(using: &random) { shuffled.add(run) }
            #expect(forward == shuffled, "\(random)")
        }
    }

    @Test("is about a user by name, by number where there is none, else by nothing")
    func subject() {
        var description = RunDescription(program: "p", comm: "c")
        #expect(FoldSubject(description).user == nil)
        description.userID = 33
        #expect(FoldSubject(description).user == "33")
        description.user = "www"
        description.cgroup = "/a"
        #expect(
            FoldSubject(description) == FoldSubject(program: "p", user: "www", cgroup: "/a"))
    }
}
