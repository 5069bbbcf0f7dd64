import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// Trees of hosts that are not like the one that the tests run on.
@Suite struct SamplerOtherHostTests: FixtureSampling {
    let tree: ProcTree

    init() throws {
        tree = try ProcTree()
        try tree.write(ProcTree.Process(pid: 1))
    }

    @Test("Pages of 16 and 64 KiB are counted as such", arguments: [UInt64(16), 64])
    func largePages(kibibytes: UInt64) throws {
        var process = ProcTree.Process(pid: 42)
        process.residentPages = 1_000
        process.markKibibytes = 2_000 * kibibytes
        try tree.write(process)
        let sampler = try sampler()
        sampler.pageBytes = kibibytes << 10
        let first = try #require(observed(sampler.sample(atMilliseconds: 1_000), 42))
        #expect(first.residentBytes == 1_000 * kibibytes << 10)
        #expect(first.markBytes == 2_000 * kibibytes << 10)
        process.residentPages = 3_000
        process.markKibibytes = 3_000 * kibibytes
        try tree.write(process)
        let second = try #require(observed(sampler.sample(atMilliseconds: 2_000), 42))
        #expect(second.residentBytes == 3_000 * kibibytes << 10)
        #expect(second.residentBytes == second.markBytes)
    }

    /// What a look at a tree gives that shows processes and lets nobody read those of others, as
    /// `hidepid=noaccess` does (`proc(5)`).
    @Test(
        "Processes that are shown and may not be read are counted, and those that may are measured",
        .enabled(if: geteuid() == 0, "needs root, to be another user for a moment"))
    func hiddenContents() throws {
        for pid in [Int32(50), 51, 60] { try tree.write(ProcTree.Process(pid: pid)) }
        for pid in [50, 51] { chmod("\(tree.path)/\(pid)", 0o700) }
        let path = tree.path
        let looks = try onUnprivilegedThread {
            let sampler = try Sampler(
                root: ProcRoot(path: path), limits: SamplerLimits(maximumHeldFiles: 100))
            return (1...3).map { sampler.sample(atMilliseconds: $0 * 1_000) }
        }
        #expect(looks[0].started.map(\.key.pid) == [1, 60])
        for look in looks {
            #expect(look.observed.allSatisfy { [1, 60].contains($0.key.pid) })
            #expect(look.ended.isEmpty)
        }
        #expect(looks[2].counters.unreadable == 2)
        #expect(looks[2].counters.vanished == 0)
    }
}
