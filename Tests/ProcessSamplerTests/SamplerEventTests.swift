import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// Whether the kernel tells this program of exits.
private let isToldByKernel = KernelEventSource.start().exitRecordProblem == nil

/// The sampler with all that the kernel tells by itself, on this host's real processes.
@Suite(.serialized, .enabled(if: isToldByKernel, "needs CAP_NET_ADMIN"))
struct SamplerEventTests {
    private static let mebibyte: UInt64 = 1 << 20

    private let sampler: Sampler

    init() throws {
        sampler = try Sampler(limits: SamplerLimits(maximumHeldFiles: 6_000))
        sampler.use(KernelEventSource.start())
        try #require(sampler.isToldOfExecs && sampler.marks != nil)
        _ = look()
    }

    private func look() -> HostSnapshot {
        sampler.sample(atMilliseconds: BootClock.nowMilliseconds())
    }

    /// Looks until a snapshot has what is asked for.
    private func awaitLook<Found>(_ find: (HostSnapshot) -> Found?) async throws -> Found {
        var found: Found?
        try await eventually("a look finds it") {
            found = find(look())
            return found != nil
        }
        return try #require(found)
    }

    @Test("A process that came and went between two looks is there with its mark and its names")
    func short() async throws {
        let program = try Program("/bin/sh", ["-c", "exec /bin/sh -c 'sleep 0.1; exit 5' short"])
        try await program.waitForExit()
        let run = try await awaitLook { snapshot in
            snapshot.completed.first {
                $0.start.key.pid == program.pid && $0.end.end.reason == .exited
            }
        }
        #expect(run.end.end.exitCode == 5 && run.end.end.exitSignal == nil)
        #expect((run.end.record?.markBytes ?? 0) > 400 * 1_024)
        #expect(run.start.description.userID == getuid())
        #expect(run.start.description.parentPid == getpid())
        #expect(run.start.description.executable != nil)
        #expect(run.start.flags == [])
    }

    @Test("A followed process ends with the kernel's mark, though it rose after the last look")
    func followed() async throws {
        let probe = try await Probe.start("execother", mebibytes: 64)
        let key = try await awaitLook { snapshot in
            snapshot.started.first { $0.key.pid == probe.pid }?.key
        }
        try probe.goOn()
        // The old image ends with its last mark, the new one starts at once.
        let next = try await awaitLook { snapshot -> StartedRun? in
            guard snapshot.ended.contains(where: { $0.key == key && $0.end.reason == .executed })
            else { return nil }
            return snapshot.started.first { $0.key.pid == probe.pid }
        }
        #expect(
            next.key == ProcessKey(pid: key.pid, startTicks: key.startTicks, image: key.image + 1))
        #expect(next.description.program == "cat")
        // What was told is not noticed a second time.
        for seconds in 1...4 {
            let later = sampler.sample(
                atMilliseconds: BootClock.nowMilliseconds() + Int64(seconds) * 1_000)
            #expect(!later.ended.contains { $0.key == next.key })
        }
        try await probe.killAndWait()
        let end = try await awaitLook { $0.ended.first { $0.key == next.key } }
        #expect(end.end.exitSignal == SIGKILL && end.end.exitCode == nil)
        // The kernel's rough sum of so small a program may still be zero: then it is no mark.
        #expect((end.record?.markBytes ?? 0) < 32 * Self.mebibyte)
        #expect(end.record?.processorMilliseconds != nil && end.record?.faults != nil)
    }

    @Test("A program that executes itself anew is another run")
    func execOfItself() async throws {
        let probe = try await Probe.start("exec", mebibytes: 64)
        let key = try await awaitLook { snapshot in
            snapshot.started.first { $0.key.pid == probe.pid }?.key
        }
        try probe.goOn()
        try await probe.awaitReport()
        let end = try await awaitLook { $0.ended.first { $0.key == key } }
        #expect(end.end.reason == .executed && end.record == nil)
    }

    @Test("A forked child has inherited what it had right after the fork")
    func inherited() async throws {
        let probe = try await Probe.start("fork", mebibytes: 64)
        let child = try await awaitLook { snapshot in
            snapshot.started.first { $0.key.pid == probe.pid }
        }
        let inherited = try #require(child.description.inheritedBytes)
        #expect(inherited >= 64 * Self.mebibyte && inherited < 80 * Self.mebibyte)
    }

    @Test("Marks come by the batch and are those of the files")
    func marks() async throws {
        let probe = try await Probe.start("release", mebibytes: 100)
        let seen = try await awaitLook { snapshot in
            snapshot.observed.first { $0.key.pid == probe.pid && $0.markBytes != nil }
        }
        let status = try String(contentsOfFile: "/proc/\(probe.pid)/status", encoding: .utf8)
        let mark = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            .flatMap { UInt64($0.split(separator: " ").dropLast().last ?? "") }
        #expect(seen.markBytes == mark.map { $0 * 1_024 })
        #expect((seen.residentBytes ?? .max) < 20 * Self.mebibyte)
        #expect((seen.fileBytes ?? .max) <= seen.residentBytes ?? 0)
    }

    @Test(
        "A process whose first thread has exited keeps its memory, and ends once, with its record")
    func leaderless() async throws {
        let probe = try await Probe.start("leaderless", mebibytes: 100)
        let seen = try await awaitLook { snapshot in
            snapshot.observed.first { $0.key.pid == probe.pid && $0.markBytes != nil }
        }
        #expect((seen.residentBytes ?? 0) >= 100 * Self.mebibyte)
        #expect(look().ended.allSatisfy { $0.key.pid != probe.pid })
        try await probe.killAndWait()
        let end = try await awaitLook { $0.ended.first { $0.key.pid == probe.pid } }
        #expect((end.record?.markBytes ?? 0) >= 100 * Self.mebibyte)
    }
}

extension SamplerEventTests {
    @Test("What does not change is read at every third look, and what changes at each")
    func idle() async throws {
        let idle = try await Probe.start("hold", mebibytes: 20)
        let begin = BootClock.nowMilliseconds()
        _ = sampler.sample(atMilliseconds: begin + 1_000)
        let place = try #require(sampler.place(of: idle.pid))
        var seen: Set<Int64> = []
        for second in 12...21 {
            _ = sampler.sample(atMilliseconds: begin + Int64(second) * 1_000)
            let place = sampler.place(of: idle.pid) ?? place
            seen.insert(sampler.processes[place].state.seenAtMilliseconds)
        }
        #expect(seen.count <= 4)
        try await idle.killAndWait()
        let end = try await awaitLook { $0.ended.first { $0.key.pid == idle.pid } }
        #expect((end.record?.markBytes ?? 0) >= 20 * (1 << 20))
    }
}
