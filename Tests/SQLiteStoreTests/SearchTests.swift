import GRDB
import MemoryModel
import PeakStore
import Report
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct SearchTests {
    @Test(
        "Every path of a search finds what a look at each run finds",
        arguments: [31, 32, 33] as [UInt64])
    func sameAsOracle(seed: UInt64) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var fleet = RandomFleet(seed: seed)
        let all = fleet.batch()
        try store.commit(all)
        let (allRuns, allHosts) = (all.runs, all.hosts)
        var found = 0
        var cut = 0
        for _ in 0..<150 {
            let query = fleet.query()
            let limit = fleet.limit()
            let expected = all.runs.filter { Oracle.matches($0, query, all.hosts) }
            // Both sides of the choice between the index by end and that by peak.
            for fewRuns in [0, Int64.max] {
                let selection = try store.runs(matching: query, limit: limit, fewRuns: fewRuns)
                #expect(selection.matchedCount == expected.count, "seed \(seed): \(query)")
                #expect(selection.runs.count == min(limit, expected.count))
                #expect(Set(selection.runs).isSubset(of: Set(expected)), "seed \(seed): \(query)")
                let peaks = selection.runs.map { Oracle.peak($0) }
                let largest = expected.map { Oracle.peak($0) }.sorted(by: >).prefix(limit)
                #expect(peaks == Array(largest), "seed \(seed): \(query)")
                var all = query
                all.includesInherited = true
                let inherited = query.includesInherited ? 0 : selection.inheritedCount
                let wide = allRuns.filter { Oracle.matches($0, all, allHosts) }
                #expect(inherited == wide.count - expected.count, "seed \(seed): \(query)")
                let walked = try store.walk(matching: query, fewRuns: fewRuns) { walk in
                    var runs: [RunKey: WalkedFacts] = [:]
                    while let run = try walk.next() {
                        let facts = try WalkedFacts(run, walk)
                        #expect(runs.updateValue(facts, forKey: facts.key) == nil)
                    }
                    return runs
                }
                #expect(
                    walked
                        == Dictionary(
                            uniqueKeysWithValues: wide.map { ($0.key, WalkedFacts($0)) }),
                    "seed \(seed): \(query)")
            }
            found += expected.isEmpty ? 0 : 1
            cut += expected.count > limit ? 1 : 0
        }
        #expect(found > 50, "seed \(seed)")
        #expect(cut > 10, "seed \(seed)")
    }

    @Test("Touching the range by one millisecond is overlap, missing it by one is not")
    func edges() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var run = plainRun()
        run.record.description.startedAtMilliseconds = 1_000
        run.record.end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: 1_900, notAfterMilliseconds: 2_000),
            reason: .exited)
        try store.commit(batch([run]))
        func count(_ since: Int64?, _ until: Int64?) throws -> Int {
            var query = ReportQuery()
            query.sinceMilliseconds = since
            query.untilMilliseconds = until
            return try store.runs(matching: query, limit: 9).matchedCount
        }
        #expect(try count(2_000, nil) == 1)
        #expect(try count(2_001, nil) == 0)
        #expect(try count(nil, 1_000) == 1)
        #expect(try count(nil, 999) == 0)
        #expect(try count(1_500, 1_600) == 1)
    }

    @Test("A host is found by its id and by its name")
    func hostGlob() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var all = batch([
            plainRun(host: fullHost.id), plainRun(host: hostID("alpha")),
        ])
        all.hosts = [fullHost]
        all.hosts[0].description.name = "web-1"
        try store.commit(all)
        func hosts(_ pattern: String) throws -> [String] {
            var query = ReportQuery()
            query.host = Glob(pattern)
            return try store.runs(matching: query, limit: 9).runs.map(\.host.text).sorted()
        }
        #expect(try hosts("web-*") == ["Full.host_1-2"])
        #expect(try hosts("Full.*") == ["Full.host_1-2"])
        #expect(try hosts("al?ha") == ["alpha"])
        #expect(try hosts("*") == ["Full.host_1-2", "alpha"])
        #expect(try hosts("none").isEmpty)
    }

    @Test("Each path goes along its index, and that by peak neither sorts nor reads a run")
    func plans() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        let queue = try DatabaseQueue(path: directory.database)
        var query = ReportQuery()
        query.sinceMilliseconds = 1
        query.untilMilliseconds = 2
        query.minimumPeakBytes = 3
        func plan(_ path: SearchPath) throws -> String {
            try queue.read { database in
                try Row.fetchAll(
                    database, sql: "EXPLAIN QUERY PLAN " + path.sql(query),
                    arguments: [1, 2, 3, "[]"]
                ).map { $0["detail"] as String }.joined(separator: "\n")
            }
        }
        let peaks = try plan(.peaks(restrictsBoots: true))
        #expect(peaks.contains("SEARCH run USING COVERING INDEX run_by_peak (peak_bytes>?)"))
        #expect(!peaks.contains("TEMP B-TREE"))
        let ends = try plan(.ends(restrictsBoots: true))
        #expect(ends.contains("USING INDEX run_by_end (ended_not_after_ms=?"))
        #expect(ends.contains("USING INDEX run_by_end (ended_not_after_ms>?)"))
        func walk(_ path: SearchPath, choosesBoots: Bool = true) throws -> String {
            try queue.read { database in
                try Row.fetchAll(
                    database, sql: "EXPLAIN QUERY PLAN " + path.walk(query, columns: "comm"),
                    arguments: choosesBoots ? [1, 2, 3, "[]"] : [1, 2, 3]
                ).map { $0["detail"] as String }.joined(separator: "\n")
            }
        }
        #expect(try walk(.boots).contains("SEARCH run USING PRIMARY KEY (boot=?)"))
        let scan = try walk(.peaks(restrictsBoots: true))
        let whole = try walk(.peaks(restrictsBoots: false), choosesBoots: false)
        #expect(whole == "SCAN run")
        #expect(scan.contains("SCAN run") || scan.contains("SEARCH run USING PRIMARY KEY"))
        #expect(!scan.contains("TEMP B-TREE") && !scan.contains("USING INDEX"))
        let boots = try plan(.boots)
        #expect(boots.contains("SEARCH run USING PRIMARY KEY (boot=?)"))
        try queue.close()
    }
}

/// What a walk tells of a run, with its names.
private struct WalkedFacts: Equatable {
    var key: RunKey
    var names: [NamedField: RawText] = [:]
    var comm: RawText
    var user: RawText?
    var start: Int64?
    var end: RunEnd?
    var peak: Peak?
    var inherited: UInt64?
    var flags: RunFlags

    init(_ walked: WalkedRun, _ walk: any RunWalk) throws {
        let figures = walked.figures
        let boot = try walk.boot(walked.boot)
        key = RunKey(host: boot.host, boot: boot.boot, process: figures.key)
        let numbers: [NamedField: Int64] = [
            .program: figures.program, .command: figures.command,
            .executable: figures.executable, .cgroup: figures.cgroup, .unit: figures.unit,
            .container: figures.container,
        ]
        for (field, number) in numbers where number != RunFigures.noName {
            names[field] = try walk.name(number)
        }
        comm = try walk.name(figures.comm)
        user =
            switch figures.user {
            case RunFigures.noName: nil
            case ..<0: RawText(String(-1 - figures.user))
            default: try walk.name(figures.user)
            }
        (start, end, peak) = (figures.startedAtMilliseconds, figures.end, figures.peak)
        (inherited, flags) = (figures.inheritedBytes, figures.flags)
    }

    init(_ run: StoredRun) {
        let description = run.record.description
        key = run.key
        for field in NamedField.allCases { names[field] = description.name(field) }
        comm = description.comm
        user = description.user ?? description.userID.map { RawText(String($0)) }
        (start, end, peak) = (description.startedAtMilliseconds, run.record.end, run.record.peak)
        (inherited, flags) = (description.inheritedBytes, run.record.flags)
    }
}

/// What a query means, said once more without any index.
private enum Oracle {
    static func matches(_ run: StoredRun, _ query: ReportQuery, _ hosts: [StoredHost]) -> Bool {
        let record = run.record
        if let since = query.sinceMilliseconds, let end = record.end?.bracket,
            end.notAfterMilliseconds < since
        {
            return false
        }
        if let until = query.untilMilliseconds,
            let start = record.description.startedAtMilliseconds, start > until
        {
            return false
        }
        if query.minimumPeakBytes > 0, record.peak?.bytes ?? 0 < query.minimumPeakBytes {
            return false
        }
        if record.isPeakInherited, !query.includesInherited { return false }
        if let glob = query.host {
            let name = hosts.first { $0.id == run.host }?.description.name
            guard glob.matches(RawText(run.host.text)) || name.map(glob.matches) == true else {
                return false
            }
        }
        let labels = hosts.first { $0.id == run.host }?.description.labels ?? []
        for pattern in query.labels {
            guard
                labels.contains(where: { $0.key == pattern.key && pattern.value.matches($0.value) })
            else { return false }
        }
        let description = record.description
        let names: [NamedField: RawText?] = [
            .program: description.program, .command: description.command,
            .executable: description.executable, .cgroup: description.cgroup,
            .unit: description.unit, .container: description.container,
        ]
        for (field, glob) in query.patterns {
            guard let name = names[field] ?? nil, glob.matches(name) else { return false }
        }
        guard let glob = query.user else { return true }
        if let user = record.description.user { return glob.matches(user) }
        return record.description.userID.map { glob.matches(RawText("\($0)")) } ?? false
    }

    static func peak(_ run: StoredRun) -> Int64 { run.record.peak.map { Int64($0.bytes) } ?? -1 }
}

/// Hosts, runs and queries that often meet.
private struct RandomFleet {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func batch() -> CommitBatch {
        var batch = CommitBatch()
        for number in 0..<8 {
            var host = fullHost
            host.id = hostID("h\(number)")
            host.description.name = RawText("name-\(number % 3)")
            host.description.labels = [HostLabel(key: "rack", value: RawText("r\(number % 4)"))]
            batch.hosts.append(host)
        }
        for pid in Int32(1)...600 { batch.runs.append(run(pid)) }
        return batch
    }

    mutating func limit() -> Int { [0, 1, 5, 50, 10_000][number(5)] }

    mutating func query() -> ReportQuery {
        var query = ReportQuery()
        if generator.one(in: 2) { query.sinceMilliseconds = Int64(number(1_200)) }
        if generator.one(in: 2) { query.untilMilliseconds = Int64(number(1_200)) }
        if generator.one(in: 3) { query.minimumPeakBytes = UInt64(number(100)) }
        if generator.one(in: 3) { query.host = Glob(["h1", "h[2-5]", "name-0", "*"][number(4)]) }
        if generator.one(in: 3) { query.program = Glob(["p1", "p[0-3]", "*", "q"][number(4)]) }
        if generator.one(in: 3) { query.user = Glob(["u1", "1", "[u2]*", "*"][number(4)]) }
        for field in NamedField.allCases where field != .program && generator.one(in: 8) {
            query.patterns[field] = Glob(["n[0-2]", "n1", "*", "q"][number(4)])
        }
        if generator.one(in: 6) {
            let value = Glob(["r[01]", "r2", "*", "q"][number(4)])
            query.labels = [LabelPattern(key: "rack", value: value)]
        }
        query.includesInherited = generator.one(in: 2)
        return query
    }

    private mutating func run(_ pid: Int32) -> StoredRun {
        let host = hostID("h\(number(8))")
        var run = plainRun(host: host, boot: BootID(high: UInt64(number(2)), low: 0), pid: pid)
        run.record.description.program = RawText("p\(number(6))")
        run.record.description.user = generator.one(in: 2) ? nil : RawText("u\(number(4))")
        run.record.description.userID = generator.one(in: 4) ? nil : UInt32(number(4))
        func name() -> RawText? { generator.one(in: 4) ? nil : RawText("n\(number(4))") }
        run.record.description.command = name()
        run.record.description.executable = name()
        run.record.description.cgroup = name()
        run.record.description.unit = name()
        run.record.description.container = name()
        let start = Int64(number(1_000))
        if !generator.one(in: 8) { run.record.description.startedAtMilliseconds = start }
        if generator.one(in: 5) {
            run.record.description.inheritedBytes = UInt64(number(100))
        }
        if !generator.one(in: 8) {
            run.record.peak = Peak(bytes: UInt64(number(100)), bracket: nil, source: .hwm)
        }
        if generator.one(in: 2) {
            let end = start + Int64(number(200))
            run.record.end = RunEnd(
                bracket: generator.one(in: 6)
                    ? nil : TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
                reason: .exited)
        }
        return run
    }

    private mutating func number(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }
}
