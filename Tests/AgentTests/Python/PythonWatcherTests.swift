import Foundation
import MemoryModel
import ProcessSampler
import PythonStacks
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// What is found out of several real Python programs, and what it leaves alone.
@Suite("Watching Python programs", .serialized)
struct PythonWatcherTests {
    private final class Box: Sendable {
        let told = Mutex<[(pid: Int32, growth: PythonGrowth)]>([])
        let notes = Mutex<[PythonWatcher.Note]>([])

        func last(of pid: Int32) -> PythonGrowth? {
            told.withLock { $0.last { $0.pid == pid }?.growth }
        }
    }

    private let box = Box()

    private func watcher() -> PythonWatcher {
        var ledger = GrowthLedger.Settings()
        ledger.faultSamples = .off
        let watcher = PythonWatcher(
            root: ProcRoot(), plan: PythonPlan.Settings(), ledger: ledger, maximumLines: 32,
            tell: { [box] key, growth in box.told.withLock { $0.append((key.pid, growth)) } })
        watcher.note = { [box] note in box.notes.withLock { $0.append(note) } }
        watcher.noted(PythonSight())
        return watcher
    }

    /// What a look sees of a process that began since the look before.
    private func sight(_ pid: Int32, mebibytes: UInt64 = 33, ticks: UInt64? = nil) -> PythonSight {
        let key = ProcessKey(pid: pid, startTicks: ticks ?? startTicks(of: pid))
        var sight = PythonSight()
        sight.started = [
            StartedRun(key: key, description: RunDescription(program: "program", comm: "program"))
        ]
        var observation = RunObservation(key: key)
        observation.residentBytes = mebibytes << 20
        sight.observed = [observation]
        return sight
    }

    /// When a process began; 0 where it has ended.
    private func startTicks(of pid: Int32) -> UInt64 {
        do { return try WatchedProcess(pid: pid).startTicks() ?? 0 } catch { return 0 }
    }

    private func work(_ watcher: PythonWatcher, until isDone: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while !isDone(), ContinuousClock.now < end {
            let wait = watcher.step()
            if wait != 0 { usleep(UInt32(min(wait ?? 20, 20)) * 1_000) }
            await Task.yield()
        }
        #expect(isDone())
    }

    @Test(
        "a Python program that grows is watched; what is handed over at its end names the line",
        .enabled(if: GrowingScript.isThere, "needs /usr/bin/python3"))
    func grows() async throws {
        func named(_ growth: PythonGrowth) -> UInt64 {
            growth.lines.filter {
                $0.line.line == GrowingScript.line
                    && $0.line.file.bytes.suffix(7).elementsEqual("/job.py".utf8)
            }.reduce(0) { $0 + $1.grownBytes }
        }
        func isNamed(_ growth: PythonGrowth) -> Bool {
            Double(named(growth)) >= 0.4 * Double(growth.grownBytes)
        }
        let growth = try await measured(until: isNamed) { try await grownToItsEnd() }
        // What it grew by before it was watched is in no line, and in all of it.
        #expect(growth.grownBytes > 133 << 20, "\(growth)")
        #expect(growth.unwatchedBytes >= 33 << 20, "\(growth)")
        #expect(growth.unattributedBytes >= growth.unwatchedBytes, "\(growth)")
        #expect(isNamed(growth), "\(growth)")
    }

    /// What is handed over at the end of a program that grew once.
    private func grownToItsEnd() async throws -> PythonGrowth {
        let script = try await GrowingScript()
        let pid = script.program.pid
        let watcher = watcher()
        watcher.noted(sight(pid))
        try await work(watcher) { watcher.watchedCount == 1 }
        let note = box.notes.withLock { $0.last }
        guard case .watching(pid, "python3", let version)? = note else {
            throw Program.Failure(description: "noted \(String(describing: note))")
        }
        #expect(version.hasPrefix("3."))
        try script.grow()
        try await work(watcher) { script.program.output.contains("done") }
        #expect(box.last(of: pid)?.hasEnded != true)
        try script.close()
        try await work(watcher) { box.last(of: pid)?.hasEnded ?? false }
        // Nothing is watched any more, and nothing has to be done.
        try await work(watcher) { watcher.step() == nil }
        #expect(watcher.watchedCount == 1 && watcher.counts.isEmpty)
        return try #require(box.last(of: pid))
    }

    @Test(
        "what was found of a run stays known when it is left again, also where all places are taken"
    )
    func kept() {
        func growth(_ bytes: UInt64) -> PythonGrowth {
            var growth = PythonGrowth(pid: 1)
            growth.grownBytes = bytes
            return growth
        }
        func key(_ pid: Int) -> ProcessKey { ProcessKey(pid: Int32(pid), startTicks: 1) }
        var kept = KeptGrowths()
        for pid in 1...KeptGrowths.maximumRuns { kept.keep(growth(1), of: key(pid)) }
        kept.keep(growth(2), of: key(1))
        kept.keep(growth(3), of: key(1_000))
        #expect(kept[key(1)]?.grownBytes == 2 && kept[key(1_000)] == nil)
        kept.forget(key(1))
        kept.keep(growth(3), of: key(1_000))
        #expect(kept[key(1_000)]?.grownBytes == 3 && kept.count == KeptGrowths.maximumRuns)
        kept.forgetAll { $0.pid > 60 }
        #expect(kept.count == 5 && kept[key(60)] == nil && kept[key(61)]?.grownBytes == 1)
    }

    @Test(
        "at the end what is known is told first, and then each is read and told before the next",
        .enabled(if: GrowingScript.isThere, "needs /usr/bin/python3"))
    func stopping() async throws {
        let scripts = [try await GrowingScript(), try await GrowingScript()]
        let pids = scripts.map(\.program.pid).sorted()
        let watcher = watcher()
        for pid in pids { watcher.noted(sight(pid)) }
        try await work(watcher) { watcher.watchedCount == 2 }
        let reads = Mutex<[Int]>([])
        watcher.willRead = { [box] _ in
            reads.withLock { $0.append(box.told.withLock(\.count)) }
        }
        box.told.withLock { $0 = [] }
        watcher.stop()
        #expect(box.told.withLock { $0.map(\.pid) } == pids + pids)
        #expect(reads.withLock { $0 } == [2, 3], "so many were told before each was read")
        for script in scripts { try script.close() }
    }

    @Test("what is no Python, and what has ended, is remembered and counted by its reason")
    func refused() async throws {
        let sleeper = try Program("/bin/sleep", ["60"])
        defer { sleeper.signal(SIGKILL) }
        try await eventually("sleep runs") {
            try WatchedProcess(pid: sleeper.pid).programPath()?.bytes
                .suffix(6).elementsEqual("/sleep".utf8) ?? false
        }
        let ended = try Program("/bin/true", [])
        try await ended.waitForExit()
        let watcher = watcher()
        for pid in [sleeper.pid, ended.pid] { watcher.noted(sight(pid)) }
        try await work(watcher) { watcher.counts.count == 2 }
        #expect(watcher.counts == [.notPython: 1, .failed: 1])
        var again = PythonSight()
        again.observed = sight(sleeper.pid, mebibytes: 900).observed
        watcher.noted(again)
        try await work(watcher) { watcher.step() == nil }
        #expect(watcher.counts.count == 2 && watcher.watchedCount == 0)
        #expect(
            box.notes.withLock { $0 }.contains(
                .refused(pid: ended.pid, .failed, details: "it has ended")))
        #expect(box.notes.withLock(\.count) == 2)
    }

    @Test(
        "a pid that has become another process's is not taken for the one that grew",
        .enabled(if: GrowingScript.isThere, "needs /usr/bin/python3"))
    func reusedPid() async throws {
        let script = try await GrowingScript()
        let watcher = watcher()
        watcher.noted(sight(script.program.pid, ticks: 1))
        try await work(watcher) { watcher.counts == [.failed: 1] }
        #expect(watcher.watchedCount == 0)
        try script.close()
    }
}
