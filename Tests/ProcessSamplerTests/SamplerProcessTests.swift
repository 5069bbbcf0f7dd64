import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// The sampler on this host's real processes.
@Suite(.serialized) struct SamplerProcessTests {
    private static let mebibyte: UInt64 = 1 << 20

    private func sampler(heldFiles: Int = 6_000) throws -> Sampler {
        try Sampler(limits: SamplerLimits(maximumHeldFiles: heldFiles))
    }

    private func look(_ sampler: Sampler) -> HostSnapshot {
        sampler.sample(atMilliseconds: BootClock.nowMilliseconds())
    }

    private func isWithinOnePercent(_ bytes: UInt64?, ofMebibytes mebibytes: UInt64) -> Bool {
        guard let bytes else { return false }
        // The program itself, its libraries and its stack take up to two MiB.
        let least = mebibytes * Self.mebibyte
        return bytes >= least && bytes <= least + least / 100 + 2 * Self.mebibyte
    }

    @Test("Memory that was given back before the first look is in the mark", arguments: [0, 6_000])
    func mark(heldFiles: Int) async throws {
        let probe = try await Probe.start("release", mebibytes: 200)
        let snapshot = look(try sampler(heldFiles: heldFiles))
        let run = try #require(snapshot.started.first { $0.key.pid == probe.pid })
        #expect(run.description.program == "probe")
        #expect(run.description.comm == "probe")
        #expect(run.description.inheritedBytes == nil)
        #expect(run.description.parentPid == getpid())
        #expect(run.description.userID == getuid())
        let started = try #require(run.description.startedAtMilliseconds)
        #expect(abs(snapshot.takenAtMilliseconds - started) < 60_000)
        let seen = try #require(snapshot.observed.first { $0.key.pid == probe.pid })
        #expect(isWithinOnePercent(seen.markBytes, ofMebibytes: 200))
        #expect((seen.residentBytes ?? .max) < 20 * Self.mebibyte)
    }

    @Test("A child that executed nothing is known to have inherited its mark")
    func inherited() async throws {
        let probe = try await Probe.start("fork", mebibytes: 64)
        let snapshot = look(try sampler())
        let child = try #require(snapshot.started.first { $0.key.pid == probe.pid })
        let inherited = try #require(child.description.inheritedBytes)
        #expect(inherited >= 32 * Self.mebibyte)
        let mark = snapshot.observed.first { $0.key.pid == probe.pid }?.markBytes
        #expect((mark ?? .max) <= inherited)
    }

    @Test("Another program in the same process is another run")
    func exec() async throws {
        let probe = try await Probe.start("execother", mebibytes: 64)
        let sampler = try sampler()
        let first = look(sampler)
        let key = try #require(first.started.first { $0.key.pid == probe.pid }?.key)
        try probe.goOn()
        var snapshot = look(sampler)
        while !snapshot.ended.contains(where: { $0.key == key }) { snapshot = look(sampler) }
        let ended = try #require(snapshot.ended.first { $0.key == key })
        #expect(ended.end.reason == .executed)
        let run = try #require(snapshot.started.first { $0.key.pid == probe.pid })
        #expect(run.key == ProcessKey(pid: key.pid, startTicks: key.startTicks, image: 1))
        #expect(run.description.program == "cat")
        let mark = snapshot.observed.first { $0.key == run.key }?.markBytes
        #expect((mark ?? .max) < 32 * Self.mebibyte)
    }

    @Test("A program that executes itself anew cannot be told from one whose mark fell")
    func execOfItself() async throws {
        let probe = try await Probe.start("exec", mebibytes: 64)
        let sampler = try sampler()
        let key = try #require(look(sampler).started.first { $0.key.pid == probe.pid }?.key)
        try probe.goOn()
        try await probe.awaitReport()
        let snapshot = look(sampler)
        #expect(!snapshot.ended.contains { $0.key == key })
        let mark = snapshot.observed.first { $0.key == key }?.markBytes
        #expect((mark ?? .max) < 32 * Self.mebibyte)
    }

    @Test("A renamed process keeps its run")
    func rename() async throws {
        let probe = try await Probe.start("rename", mebibytes: 1)
        let sampler = try Sampler(
            limits: SamplerLimits(maximumHeldFiles: 6_000, markIntervalMilliseconds: 0))
        _ = look(sampler)
        try probe.goOn()
        try await probe.awaitReport()
        let snapshot = look(sampler)
        let renamed = try #require(snapshot.renamed.first { $0.key.pid == probe.pid })
        #expect(renamed.description.comm == "other\nname")
        #expect(!snapshot.ended.contains { $0.key.pid == probe.pid })
    }

    @Test("A process whose first thread has exited still has its memory")
    func leaderless() async throws {
        let probe = try await Probe.start("leaderless", mebibytes: 100)
        let sampler = try sampler()
        let first = look(sampler)
        let seen = try #require(first.observed.first { $0.key.pid == probe.pid })
        #expect((seen.residentBytes ?? 0) >= 100 * Self.mebibyte)
        #expect(look(sampler).ended.allSatisfy { $0.key.pid != probe.pid })
        try await probe.killAndWait()
        #expect(look(sampler).ended.contains { $0.key.pid == probe.pid })
    }

    @Test("A process that is killed has ended at the next look", arguments: [0, 6_000])
    func kill(heldFiles: Int) async throws {
        let probe = try await Probe.start("hold", mebibytes: 10)
        let sampler = try sampler(heldFiles: heldFiles)
        let first = look(sampler)
        try await probe.killAndWait()
        let second = look(sampler)
        let ended = try #require(second.ended.first { $0.key.pid == probe.pid })
        #expect(ended.end.reason == .exited)
        #expect(ended.end.bracket?.notBeforeMilliseconds == first.takenAtMilliseconds)
        #expect(ended.end.bracket?.notAfterMilliseconds == second.takenAtMilliseconds)
    }

    @Test("A child that nobody waits for ends as it becomes a zombie, once")
    func zombie() async throws {
        let probe = try await Probe.start("zombie", mebibytes: 0)
        let sampler = try sampler()
        #expect(look(sampler).started.contains { $0.key.pid == probe.pid })
        Glibc.kill(probe.pid, SIGKILL)
        var snapshot = look(sampler)
        while !snapshot.ended.contains(where: { $0.key.pid == probe.pid }) {
            snapshot = look(sampler)
        }
        let later = look(sampler)
        #expect(!later.started.contains { $0.key.pid == probe.pid })
        #expect(!later.ended.contains { $0.key.pid == probe.pid })
    }

    @Test(
        "Without privilege others' processes are measured all the same",
        .enabled(if: geteuid() == 0))
    func unprivileged() async throws {
        let probe = try await Probe.start("release", mebibytes: 50)
        let snapshot = try onUnprivilegedThread { () throws -> HostSnapshot in
            look(try sampler())
        }
        let run = try #require(snapshot.started.first { $0.key.pid == probe.pid })
        #expect(run.description.executable == nil)
        #expect(run.description.program == "probe")
        #expect(run.description.userID == 0)
        let seen = try #require(snapshot.observed.first { $0.key.pid == probe.pid })
        #expect(isWithinOnePercent(seen.markBytes, ofMebibytes: 50))
        #expect(snapshot.counters.unreadable == 0)
    }
}
