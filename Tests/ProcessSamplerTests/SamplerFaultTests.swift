import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// Faults, limits and intervals of the sampler, on trees of ordinary files.
@Suite struct SamplerFaultTests: FixtureSampling {
    let tree: ProcTree

    init() throws {
        tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 1))
    }

    @Test("Vanished, malformed and cut-off processes are counted and disturb no other")
    func faults() throws {
        try tree.write("", to: "10/empty")
        for (pid, text) in [(11, ""), (12, "12 (x"), (13, "\u{0}\u{1}\u{2}")] {
            try tree.write(text, to: "\(pid)/stat")
        }
        try tree.write(ProcTree.Process(pid: 14))
        try tree.write("1 2", to: "14/statm")
        try tree.write(ProcTree.Process(pid: 15))
        try tree.write("", to: "15/status")
        try tree.write(ProcTree.Process(pid: 99))
        let sampler = try sampler()
        let snapshot = sampler.sample(atMilliseconds: 1_000)
        #expect(snapshot.started.map(\.key.pid) == [1, 99])
        #expect(snapshot.counters.vanished == 1)
        #expect(snapshot.counters.malformed == 5)
        try tree.write("garbage", to: "99/statm")
        let second = sampler.sample(atMilliseconds: 2_000)
        #expect(second.counters.malformed == 6)
        #expect(second.ended.isEmpty)
        #expect(second.observed.map(\.key.pid) == [1])
    }

    @Test("A process that may not be read is counted once", .enabled(if: geteuid() != 0))
    func unreadable() throws {
        try tree.write(ProcTree.Process(pid: 42))
        let stat = tree.path + "/42/stat"
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: stat)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        #expect(sampler.sample(atMilliseconds: 2_000).counters.unreadable == 1)
    }

    @Test("A file that cannot be read at all is counted once and holds nothing up")
    func notAFile() throws {
        try FileManager.default.createDirectory(
            atPath: tree.path + "/42/stat", withIntermediateDirectories: true)
        try tree.write(ProcTree.Process(pid: 43))
        try FileManager.default.removeItem(atPath: tree.path + "/43/statm")
        #expect(mkfifo(tree.path + "/43/statm", 0o600) == 0)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 1_000)
        let snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.counters.unreadable == 2)
        #expect(snapshot.observed.map(\.key.pid) == [1])
    }

    @Test("No more files are held than allowed, and what is not held is measured as well")
    func fileBudget() throws {
        for pid in Int32(2)...10 { try tree.write(ProcTree.Process(pid: pid)) }
        for (budget, held) in [(0, 0), (2, 0), (7, 6), (1_000, 30)] {
            let sampler = try sampler(heldFiles: budget)
            for at in [Int64(1_000), 2_000] {
                #expect(sampler.sample(atMilliseconds: at).observed.count == 10)
                #expect(sampler.heldFiles == held)
            }
        }
    }

    @Test("More processes than are followed are counted, and new ones come as others go")
    func processLimit() throws {
        for pid in Int32(2)...10 { try tree.write(ProcTree.Process(pid: pid)) }
        let sampler = try sampler(processes: 4)
        var snapshot = sampler.sample(atMilliseconds: 1_000)
        #expect(snapshot.observed.count == 4)
        #expect(snapshot.counters.overLimit == 6)
        try tree.remove(pid: 1)
        snapshot = sampler.sample(atMilliseconds: 2_000)
        #expect(snapshot.started.map(\.key.pid) == [5])
        #expect(snapshot.counters.overLimit == 6)
    }

    @Test("A storm of new processes is taken up over several looks")
    func arrivalLimit() throws {
        for pid in Int32(2)...10 { try tree.write(ProcTree.Process(pid: pid)) }
        let sampler = try sampler(arrivals: 4)
        let counts = (1...4).map { sampler.sample(atMilliseconds: $0 * 1_000).started.count }
        #expect(counts == [4, 4, 2, 0])
    }

    @Test("While nothing else changes the mark is read at intervals, and at once if it does")
    func markInterval() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler(markInterval: 3_000)
        #expect(observed(sampler.sample(atMilliseconds: 1_000), 42)?.markBytes == 400 * 1024)
        process.residentPages += 1
        process.markKibibytes = 500
        try tree.write(process)
        #expect(observed(sampler.sample(atMilliseconds: 1_001), 42)?.markBytes == 500 * 1024)
        process.markKibibytes = 600
        try tree.write(process)
        #expect(observed(sampler.sample(atMilliseconds: 2_000), 42) == nil)
        #expect(observed(sampler.sample(atMilliseconds: 4_001), 42)?.markBytes == 600 * 1024)
    }

    @Test("Processor time and faults are read every ten seconds")
    func processorTime() throws {
        var process = ProcTree.Process(pid: 42)
        try tree.write(process)
        let sampler = try sampler()
        _ = sampler.sample(atMilliseconds: 0)
        process.userTicks = 100
        try tree.write(process)
        let seen = (1...20).compactMap { observed(sampler.sample(atMilliseconds: $0 * 1_000), 42) }
            .filter { $0.processorMilliseconds != nil }
        #expect(seen.map(\.processorMilliseconds) == [1_000, 1_000])
        #expect(seen.map(\.faults) == Array(repeating: FaultCounts(minor: 10, major: 0), count: 2))
    }

    @Test("A tree that is none is refused in words")
    func refusals() throws {
        let empty = try TemporaryFolder()
        #expect(throws: SamplerError.noProcesses(path: empty.path)) {
            _ = try Sampler(root: ProcRoot(path: empty.path))
        }
        let missing = empty.path + "/none"
        #expect(throws: SamplerError.unreadableRoot(path: missing, code: ENOENT)) {
            _ = try Sampler(root: ProcRoot(path: missing))
        }
        let text = SamplerError.unreadableRoot(path: missing, code: ENOENT).description
        #expect(text.contains("No such file or directory") && text.contains("--procfs"))
    }
}
