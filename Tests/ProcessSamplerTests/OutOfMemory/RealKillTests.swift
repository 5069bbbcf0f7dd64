import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// A cgroup of its own with a limit, and one inside of it; removed with the last reference.
private final class LimitedCgroup {
    static let limitBytes: UInt64 = 32 << 20

    let tree: CgroupTree
    /// The path of the cgroup with the limit, as `/proc/PID/cgroup` writes it.
    let path: RawText
    /// The path of the cgroup inside.
    let inner: RawText
    private let folder: String

    init(in tree: CgroupTree) throws {
        self.tree = tree
        let name = "/highwater-test-\(UUID().uuidString)"
        folder = String(decoding: tree.path.bytes, as: UTF8.self) + name
        path = RawText(name)
        inner = RawText(name + "/inner")
        guard mkdir(folder, 0o755) == 0 else { throw CocoaError(.fileWriteNoPermission) }
        do {
            if tree.version == 2 { try write("+memory", to: "cgroup.subtree_control") }
            guard mkdir(folder + "/inner", 0o755) == 0 else {
                throw CocoaError(.fileWriteNoPermission)
            }
            let file = tree.version == 2 ? "memory.max" : "memory.limit_in_bytes"
            try write("\(Self.limitBytes)", to: file)
            let swap = tree.version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"
            if access(folder + "/" + swap, W_OK) == 0 {
                try write(tree.version == 2 ? "0" : "\(Self.limitBytes)", to: swap)
            }
        } catch {
            remove()
            throw error
        }
    }

    deinit { remove() }

    func add(_ pid: Int32) throws { try write("\(pid)", to: "inner/cgroup.procs") }

    private func write(_ text: String, to name: String) throws {
        guard let file = FileHandle(forWritingAtPath: folder + "/" + name) else {
            throw CocoaError(.fileWriteNoPermission)
        }
        try file.write(contentsOf: Data(text.utf8))
    }

    private func remove() {
        rmdir(folder + "/inner")
        rmdir(folder)
    }

    /// Where cgroups can be made and the kernel's log be read; nil elsewhere.
    static let usableTree: CgroupTree? = {
        guard geteuid() == 0, access("/dev/kmsg", R_OK) == 0 else { return nil }
        do {
            // The log names cgroups from the root of the hierarchy on.
            let tree = try CgroupTree.find()
            guard tree.top == "/" else { return nil }
            _ = try LimitedCgroup(in: tree)
            return tree
        } catch {
            return nil
        }
    }()
}

@Suite struct RealKillTests {
    /// A shell that waits for a line and then takes memory without end, though never enough to
    /// trouble the host should the cgroup not hold it.
    private static let eater = "ulimit -v 1048576; read line; exec tail /dev/zero"

    @Test(
        "A process that the kernel kills at its cgroup's limit is told once, with all about it",
        .enabled(
            if: LimitedCgroup.usableTree != nil,
            "needs root, a memory controller that lets cgroups be made, and /dev/kmsg"))
    func kill() async throws {
        let cgroup = try LimitedCgroup(in: try #require(LimitedCgroup.usableTree))
        let sampler = try CgroupSampler(tree: cgroup.tree)
        let log = try KernelLog()
        while !log.isCaughtUp { _ = log.read(atMilliseconds: BootClock.nowMilliseconds()) }
        var correlator = KillCorrelator(
            hostMemoryBytes: nil, countsAreLocal: cgroup.tree.countsKillsLocally)
        // Another one that cannot read the log.
        var blind = correlator

        let input = Pipe()
        let eater = try Program("/bin/sh", ["-c", Self.eater], input: input)
        try cgroup.add(eater.pid)
        var looks = sampler.look([cgroup.inner], atMilliseconds: BootClock.nowMilliseconds())
        correlator.observed(Array(looks.values), atMilliseconds: BootClock.nowMilliseconds())
        blind.observed(Array(looks.values), atMilliseconds: BootClock.nowMilliseconds())
        let before = BootClock.nowMilliseconds()
        try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        #expect(try await eater.waitForExit() == SIGKILL)

        let process = FollowedProcess(
            run: ProcessKey(pid: eater.pid, startTicks: 1), cgroup: cgroup.inner,
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
        #expect(kill.limitCgroup == cgroup.path && kill.cgroup == cgroup.inner)
        #expect((16 << 20..<64 << 20).contains(kill.residentBytes ?? 0))
        let lag = try #require(log.lagMilliseconds)
        #expect(kill.atMilliseconds + lag >= before - 100)

        let limited = try #require(looks[cgroup.path])
        #expect(limited.limitBytes == LimitedCgroup.limitBytes)
        #expect((limited.markBytes ?? LimitedCgroup.limitBytes) > LimitedCgroup.limitBytes * 9 / 10)
        #expect(looks[cgroup.inner]?.killCount == 1)
        #expect(correlator.take(atMilliseconds: after + 100_000).isEmpty)

        let again = try KernelLog()
        var restarted = KillCorrelator(hostMemoryBytes: nil, countsAreLocal: true)
        while !again.isCaughtUp {
            for event in again.read(atMilliseconds: after) { restarted.log(event) }
        }
        let found = restarted.take(atMilliseconds: after + 100_000).filter { $0.pid == eater.pid }
        #expect(found.map(\.atMilliseconds) == [kill.atMilliseconds])
        #expect(found.first?.limitCgroup == cgroup.path)

        blind.ended(process, signal: SIGKILL, atMilliseconds: after)
        blind.observed(Array(looks.values), atMilliseconds: after)
        let guessed = blind.take(atMilliseconds: after + KillCorrelator.waitMilliseconds)
        #expect(guessed.map(\.run) == [process.run])
        #expect(guessed.first?.evidence == [.cgroupEvents, .killedByExitRecord])
    }
}
