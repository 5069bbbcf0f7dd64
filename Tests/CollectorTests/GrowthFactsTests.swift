import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("What a collector takes of growth by line")
struct GrowthFactsTests {
    private static func line(_ number: Int, _ file: RawText = "/srv/a.py") -> PythonLine {
        PythonLine(file: file, function: "f", line: Int32(number))
    }

    private static func growth(
        pid: Int32 = 1, _ lines: [PythonLine: UInt64], stackBytes: UInt64 = 9 << 20
    ) -> GrowthRecord {
        var record = GrowthRecord(run: run(pid))
        record.grownBytes = lines.values.max() ?? 0
        record.lines = lines
        record.peakStack = GrowthRecord.PeakStack(
            residentBytes: stackBytes, lines: Array(lines.keys.sorted().prefix(1)))
        return record
    }

    @Test("What cannot be true is left out and counted, and what came with it is kept")
    func absurd() throws {
        let store = MemoryStore()
        var host = HostHarness()
        let most = PeakLimits.absoluteMaximumBytes
        host.apply(
            .growth([
                Self.growth(pid: 1, [Self.line(1): most + 1]),
                Self.growth(pid: 2, [Self.line(2): 5 << 20], stackBytes: .max),
                Self.growth(pid: 3, [Self.line(3): most]),
            ]))
        try host.commit(to: store)
        let kept = store.facts.growth.values.sorted { $0.record.run.pid < $1.record.run.pid }
        #expect(kept.map(\.record.run.pid) == [2, 3])
        #expect(kept.first?.record.peakStack == nil)
        #expect(kept.first?.record.lines == [Self.line(2): 5 << 20])
        #expect(kept.last?.record.grownBytes == most)
        #expect(host.fleet.hosts[host.id]?.refusedCount == 2)
    }

    @Test("A report reads so many bytes of lines and says that it is cut")
    func reading() throws {
        let store = MemoryStore()
        var host = HostHarness()
        let pids = Array(Int32(1)...600)
        host.apply(.growth(pids.map { Self.growth(pid: $0, [Self.line(Int($0)): 5 << 20]) }))
        try host.commit(to: store)
        let runs = pids.map { pid in
            ReportedRun(
                host: host.id, hostName: "web", labels: [], boot: BootID(high: 0, low: 1),
                record: RunRecord(
                    key: run(pid), description: RunDescription(program: "p", comm: "p")))
        }
        let all = try Views.growth(of: runs, in: store)
        #expect(all.found.count == 600 && !all.isCut)
        #expect(all.found.allSatisfy { $0.growth.peakStack == nil })
        let limit = all.found.prefix(300).map(\.growth.textBytes).reduce(0, +)
        let some = try Views.growth(of: runs, in: store, limitBytes: limit)
        #expect(some.isCut && some.found.count == 300)
        let most = try Views.growth(of: runs, in: store, limitBytes: 2 * limit + 1)
        #expect(most.found.count == 600 && !most.isCut)
    }

    @Test("A stack at a peak that was purged is not shown, and one of a moment before a peak is")
    func purged() {
        let growth = Self.growth([Self.line(1): 5 << 20], stackBytes: 1 << 30)
        func peak(_ mebibytes: UInt64) -> Peak {
            Peak(bytes: mebibytes << 20, bracket: nil, source: .hwm)
        }
        for (peak, isShown) in [(peak(1_024), true), (peak(900), true), (peak(500), false)] {
            #expect((growth.believed(beside: peak).peakStack != nil) == isShown)
        }
        let left = growth.believed(beside: nil)
        #expect(left.peakStack == nil && left.lines == growth.lines)
    }

    @Test("A peer that sends ever new lines and names between two commits ends its session")
    func bounded() {
        var record = HostRecord(
            id: hostID("web-1"), boot: BootID(high: 0, low: 1), epoch: 1, agentVersion: "1",
            nowMilliseconds: testNow)
        record.apply(.host(.sample), nowMilliseconds: testNow)
        var taken = 0
        while taken < 1_000 {
            let lines = (0..<256).map { number in
                Self.line(number, RawText([UInt8](repeating: UInt8(taken % 251), count: 4_000)))
            }
            let growth = Self.growth(Dictionary(uniqueKeysWithValues: lines.map { ($0, 1) }))
            let isTaken = record.apply(.growth([growth]), nowMilliseconds: testNow)
            guard isTaken else { break }
            taken += 1
        }
        #expect(taken > 10 && taken < 100)
        // What a commit has written makes room again.
        var batch = CommitBatch()
        if let pending = record.takePending(into: &batch) { record.committed(pending) }
        #expect(batch.growth.count == 1)
        let isTakenAgain = record.apply(
            .growth([Self.growth([Self.line(1): 1])]), nowMilliseconds: testNow)
        #expect(isTakenAgain)
    }
}
