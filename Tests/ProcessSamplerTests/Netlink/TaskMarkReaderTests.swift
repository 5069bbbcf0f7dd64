import Foundation
import TestSupport
import Testing

@testable import ProcessSampler

/// Marks of living processes, and what is said where there are none to be had.
@Suite struct TaskMarkReaderTests {
    @Test(
        "A living process's mark is that of its status, and an ended one has none",
        .enabled(if: ExitProbe.isTold, ExitProbe.reason))
    func living() async throws {
        let probe = try await Probe.start("release", mebibytes: 100)
        let reader = try TaskMarkReader()
        let files = try ProcessFiles(ProcRoot())
        let status = try #require(files.read("status", of: probe.pid).content.map(StatusFile.init))
        let statistics = try #require(reader.statistics(of: probe.pid))
        #expect(ExitProbe.agree(statistics.markBytes, status.markBytes))
        #expect((statistics.markBytes ?? 0) > 99 << 20)
        #expect(statistics.name == status.name)
        #expect(statistics.userID == status.userID)
        #expect(statistics.parentPid == getpid())
        try await probe.killAndWait()
        #expect(reader.statistics(of: probe.pid) == nil)
    }

    @Test(
        "Any number of processes is answered, each once and in its own place",
        .enabled(if: ExitProbe.isTold, ExitProbe.reason),
        arguments: [0, 1, 63, 64, 65, 1_000])
    func batches(count: Int) throws {
        let reader = try TaskMarkReader()
        // Numbers below 1 are no process's.
        let pids = (0..<count).map { $0 % 3 == 0 ? getpid() : -Int32($0) }
        for _ in 0..<3 {
            var answers = [Int](repeating: 0, count: count)
            try reader.read(pids) { index, statistics in
                answers[index] += 1
                #expect((statistics?.pid == getpid()) == (index % 3 == 0))
                #expect((statistics == nil) == (index % 3 != 0))
            }
            #expect(answers.allSatisfy { $0 == 1 })
        }
    }

    @Test("A thread of the kernel has no mark", .enabled(if: ExitProbe.isTold, ExitProbe.reason))
    func kernelThread() throws {
        let statistics = try #require(try TaskMarkReader().statistics(of: 2))
        #expect(statistics.markBytes == nil)
    }

    @Test("Without privilege each source that does not work names the capability")
    func unprivileged() throws {
        let problems = try onUnprivilegedThread {
            let source = KernelEventSource.start()
            return [source.exitRecordProblem, source.markProblem, source.processEventProblem]
        }
        #expect(problems[0] == problems[1])
        // Linux lets everyone hear of forks and execs since 6.6.
        let isExpected =
            problems[2] == nil || problems[2] == problems[0]
            || problems[2] == .foreignNamespace(kind: "network")
        #expect(isExpected)
        let text = try #require(problems[0]).description
        #expect(text.contains("CAP_NET_ADMIN") || text.contains("namespace"))
    }

    @Test("A tree that is not this host's own procfs gets no events of this host")
    func foreignTree() throws {
        let folder = try TemporaryFolder()
        let source = KernelEventSource.start(root: ProcRoot(path: folder.path))
        let expected = KernelSourceProblem.foreignTree(path: folder.path)
        #expect(source.exitRecordProblem == expected)
        #expect(source.processEventProblem == expected)
        #expect(source.markProblem == expected)
        #expect(source.drain() == KernelEvents())
        source.stop()
    }

    @Test(
        "Names beyond the budget are counted and not read; stopping twice is harmless",
        .enabled(if: ExitProbe.isTold, ExitProbe.reason))
    func nameBudget() async throws {
        var options = KernelEventOptions()
        (options.namesPerSecond, options.namesBurst) = (0, 0)
        let source = KernelEventSource.start(options: options)
        let probe = try await ExitProbe.run("mark", "1", "0")
        var image: ExecutedImage?
        var unread: UInt64 = 0
        try await eventually("the exec is told") {
            let events = source.drain()
            unread += events.unreadNames
            image = image ?? events.executed.first { $0.pid == probe.pid }
            return image != nil
        }
        #expect(try #require(image).details == nil)
        #expect(unread > 0)
        source.stop()
        source.stop()
        _ = source.drain()
        _ = try await ExitProbe.run("mark", "1", "0")
        #expect(source.drain() == KernelEvents())
    }
}
