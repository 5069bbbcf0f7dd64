import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// The sampler on trees of ordinary files, where everything can be made to happen at will.
@Suite struct SamplerFixtureTests: FixtureSampling {
    let tree: ProcTree

    init() throws {
        tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 1))
    }

    @Test("A process that appears is described and measured", arguments: [0, 100])
    func appears(heldFiles: Int) throws {
        let sampler = try sampler(heldFiles: heldFiles)
        _ = sampler.sample(atMilliseconds: 1_000)
        var process = ProcTree.Process(pid: 42)
        process.startTicks = 250
        process.comm = Array("python3".utf8)
        process.executable = "/usr/bin/python3.11 (deleted)"
        process.arguments = ["python3", "/srv/train.py", "--token", "hunter2"]
        process.swapKibibytes = 8
        process.userTicks = 150
        process.residentPages = 77
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        let run = try #require(started(snapshot, 42))
        #expect(run.key == ProcessKey(pid: 42, startTicks: 250))
        let description = run.description
        #expect(description.program == "python3 train.py")
        #expect(description.comm == "python3")
        #expect(description.executable == "/usr/bin/python3.11")
        #expect(description.command == nil)
        #expect(description.userID == 0 && description.user == "root")
        #expect(description.cgroup == "/system.slice/program.service")
        #expect(description.unit == "program.service")
        #expect(description.parentPid == 1)
        #expect(description.startedAtMilliseconds == 2_500)
        #expect(description.inheritedBytes == nil)
        let seen = try #require(observed(snapshot, 42))
        #expect(seen.residentBytes == 77 * UInt64(sysconf(Int32(_SC_PAGESIZE))))
        #expect(seen.markBytes == 400 * 1024)
        #expect(seen.swapBytes == 8 * 1024)
        #expect(seen.processorMilliseconds == 1_500)
        #expect(snapshot.memoryAvailableBytes == UInt64(4_194_304) * 1024)
        #expect(snapshot.counters == SamplerCounters())
        #expect(sampler.sample(atMilliseconds: 3_000).started.isEmpty)
    }

    @Test("Under the policy script no argument but the script's name is anywhere in a snapshot")
    func noArgumentLeaves() throws {
        var process = ProcTree.Process(pid: 42)
        process.executable = "/usr/bin/python3"
        process.arguments = ["python3", "-W", "XSECRETX", "dir-XSECRETX/train.py", "XSECRETX"]
        process.arguments += ["--password=XSECRETX", "m XSECRETX"]
        for policy in [CommandLinePolicy.none, .script] {
            try tree.write(process)
            let sampler = try sampler(policy)
            var text = String(reflecting: sampler.sample(atMilliseconds: 1))
            process.textPages += 1
            try tree.write(process)
            let second = sampler.sample(atMilliseconds: 2)
            #expect(second.started.count == 1)
            text += String(reflecting: second)
            let bytes = Array("SECRET".utf8).map { String($0) }.joined(separator: ", ")
            #expect(!text.contains(bytes))
            let script = Array("train.py".utf8).map { String($0) }.joined(separator: ", ")
            #expect(text.contains(script) == (policy == .script))
        }
    }

    @Test("A process that is gone ends between the look that last saw it and this one")
    func ends() throws {
        try tree.write(ProcTree.Process(pid: 42))
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        try tree.remove(pid: 42)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        let bracket = TimeBracket(notBeforeMilliseconds: 1_000, notAfterMilliseconds: 2_000)
        #expect(
            snapshot.ended == [
                EndedRun(
                    key: ProcessKey(pid: 42, startTicks: 1_000),
                    end: RunEnd(bracket: bracket, reason: .exited))
            ])
        #expect(sampler.heldFiles == 3)
        #expect(sampler.sample(atMilliseconds: 3_000).ended.isEmpty)
    }

    @Test(
        "Another program image is another run, by each of its signs",
        arguments: ["executable", "text", "name and mark", "name and arguments", "fork flag"])
    func executes(sign: String) throws {
        var process = ProcTree.Process(pid: 42)
        process.flags = sign == "fork flag" ? 0x40 : 0
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        process.flags = 0
        process.markKibibytes = 300
        switch sign {
        case "executable": process.executable = "/usr/bin/other"
        case "text": process.textPages = 11
        case "name and mark": process.comm = Array("other".utf8)
        case "name and arguments":
            process.comm = Array("other".utf8)
            process.markKibibytes = 500
            process.arguments = ["other"]
        default: break
        }
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        let old = ProcessKey(pid: 42, startTicks: 1_000)
        let bracket = TimeBracket(notBeforeMilliseconds: 1_000, notAfterMilliseconds: 2_000)
        #expect(
            snapshot.ended == [
                EndedRun(key: old, end: RunEnd(bracket: bracket, reason: .executed))
            ])
        let run = try #require(started(snapshot, 42))
        #expect(run.key == ProcessKey(pid: 42, startTicks: 1_000, image: 1))
        #expect(run.description.startedAtMilliseconds == 1_000)
        #expect(run.description.inheritedBytes == nil)
        #expect(run.description.parentPid == 1)
        let seen = snapshot.observed.filter { $0.key.pid == 42 }
        #expect(seen.map(\.key.image) == [1])
        #expect(seen.first?.markBytes == process.markKibibytes * 1024)
    }

    @Test("A mark that falls, and that alone, is no other image")
    func markFalls() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        process.markKibibytes = 300
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.ended.isEmpty && snapshot.started.isEmpty && snapshot.renamed.isEmpty)
        #expect(observed(snapshot, 42)?.markBytes == 300 * 1024)
    }

    @Test("A new name alone renames, and so does another user or, after a while, another cgroup")
    func renames() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        process.comm = Array("a\nb\\n".utf8)
        try tree.write(process)
        var snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.renamed.map(\.description.comm) == ["a\nb\\n"])
        #expect(snapshot.renamed.map(\.description.program) == ["program"])
        #expect(snapshot.ended.isEmpty && snapshot.started.isEmpty)
        process.userID = 65_534
        try tree.write(process)
        snapshot = sampler.sample(atMilliseconds: 3_000)
        #expect(snapshot.renamed.map(\.description.userID) == [65_534])
        process.cgroup = "0::/other.slice/other.service\n"
        try tree.write(process)
        snapshot = sampler.sample(atMilliseconds: 100_000)
        #expect(snapshot.renamed.map(\.description.unit) == ["other.service"])
        #expect(sampler.sample(atMilliseconds: 101_000).renamed.isEmpty)
    }

    @Test("A zombie ends its run once, is measured no more and is never taken up again")
    func zombie() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        process.state = "Z"
        process.hasMemory = false
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.ended.map(\.end.reason) == [.exited])
        #expect(observed(snapshot, 42) == nil)
        for at in stride(from: Int64(3_000), through: 200_000, by: 20_000) {
            let later = sampler.sample(atMilliseconds: at)
            #expect(later.started.isEmpty && later.ended.isEmpty)
            #expect(observed(later, 42) == nil)
        }
        #expect(sampler.heldFiles == 3)
        process = ProcTree.Process(pid: 42)
        process.startTicks = 9_000
        try tree.write(process)
        let again = sampler.sample(atMilliseconds: 300_000)
        #expect(started(again, 42)?.key.startTicks == 9_000)
    }

    @Test("A process about to become a zombie is missing for a look, not zero and not over")
    func noMemoryForAMoment() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        process.hasMemory = false
        process.state = "R"
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.ended.isEmpty)
        #expect(observed(snapshot, 42) == nil)
    }

    @Test(
        "A leader that exits before its threads keeps its run and its memory", arguments: [0, 100])
    func leaderless(heldFiles: Int) throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler(heldFiles: heldFiles)
        _ = sampler.sample(atMilliseconds: 1_000)
        process.state = "Z"
        process.threadCount = 2
        process.memoryThreads = [43]
        process.residentPages = 200
        process.markKibibytes = 900
        try tree.write(process)
        for at in [Int64(2_000), 3_000, 90_000] {
            let snapshot = sampler.sample(atMilliseconds: at)
            #expect(snapshot.ended.isEmpty && snapshot.started.isEmpty)
            #expect(observed(snapshot, 42)?.markBytes == 900 * 1024)
        }
        process.threadCount = 1
        process.memoryThreads = []
        process.hasMemory = false
        try tree.write(process)
        try tree.write("0 0 0 0 0 0 0\n", to: "42/task/43/statm")
        #expect(sampler.sample(atMilliseconds: 91_000).ended.map(\.key.pid) == [42])
    }

    @Test("A process that has lost its leader already when it is first seen is followed")
    func leaderlessFromTheStart() throws {
        var process = ProcTree.Process(pid: 42)
        process.state = "Z"
        process.threadCount = 2
        process.memoryThreads = [43]
        try tree.write(process)
        let snapshot = try sampler().sample(atMilliseconds: 1_000)
        #expect(started(snapshot, 42) != nil)
        #expect(observed(snapshot, 42)?.markBytes == 400 * 1024)
    }

    @Test("A thread of the kernel is left out, until it executes a program")
    func kernelThread() throws {
        var process = ProcTree.Process(pid: 2)
        process.flags = 0x0020_8040
        process.hasMemory = false
        process.executable = nil
        try tree.write(process)
        let sampler = try sampler()
        #expect(sampler.sample(atMilliseconds: 1_000).started.map(\.key.pid) == [1])
        #expect(sampler.sample(atMilliseconds: 90_000).started.isEmpty)
        process.flags = 0
        process.hasMemory = true
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 180_000)
        #expect(started(snapshot, 2) != nil)
    }

    @Test("A pid that is used again is another run", arguments: [0, 100])
    func pidReuse(heldFiles: Int) throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler(heldFiles: heldFiles)
        _ = sampler.sample(atMilliseconds: 1_000)
        try tree.remove(pid: 42)
        // Keeps the file system from giving the new folder the old one's inode number.
        try tree.write("", to: "spare/file")
        process.startTicks = 2_000
        process.markKibibytes = 5
        try tree.write(process)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.ended.map(\.key) == [ProcessKey(pid: 42, startTicks: 1_000)])
        #expect(snapshot.ended.map(\.end.reason) == [.exited])
        #expect(started(snapshot, 42)?.key == ProcessKey(pid: 42, startTicks: 2_000))
        let seen = snapshot.observed.filter { $0.key.pid == 42 }
        #expect(seen.map(\.key.startTicks) == [2_000])
        #expect(seen.map(\.markBytes) == [5 * 1024])
    }

    @Test("What a forked child began with is known as inherited")
    func inherited() throws {
        var process = ProcTree.Process(pid: 42)
        process.flags = 0x40
        try tree.write(process)
        let sampler = try sampler()
        let first = sampler.sample(atMilliseconds: 1_000)
        // All that it has, and the slack of a mark that is rough.
        let inherited: UInt64 = (400 + 4_096) * 1024
        #expect(started(first, 42)?.description.inheritedBytes == inherited)
        process.comm = Array("worker".utf8)
        process.arguments = ["worker: title"]
        try tree.write(process)
        let second = sampler.sample(atMilliseconds: 2_000)
        #expect(second.ended.isEmpty)
        #expect(second.renamed.map(\.description.inheritedBytes) == [inherited])
    }

    @Test("A sampler goes on counting images where the one before it stopped")
    func imagesGoOn() throws {
        var process = ProcTree.Process(pid: 42)
        process.startTicks = 250
        try tree.write(process)
        let first = try sampler()
        var images = ImageNumbers()
        _ = images.apply(first.sample(atMilliseconds: 1_000))
        process.executable = "/usr/bin/other"
        process.textPages = 20
        try tree.write(process)
        let isNew = images.apply(first.sample(atMilliseconds: 2_000))
        #expect(isNew)
        let second = try sampler(images: images)
        let run = try #require(started(second.sample(atMilliseconds: 3_000), 42))
        #expect(run.key == ProcessKey(pid: 42, startTicks: 250, image: 1))
        #expect(run.description.executable == "/usr/bin/other")
    }
}
