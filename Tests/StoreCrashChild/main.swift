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
