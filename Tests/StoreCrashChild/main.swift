// What a test of the store must see from outside: a process that can be killed, that runs as
// somebody else, or that may write only so much.

import Glibc
import MemoryModel
import PeakStore
import SQLiteStore

/// Writes a line at once, past any buffer that a kill would take with it.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    guard write(1, bytes, bytes.count) == bytes.count else { exit(3) }
}

/// The batch with number `number`: a run, a name and a gap of its own, and one more rise of the
/// first run and of a sum.
func numberedBatch(_ number: Int) throws -> CommitBatch {
    guard let host = HostID("crash-host") else { throw PeakStoreError.failed(reason: "host id") }
    var batch = CommitBatch()
    for pid in [1, Int32(truncatingIfNeeded: number) + 1] {
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 1),
            description: RunDescription(program: RawText("crash-\(number)"), comm: "crash"))
        record.peak = Peak(bytes: UInt64(number), bracket: nil, source: .hwm)
        record.description.command = RawText(Array(repeating: UInt8(ascii: "x"), count: 2_000))
        batch.runs.append(
            StoredRun(host: host, boot: BootID(high: 1, low: 1), record: record))
    }
    batch.gaps = [
        StoredGap(
            host: host, epoch: 1,
            gap: Gap(ordinal: UInt64(number), reason: .dropped, bracket: nil, missedCount: nil))
    ]
    let subject = TotalSubject(kind: .program, name: "crash")
    batch.totals = [
        StoredTotal(
            host: host, boot: BootID(high: 1, low: 1), subject: subject, hourMilliseconds: 0,
            peak: TotalPeak(bytes: UInt64(number), atMilliseconds: nil, runCount: 1))
    ]
    return batch
}

/// Commits batches from `first` on and says the number of each once it was acknowledged.
func commitForever(_ store: SQLiteStore, from first: Int) throws {
    var number = first
    while true {
        try store.commit(numberedBatch(number))
        say("\(number)")
        number += 1
    }
}

/// Commits until no file may grow, then lets files grow again and commits once more.
func commitUntilFull(_ store: SQLiteStore, maximumFileBytes: UInt) throws {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit()
    let resource = __rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue))
    guard getrlimit(resource, &limit) == 0 else { exit(3) }
    limit.rlim_cur = maximumFileBytes
    guard setrlimit(resource, &limit) == 0 else { exit(3) }
    var number = 1
    do {
        while true {
            try store.commit(numberedBatch(number))
            number += 1
        }
    } catch PeakStoreError.full {
        say("full after \(number - 1)")
    }
    guard let host = HostID("crash-host") else { exit(3) }
    say("read \(try store.openRuns(of: host).count)")
    limit.rlim_cur = limit.rlim_max
    guard setrlimit(resource, &limit) == 0 else { exit(3) }
    try store.commit(numberedBatch(number))
    say("recovered with \(number)")
}

/// Sets how large files may grow; nil for as large as they like.
func setFileLimit(_ bytes: Int64?) {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit()
    let resource = __rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue))
    guard getrlimit(resource, &limit) == 0 else { exit(3) }
    limit.rlim_cur = bytes.map { rlim_t($0) } ?? limit.rlim_max
    guard setrlimit(resource, &limit) == 0 else { exit(3) }
}

/// The size of the write-ahead log in `folder` in bytes.
func logBytes(_ folder: String) -> Int64 {
    var status = stat()
    guard stat(folder + "/highwater.db-wal", &status) == 0 else { exit(3) }
    return Int64(status.st_size)
}

/// The 40 runs and 20 folds of round `round`, all with names of their own.
func largeBatch(_ round: Int) throws -> CommitBatch {
    guard let host = HostID("crash-host") else { throw PeakStoreError.failed(reason: "host id") }
    var batch = CommitBatch()
    let bracket = TimeBracket(
        notBeforeMilliseconds: Int64(round), notAfterMilliseconds: Int64(round))
    for number in 0..<40 {
        let pid = Int32(round * 100 + number + 1)
        var record = RunRecord(
            key: ProcessKey(pid: pid, startTicks: 1),
            description: RunDescription(program: RawText("crash-\(round)"), comm: "crash"))
        record.description.command = RawText(
            Array("\(pid) ".utf8) + Array(repeating: UInt8(ascii: "x"), count: 900))
        record.peak = Peak(bytes: UInt64(pid), bracket: bracket, source: .exit)
        record.end = RunEnd(bracket: bracket, reason: .exited)
        record.ordinal = UInt64(round * 100 + number)
        batch.runs.append(
            StoredRun(host: host, boot: BootID(high: 1, low: 1), record: record, epoch: 5))
    }
    for number in 40..<60 {
        let subject = FoldSubject(program: "crash", user: nil, cgroup: nil)
        var fold = Fold(ordinal: UInt64(round * 100 + number), subject: subject)
        fold.runCount = 1
        fold.peak = Peak(bytes: UInt64(number), bracket: bracket, source: .exit)
        batch.folds.append(
            StoredFold(host: host, boot: BootID(high: 1, low: 1), epoch: 5, fold: fold))
    }
    return batch
}

/// Whether the batch of a round is all there, or nothing of it; says so if it is neither.
func isKept(_ batch: CommitBatch, by store: SQLiteStore) throws -> Bool {
    let runs = try store.runs(batch.runs.map(\.key)).count
    let keys = Set(batch.folds.map(\.key))
    let folds = try store.folds(
        sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max
    ).count { keys.contains($0.key) }
    let ordinals = try store.appliedOrdinals(of: batch.runs[0].host, epoch: 5)
    let applied = (batch.runs.compactMap(\.record.ordinal) + batch.folds.map(\.fold.ordinal))
        .count { ordinal in ordinals.contains { $0.contains(ordinal) } }
    let isWhole = (runs, folds, applied) == (40, 20, 60)
    if !isWhole, (runs, folds, applied) != (0, 0, 0) {
        say("torn: \(runs) runs, \(folds) folds, \(applied) ordinals")
    }
    return isWhole
}

/// Lets each commit write 4 KiB more than the one before, until one has enough.
func commitByLimits(_ store: SQLiteStore, folder: String) throws {
    try store.commit(largeBatch(0))
    var round = 1
    while true {
        let batch = try largeBatch(round)
        // Half a page more, so that the last one is cut.
        setFileLimit(logBytes(folder) + Int64(round - 1) * 4_096 + 2_048)
        do {
            try store.commit(batch)
            setFileLimit(nil)
            say("enough in \(round), kept: \(try isKept(batch, by: store))")
            return
        } catch PeakStoreError.full {
            let isThere = try isKept(batch, by: store)
            setFileLimit(nil)
            try store.commit(batch)
            say("full in \(round), kept: \(isThere), then: \(try isKept(batch, by: store))")
        }
        round += 1
    }
}

/// Lets each purge write 4 KiB more than the one before, until one has enough.
func purgeByLimits(_ store: SQLiteStore, folder: String) throws {
    let batch = try largeBatch(1)
    try store.commit(batch)
    let request = PurgeRequest(
        host: batch.runs[0].host, sinceMilliseconds: 0, untilMilliseconds: 9)
    var round = 1
    while true {
        setFileLimit(logBytes(folder) + Int64(round - 1) * 4_096 + 2_048)
        var word = "enough"
        do {
            _ = try store.purge(request, nowMilliseconds: 0)
            setFileLimit(nil)
        } catch PeakStoreError.full {
            word = "full"
            setFileLimit(nil)
            try store.commit(largeBatch(1))
            _ = try store.purge(request, nowMilliseconds: 0)
        }
        let left = try store.openPeaks(of: batch)
        for tombstone in try store.tombstones() { _ = try store.undoPurge(tombstone.id) }
        say("\(word) in \(round), left: \(left), then: \(try store.openPeaks(of: batch))")
        if word == "enough" { return }
        round += 1
    }
}

/// Two hours of minutes of 40 runs, all exact, so that packing changes no figure of them.
func minutesBatch() throws -> CommitBatch {
    var batch = try largeBatch(1)
    batch.folds = []
    for (index, run) in batch.runs.enumerated() {
        batch.runs[index].record.end = nil
        for minute in 0..<Int64(120) where minute % 7 == Int64(index) % 7 {
            let bytes = UInt64(minute * 1_000 + Int64(index)) * 4_099
            batch.windows.append(
                StoredWindow(
                    run: run.key, length: .minute, startsAtMilliseconds: minute * 60_000,
                    window: Window(atLeastBytes: bytes, atMostBytes: bytes)))
        }
    }
    batch.coverage = (0..<Int64(120)).map {
        StoredCoverage(
            host: batch.runs[0].host, boot: batch.runs[0].boot, startsAtMilliseconds: $0 * 60_000,
            liveCount: 40)
    }
    return batch
}

/// Lets packing write 4 KiB more each time, until that is enough.
func packByLimits(_ store: SQLiteStore, folder: String) throws {
    let batch = try minutesBatch()
    let end: Int64 = 8 * 3_600_000
    func minutes() throws -> [[HistoryPoint]] {
        try batch.runs.map {
            try store.history(
                of: .run($0.key), sinceMilliseconds: 0, untilMilliseconds: 7_200_000,
                length: .minute, limit: 200)
        }
    }
    func pack() throws {
        while try store.maintain(nowMilliseconds: end, retention: .usual).isMoreDue {}
    }
    try store.commit(batch)
    let expected = try minutes()
    var round = 1
    while true {
        setFileLimit(logBytes(folder) + Int64(round - 1) * 4_096 + 2_048)
        var word = "enough"
        do {
            try pack()
            setFileLimit(nil)
        } catch PeakStoreError.full {
            word = "full"
            setFileLimit(nil)
        }
        let same = try minutes() == expected
        try pack()
        say("\(word) in \(round), same: \(same), then: \(try minutes() == expected)")
        if word == "enough" { return }
        // What comes again has to be packed again.
        try store.commit(batch)
        round += 1
    }
}

extension SQLiteStore {
    /// How many of the batch's runs have their peak, and how many of its folds are there.
    func openPeaks(of batch: CommitBatch) throws -> Int {
        try runs(batch.runs.map(\.key)).values.count { $0.record.peak != nil }
            + folds(sinceMilliseconds: nil, untilMilliseconds: nil, limit: .max).count
    }
}

/// Makes every write to the log fail, then lets it go on: the store must not.
func commitOnBrokenLog(_ store: SQLiteStore) throws {
    try store.commit(numberedBatch(1))
    var own: Int32 = -1
    for descriptor in Int32(3)..<256 {
        var target = [CChar](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/fd/\(descriptor)", &target, target.count - 1)
        let name = target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        guard String(decoding: name, as: UTF8.self).hasSuffix("highwater.db-wal") else { continue }
        // A log that can only be read.
        let readable = open("/proc/self/fd/\(descriptor)", O_RDONLY)
        own = dup(descriptor)
        guard readable >= 0, own >= 0, dup2(readable, descriptor) == descriptor else { exit(3) }
        do {
            try store.commit(numberedBatch(2))
            say("another descriptor")
        } catch {
            say("\(error)")
        }
        guard dup2(own, descriptor) == descriptor else { exit(3) }
    }
    do {
        try store.commit(numberedBatch(3))
        say("acknowledged")
    } catch {
        say("\(error)")
    }
}

/// Waits to be killed.
func waitForKill() {
    say("waiting")
    while true { pause() }
}

func run(_ arguments: [String]) throws {
    guard arguments.count == 4, let number = Int(arguments[3]) else { exit(2) }
    switch arguments[1] {
    case "commit":
        try commitForever(SQLiteStore(dataDirectory: arguments[2]), from: number)
    case "open-as":
        guard setgid(gid_t(number)) == 0, setuid(uid_t(number)) == 0 else { exit(3) }
        _ = try SQLiteStore(dataDirectory: arguments[2])
        say("opened")
    case "open":
        _ = try SQLiteStore(dataDirectory: arguments[2])
        say("opened")
    case "commit-by-limits":
        let store = try SQLiteStore(dataDirectory: arguments[2])
        try commitByLimits(store, folder: arguments[2])
        waitForKill()
    case "purge-by-limits":
        try purgeByLimits(SQLiteStore(dataDirectory: arguments[2]), folder: arguments[2])
    case "pack-by-limits":
        try packByLimits(SQLiteStore(dataDirectory: arguments[2]), folder: arguments[2])
    case "fold-by-limits":
        try foldByLimits(SQLiteStore(dataDirectory: arguments[2]), folder: arguments[2])
    case "break-log":
        try commitOnBrokenLog(SQLiteStore(dataDirectory: arguments[2]))
    case "fill":
        try commitUntilFull(
            SQLiteStore(dataDirectory: arguments[2]), maximumFileBytes: UInt(number))
    default: exit(2)
    }
}

do {
    try run(CommandLine.arguments)
} catch {
    say("\(error)")
}
