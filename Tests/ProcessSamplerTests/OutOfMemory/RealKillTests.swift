import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct RealKillTests {
    /// A shell that waits for a line and then takes memory without end, though never enough to
    /// trouble the host should the cgroup not hold it.
    private static let eater = "ulimit -v 1048576; read line; exec tail /dev/zero"

    /// Where cgroups can be made and the kernel's log be read; nil elsewhere.
    private static let usableTree: CgroupTree? = {
        do {
            // The log names cgroups from the root of the hierarchy on.
            let tree = try CgroupTree.find()
            guard tree.top == "/",
                LimitedCgroup.canBeMade(below: folder(of: tree), version: tree.version)
            else { return nil }
            return tree
        } catch {
            return nil
        }
    }()

    private static func folder(of tree: CgroupTree) -> String {
        String(decoding: tree.path.bytes, as: UTF8.self)
    }

    @Test(
        "A process that the kernel kills at its cgroup's limit is told once, with all about it",
        .enabled(
            if: usableTree != nil,
            "needs root, a memory controller that lets cgroups be made, and /dev/kmsg"))
    func kill() async throws {
        let tree = try #require(Self.usableTree)
        let cgroup = try LimitedCgroup(below: Self.folder(of: tree), version: tree.version)
        let (path, inner) = (RawText(cgroup.path), RawText(cgroup.inner))
        let sampler = try CgroupSampler(tree: tree)
        let log = try KernelLog()
        while !log.isCaughtUp { _ = log.read(atMilliseconds: BootClock.nowMilliseconds()) }
        var correlator = KillCorrelator(
            hostMemoryBytes: nil, countsAreLocal: tree.countsKillsLocally)
        // Another one that cannot read the log.
        var blind = correlator

        let input = Pipe()
        let eater = try Program("/bin/sh", ["-c", Self.eater], input: input)
        try cgroup.add(eater.pid)
        var looks = sampler.look([inner], atMilliseconds: BootClock.nowMilliseconds())
        correlator.observed(Array(looks.values), atMilliseconds: BootClock.nowMilliseconds())
        blind.observed(Array(looks.values), atMilliseconds: BootClock.nowMilliseconds())
        let before = BootClock.nowMilliseconds()
        try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        #expect(try await eater.waitForExit() == SIGKILL)

        let process = FollowedProcess(
            run: ProcessKey(pid: eater.pid, startTicks: 1), cgroup: inner,
            peakBytes: 30 << 20)
        let after = BootClock.nowMilliseconds()
        var kills: [OutOfMemoryKill] = []
        correlator.ended(process, signal: SIGKILL, atMilliseconds: after)
        try await eventually("the kill is known") {
            let now = BootClock.nowMilliseconds()
            for event in log.read(atMilliseconds: now) { correlator.log(event) }
            looks = sampler.look([], atMilliseconds: now)
            correlator.observed(Array(looks.values), atMilliseconds: now)
            kills += correlator.take(atMilliseconds: now).filter { $0.pid == eater.pid }
            return !kills.isEmpty
        }
        let kill = try #require(kills.first)
        #expect(kill.evidence == [.kernelLog, .cgroupEvents, .killedByExitRecord])
        #expect(kill.run == process.run && kill.lastPeakBytes == 30 << 20 && kill.comm == "tail")
        #expect(kill.constraint == .cgroup && kill.limitBytes == LimitedCgroup.limitBytes)
        #expect(kill.limitCgroup == path && kill.cgroup == inner)
        #expect((16 << 20..<64 << 20).contains(kill.residentBytes ?? 0))
        let lag = try #require(log.lagMilliseconds)
        #expect(kill.atMilliseconds + lag >= before - 100)

        let limited = try #require(looks[path])
        #expect(limited.limitBytes == LimitedCgroup.limitBytes)
        #expect((limited.markBytes ?? LimitedCgroup.limitBytes) > LimitedCgroup.limitBytes * 9 / 10)
        #expect(looks[inner]?.killCount == 1)
        #expect(correlator.take(atMilliseconds: after + 100_000).isEmpty)

        let again = try KernelLog()
        var restarted = KillCorrelator(hostMemoryBytes: nil, countsAreLocal: true)
        while !again.isCaughtUp {
            for event in again.read(atMilliseconds: after) { restarted.log(event) }
        }
        let found = restarted.take(atMilliseconds: after + 100_000).filter { $0.pid == eater.pid }
        #expect(found.map(\.atMilliseconds) == [kill.atMilliseconds])
        #expect(found.first?.limitCgroup == path)

        blind.ended(process, signal: SIGKILL, atMilliseconds: after)
        blind.observed(Array(looks.values), atMilliseconds: after)
        let guessed = blind.take(atMilliseconds: after + KillCorrelator.waitMilliseconds)
        #expect(guessed.map(\.run) == [process.run])
        #expect(guessed.first?.evidence == [.cgroupEvents, .killedByExitRecord])
    }
}
