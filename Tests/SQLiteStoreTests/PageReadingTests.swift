import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("What pages about one subject read")
struct PageReadingTests {
    @Test("a run is found by its short name among many, whole or in part, whether it has a peak")
    func runsByName() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let boots = (1...3).map { BootID(high: 9, low: $0) }
        var all = CommitBatch()
        for pid in 1...200 as ClosedRange<Int32> {
            var run = plainRun(
                host: hostID(pid % 2 == 0 ? "alpha" : "beta"), boot: boots[Int(pid) % 3], pid: pid)
            if pid % 5 > 0 {
                run.record.peak = Peak(bytes: UInt64(pid), bracket: nil, source: .hwm)
            }
            all.runs.append(run)
        }
        try store.commit(all)
        for run in all.runs {
            let name = try #require(ShortRunID(run.key.shortID))
            let found = try store.runs(named: name, limit: 9)
            #expect(found.map(\.key) == [run.key])
            #expect(found.first == (try store.runs([run.key])[run.key]))
        }
        let beginning = try #require(ShortRunID(String(all.runs[0].key.shortID.prefix(4))))
        let expected = all.runs.filter { beginning.matches($0.key) }.map(\.key)
        #expect(Set(try store.runs(named: beginning, limit: 9).map(\.key)) == Set(expected))
        let unknown = try #require(ShortRunID("000000000000"))
        #expect(try store.runs(named: unknown, limit: 9) == [])
        #expect(try store.runs(named: beginning, limit: 0) == [])
    }

    @Test("hourly figures are those of one host or all, in order, without what they were made of")
    func hourlyTotals() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        let hour = StoredTotal.hourLengthMilliseconds
        var batch = CommitBatch()
        for host in ["beta", "alpha"] {
            for index in [3, 1, 2] as [Int64] {
                for kind in [TotalKind.hostUsed, .host] {
                    batch.totals.append(
                        StoredTotal(
                            host: hostID(host), boot: BootID(high: 1, low: 2),
                            subject: TotalSubject(kind: kind, name: ""),
                            hourMilliseconds: index * hour,
                            peak: TotalPeak(
                                bytes: UInt64(index), atMilliseconds: index * hour + 5,
                                runCount: 1,
                                composition: kind == .host
                                    ? []
                                    : [
                                        TotalShare(
                                            key: ProcessKey(pid: 1, startTicks: 2),
                                            residentBytes: 1)
                                    ])))
                }
            }
        }
        try store.commit(batch)
        let all = try store.hourlyTotals(
            of: .hostUsed, on: nil, sinceMilliseconds: nil, untilMilliseconds: nil, limit: 100)
        #expect(all.map(\.host.text) == ["alpha", "alpha", "alpha", "beta", "beta", "beta"])
        #expect(all.map(\.hourMilliseconds) == [1, 2, 3, 1, 2, 3].map { $0 * hour })
        #expect(all.allSatisfy { $0.peak.composition.isEmpty && $0.subject.kind == .hostUsed })
        let some = try store.hourlyTotals(
            of: .hostUsed, on: hostID("beta"), sinceMilliseconds: 2 * hour + 1,
            untilMilliseconds: 3 * hour - 1, limit: 100)
        #expect(some.map(\.hourMilliseconds) == [2 * hour])
        #expect(some.first?.host == hostID("beta"))
    }
}
