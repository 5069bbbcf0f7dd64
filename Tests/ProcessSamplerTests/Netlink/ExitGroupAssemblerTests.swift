import MemoryModel
import Testing

@testable import ProcessSampler

@Suite struct ExitGroupAssemblerTests {
    private static let groupEnd: UInt8 = 0x20
    private static let signaled: UInt8 = 0x10

    /// A record of a thread of process 300 that began 1,000 s after boot.
    private func task(
        _ pid: Int32, begun: UInt64 = 0, until end: UInt64, mark: UInt64 = 100, flags: UInt8 = 0,
        name: String = "a name", exitStatus: UInt32 = 0
    ) -> TaskBytes {
        TaskBytes(
            exitStatus: exitStatus, flags: flags, name: name, pid: pid,
            elapsedMicroseconds: end - begun, groupElapsedMicroseconds: end,
            markKibibytes: mark)
    }

    private func receipt(_ bytes: TaskBytes, delay: Int64 = 20) -> RecordReceipt {
        let time = 1_000_000 + Int64(bytes.groupElapsedMicroseconds / 1_000) + delay / 2
        return RecordReceipt(
            bootMilliseconds: time + 50_000, monotonicMilliseconds: time,
            delayMilliseconds: delay)
    }

    private func assembler() -> ExitGroupAssembler {
        ExitGroupAssembler(startedMonotonicMilliseconds: 500_000)
    }

    private func take(
        _ bytes: TaskBytes, _ assembler: inout ExitGroupAssembler
    ) throws -> EndedProcess? {
        assembler.take(try #require(bytes.record()), at: receipt(bytes))
    }

    @Test("A process of one thread has ended with its only record")
    func single() throws {
        var assembler = assembler()
        let ended = try #require(
            try take(
                task(300, until: 2_000, flags: Self.groupEnd, exitStatus: 0x0200), &assembler))
        #expect(ended.pid == 300)
        #expect(ended.startMonotonicMilliseconds == 1_000_000)
        #expect(ended.startUncertaintyMilliseconds == 10)
        #expect(ended.elapsedMicroseconds == 2_000)
        #expect(ended.endedMonotonicMilliseconds == 1_000_012)
        #expect(ended.endedAtMilliseconds == 1_050_012)
        #expect(ended.name == "a name")
        #expect(ended.isForkWithoutExec == false)
        #expect(ended.markBytes == 100 << 10)
        #expect(ended.exitCode == 2)
        #expect(ended.exitSignal == nil)
        #expect(ended.processorMilliseconds == 2)
        #expect(ended.isComplete)
        #expect(assembler.pendingCount == 0)
    }

    @Test("The leader that ended first gives name and user, and all records give sums and mark")
    func leaderFirst() throws {
        var assembler = assembler()
        #expect(try take(task(300, until: 1_000, mark: 50), &assembler) == nil)
        #expect(
            try take(task(302, begun: 500, until: 2_000, mark: 900, name: "b"), &assembler)
                == nil)
        let last = task(
            301, begun: 500, until: 3_000, mark: 700, flags: Self.groupEnd, name: "c",
            exitStatus: 0)
        let ended = try #require(try take(last, &assembler))
        #expect(ended.name == "a name")
        #expect(!ended.isNameOfThread)
        #expect(ended.markBytes == 900 << 10)
        #expect(ended.elapsedMicroseconds == 3_000)
        #expect(ended.processorMilliseconds == 6)
        #expect(ended.minorFaults == 30)
        #expect(ended.majorFaults == 3)
        // The leader ended alone: its status is not the process's.
        #expect(ended.exitCode == nil)
    }

    @Test("Without the leader's record the name is a thread's, and a fork is not known")
    func leaderNotSeen() throws {
        var assembler = assembler()
        let last = task(301, begun: 5, until: 3_000, flags: Self.groupEnd, name: "thread")
        let ended = try #require(try take(last, &assembler))
        #expect(ended.pid == 300)
        #expect(ended.name == "thread")
        #expect(ended.isNameOfThread)
        #expect(ended.isForkWithoutExec == nil)
        #expect(ended.exitCode == nil && ended.exitSignal == nil)
    }

    @Test("A status is the process's if the leader ended with it, whoever was the last")
    func statuses() throws {
        var assembler = assembler()
        // Another thread exited, which sent the leader a signal.
        _ = try take(
            task(300, until: 1_000, flags: Self.signaled, exitStatus: 0x0500), &assembler)
        let first = try take(
            task(301, until: 1_100, flags: Self.groupEnd), &assembler)
        #expect(first?.exitCode == 5)
        // The leader exited, which sent another thread a signal.
        _ = try take(task(300, until: 1_000, exitStatus: 0x0700), &assembler)
        let second = try take(
            task(301, until: 1_100, flags: Self.groupEnd | Self.signaled), &assembler)
        #expect(second?.exitCode == 7)
        // The leader exited alone, and a signal ended the rest long after.
        _ = try take(task(300, until: 1_000, exitStatus: 0), &assembler)
        let third = try take(
            task(301, until: 9_000_000, flags: Self.groupEnd | Self.signaled), &assembler)
        #expect(third != nil)
        #expect(third?.exitCode == nil && third?.exitSignal == nil)
        // A signal with a core dump.
        let fourth = try take(
            task(300, until: 1_000, flags: Self.groupEnd | Self.signaled, exitStatus: 0x8B),
            &assembler)
        #expect(fourth?.exitSignal == 11)
        #expect(fourth?.exitCode == nil)
    }

    @Test("After a thread has executed a program, the mark is the new program's")
    func threadExec() throws {
        var assembler = assembler()
        _ = try take(task(302, begun: 100, until: 1_000, mark: 9_000), &assembler)
        _ = try take(task(300, until: 1_010, mark: 9_000, name: "old"), &assembler)
        _ = try take(task(303, begun: 100, until: 1_020, mark: 9_000), &assembler)
        _ = try take(task(304, begun: 1_500, until: 1_900, mark: 400), &assembler)
        let last = task(300, until: 2_000, mark: 300, flags: Self.groupEnd, name: "new")
        let ended = try #require(try take(last, &assembler))
        #expect(ended.markBytes == 400 << 10)
        #expect(ended.name == "new")
        #expect(ended.processorMilliseconds == 10)
    }

    @Test("Two threads that execute programs one after the other leave the last one's mark")
    func threadExecTwice() throws {
        var assembler = assembler()
        _ = try take(task(300, until: 1_000, mark: 9_000), &assembler)
        _ = try take(task(301, begun: 1_100, until: 1_900, mark: 7_000), &assembler)
        _ = try take(task(300, until: 2_000, mark: 7_000), &assembler)
        let ended = try take(
            task(300, until: 3_000, mark: 300, flags: Self.groupEnd), &assembler)
        #expect(ended?.markBytes == 300 << 10)
    }

    @Test("A number that is used again begins anew, though the end before was lost")
    func pidReuse() throws {
        var assembler = assembler()
        _ = try take(task(301, until: 1_000, mark: 9_000), &assembler)
        var later = task(300, until: 2_000, mark: 300, flags: Self.groupEnd)
        later.name = "later"
        let ended = assembler.take(
            try #require(later.record()),
            at: RecordReceipt(
                bootMilliseconds: 5_000_000, monotonicMilliseconds: 5_000_000,
                delayMilliseconds: 20))
        #expect(ended?.markBytes == 300 << 10)
        #expect(ended?.processorMilliseconds == 2)
        #expect(ended?.name == "later")
    }

    @Test("Sums are whole only for what began after listening did and after the last loss")
    func completeness() throws {
        var assembler = ExitGroupAssembler(startedMonotonicMilliseconds: 1_000_001)
        let end = task(300, until: 2_000, flags: Self.groupEnd)
        #expect(try take(end, &assembler)?.isComplete == false)
        assembler = self.assembler()
        #expect(try take(end, &assembler)?.isComplete == true)
        assembler.noteLoss(untilMonotonicMilliseconds: 1_000_001)
        #expect(try take(end, &assembler)?.isComplete == false)
    }

    @Test("The oldest beginnings are dropped and counted, and the dead can be forgotten")
    func bounds() throws {
        var assembler = ExitGroupAssembler(startedMonotonicMilliseconds: 0, maximumGroups: 64)
        for pid in Int32(1)...1_000 {
            var bytes = task(pid + 10_000, until: 1_000)
            bytes.groupID = pid
            #expect(try take(bytes, &assembler) == nil)
            #expect(assembler.pendingCount <= 64)
        }
        #expect(assembler.droppedGroups == UInt64(1_000 - assembler.pendingCount))
        assembler.forget { $0 == 1_000 }
        #expect(assembler.pendingCount == 1)
    }

    @Test("Before version 12 the record with the process's sums is its end")
    func olderKernels() throws {
        var assembler = assembler()
        var bytes = task(300, until: 2_000, exitStatus: 0x0100)
        bytes.version = 10
        let at = receipt(bytes)
        // What only a leader's record can have; its other threads live.
        let leader = assembler.take(
            try #require(bytes.record()), at: at, hasLivingThreads: { $0 == 300 })
        #expect(leader == nil)
        bytes.pid = 301
        bytes.exitStatus = 0
        // A thread or a leader: nobody can tell.
        #expect(assembler.take(try #require(bytes.record()), at: at) == nil)
        #expect(assembler.unattributedRecords == 1)
        let ended = assembler.take(try #require(bytes.record(endedGroupID: 300)), at: at)
        #expect(ended?.pid == 300)
        #expect(ended?.name == "a name")
        #expect(ended?.startMonotonicMilliseconds == 1_000_000)
        #expect(ended?.elapsedMicroseconds == nil)
    }

    @Test("Before version 12 a process is known by what was told when it was made")
    func olderKernelsProcesses() throws {
        var assembler = assembler()
        assembler.noteProcess(300)
        var bytes = task(301, until: 2_000)
        bytes.version = 10
        #expect(assembler.take(try #require(bytes.record()), at: receipt(bytes)) == nil)
        #expect(assembler.unattributedRecords == 1)
        bytes.pid = 300
        let ended = assembler.take(try #require(bytes.record()), at: receipt(bytes))
        #expect(ended?.pid == 300)
        #expect(ended?.isComplete == false)
        // The next one with that number has to be told of, too.
        #expect(assembler.take(try #require(bytes.record()), at: receipt(bytes)) == nil)
    }
}
