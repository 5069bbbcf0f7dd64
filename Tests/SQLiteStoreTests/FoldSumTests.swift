import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Folds put together")
struct FoldSumTests {
    /// What two folds have to have in common to become one, written plainly.
    private struct Key: Hashable {
        var host: HostID
        var boot: BootID
        var program: RawText
        var user: RawText?
        var cgroup: RawText?
        var isMadeByStore: Bool
        var hasTimes: Bool
    }

    /// The sums as somebody would make them by hand of all folds, each read by itself.
    private func expected(_ folds: [StoredFold], _ query: FoldQuery) -> Set<FoldSum> {
        var groups: [Key: [StoredFold]] = [:]
        for stored in folds {
            var part = stored
            if query.minimumPeakBytes > 0 {
                guard let fold = stored.fold.part(withPeakFrom: query.minimumPeakBytes) else {
                    continue
                }
                part.fold = fold
            }
            let subject = part.fold.subject
            let key = Key(
                host: part.host, boot: part.boot, program: subject.program,
                user: query.keepsUsers ? subject.user : nil,
                cgroup: query.keepsCgroups ? subject.cgroup : nil,
                isMadeByStore: part.isMadeByStore, hasTimes: part.fold.bracket != nil)
            groups[key, default: []].append(part)
        }
        return Set(groups.map { key, parts in plain(key, parts.map(\.fold)) })
    }

    private func plain(_ key: Key, _ folds: [Fold]) -> FoldSum {
        let users = Set(folds.map(\.subject.user))
        let cgroups = Set(folds.map(\.subject.cgroup))
        var sum = Fold(
            ordinal: 0,
            subject: FoldSubject(
                program: key.program, user: users.count == 1 ? folds[0].subject.user : nil,
                cgroup: cgroups.count == 1 ? folds[0].subject.cgroup : nil))
        func total(_ field: KeyPath<Fold, UInt64>) -> UInt64 {
            folds.reduce(0) { $0 + $1[keyPath: field] }
        }
        sum.runCount = total(\.runCount)
        sum.failureCount = total(\.failureCount)
        sum.killCount = total(\.killCount)
        sum.sumOfPeaksBytes = total(\.sumOfPeaksBytes)
        sum.processorMilliseconds = total(\.processorMilliseconds)
        sum.peak = folds.compactMap(\.peak).max()
        for fold in folds {
            for (step, count) in fold.histogram.counts {
                sum.histogram.add(count: count, atStep: step)
            }
        }
        if key.hasTimes {
            sum.bracket = TimeBracket(
                notBeforeMilliseconds: folds.compactMap(\.bracket?.notBeforeMilliseconds).min()
                    ?? 0,
                notAfterMilliseconds: folds.compactMap(\.bracket?.notAfterMilliseconds).max() ?? 0)
        }
        return FoldSum(
            host: key.host, boot: key.boot, fold: sum, isMadeByStore: key.isMadeByStore)
    }

    @Test(
        "sums are those of a plain model, whatever the range, the size and what stays apart",
        arguments: 1...6)
    func model(seed: Int) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var facts = RandomFacts(seed: UInt64(seed))
        for _ in 0..<12 { try store.commit(facts.batch()) }
        try store.commit(Self.storeFolds())
        var checked = 0
        for since in [nil, -5, 3, 7, 3_700_000, 40_000_000] as [Int64?] {
            for until in [nil, 4, 12, 7_300_000] as [Int64?] {
                for least in [0, 3 << 20, 9 << 20] as [UInt64] {
                    for keeps in 0..<4 {
                        var query = FoldQuery()
                        (query.sinceMilliseconds, query.untilMilliseconds) = (since, until)
                        query.minimumPeakBytes = least
                        query.keepsUsers = keeps & 1 == 0
                        query.keepsCgroups = keeps & 2 == 0
                        let folds = try store.folds(
                            sinceMilliseconds: since, untilMilliseconds: until, limit: .max)
                        let sums = try store.foldSums(query)
                        let found = Set(sums.sums)
                        #expect(found == expected(folds, query), "seed \(seed), \(query)")
                        #expect(found.count == sums.sums.count && !sums.isCut)
                        checked += found.count
                    }
                }
            }
        }
        #expect(checked > 200)
    }

    /// Folds of whole hours, as a store makes them of what ended.
    private static func storeFolds() -> CommitBatch {
        var batch = CommitBatch()
        for hour in Int64(0)..<12 {
            for program in 0..<3 {
                var fold = sampleFold(ordinal: UInt64(1_000 + hour * 3) + UInt64(program))
                fold.epoch = StoredFold.storeEpoch
                fold.fold.subject.program = RawText("p\(program)")
                fold.fold.subject.cgroup = RawText("/job-\(hour).scope")
                fold.fold.bracket = TimeBracket(
                    notBeforeMilliseconds: hour * 3_600_000,
                    notAfterMilliseconds: hour * 3_600_000 + 59_000)
                batch.folds.append(fold)
            }
        }
        return batch
    }

    @Test("what a report is neither by nor filtered by does not stay apart")
    func apart() {
        var query = ReportQuery()
        query.grouping = .program
        #expect(!FoldQuery(query).keepsUsers && !FoldQuery(query).keepsCgroups)
        query.user = Glob("root")
        query.patterns[.cgroup] = Glob("*")
        #expect(FoldQuery(query).keepsUsers && FoldQuery(query).keepsCgroups)
        query = ReportQuery()
        query.grouping = .cgroup
        query.minimumPeakBytes = 7
        query.sinceMilliseconds = 5
        let folds = FoldQuery(query)
        #expect(folds.keepsCgroups && !folds.keepsUsers)
        #expect(folds.minimumPeakBytes == 7 && folds.sinceMilliseconds == 5)
    }

    @Test("a program of which runs were folded is found by its name, a mistyped one is not")
    func programs() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(Self.storeFolds())
        func found(_ pattern: String, _ user: String? = nil, limit: Int = 9) throws -> Set<RawText>
        {
            try store.foldedPrograms(
                matching: Glob(pattern), user: user.map { Glob($0) }, limit: limit)
        }
        #expect(try found("p1") == ["p1"])
        #expect(try found("p?") == ["p0", "p1", "p2"])
        #expect(try found("p?", limit: 1).count == 1)
        #expect(try found("q").isEmpty)
        // The name of something else is no program.
        #expect(try found("/job-1.scope").isEmpty)
        #expect(try found("p1", "1000") == ["p1"])
        #expect(try found("p1", "root").isEmpty)
    }
}
