import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// Proportional shares of the largest processes.
@Suite struct ProportionalShareTests: FixtureSampling {
    let tree: ProcTree

    init() throws {
        tree = try ProcTree()
        for pid in 1...5 {
            var process = ProcTree.Process(pid: Int32(pid))
            process.residentPages = UInt64(pid) * 100
            try tree.write(process)
            try tree.write(
                "00400000-7ffd000 ---p 00000000 00:00 0 [rollup]\nRss:  9 kB\n"
                    + "Pss:                  \(pid * 7) kB\nPss_Anon: 1 kB\n",
                to: "\(pid)/smaps_rollup")
        }
    }

    private func shares(_ snapshot: HostSnapshot) -> [Int32: UInt64] {
        var shares: [Int32: UInt64] = [:]
        for seen in snapshot.observed { shares[seen.key.pid] = seen.proportionalBytes }
        return shares
    }

    @Test("Only the largest are read, none above the limit, and each every ten seconds")
    func largest() throws {
        let sampler = try sampler()
        sampler.proportional = ProportionalPolicy(
            processCount: 2, maximumBytes: 400 * sampler.pageBytes, maximumPercent: .infinity)
        #expect(shares(sampler.sample(atMilliseconds: 1_000)) == [4: 28 * 1_024, 3: 21 * 1_024])
        #expect(shares(sampler.sample(atMilliseconds: 10_999)).isEmpty)
        #expect(shares(sampler.sample(atMilliseconds: 12_000)).count == 2)
    }

    @Test("A kernel without the file gives no share, and everything else all the same")
    func withoutFile() throws {
        for pid in 1...5 {
            try FileManager.default.removeItem(atPath: "\(tree.path)/\(pid)/smaps_rollup")
        }
        let sampler = try sampler()
        sampler.proportional = ProportionalPolicy(processCount: 5)
        let snapshot = sampler.sample(atMilliseconds: 1_000)
        #expect(shares(snapshot).isEmpty && snapshot.observed.count == 5)
    }

    @Test("After a long read as much time passes as makes it the share that is allowed")
    func share() {
        var queue = ProportionalQueue()
        let keys = (1...3).map { ProcessKey(pid: $0, startTicks: 1) }
        queue.refill(keys, at: 0)
        #expect(queue.next(at: 0) == keys[0])
        queue.spent(microseconds: 20_000, at: 0, maximumPercent: 1)
        #expect(queue.next(at: 1_999) == nil)
        #expect(queue.next(at: 2_000) == keys[1])
        #expect(!queue.isRoundDue(at: 10_000))
        #expect(queue.next(at: 10_000) == keys[2])
        #expect(queue.isRoundDue(at: 10_000))
    }
}
