import MemoryModel
import TestSupport

/// A host that makes up its history and remembers the truth of it.
struct TrueHost {
    /// The truth about one run.
    struct Run {
        var startedAtMilliseconds: Int64
        var program: RawText
        var peakBytes: UInt64 = 0
        var peakSource = PeakSource.sampled
        var peakAtMilliseconds: Int64 = 0
        var end: RunEndReason?
    }

    private(set) var runs: [ProcessKey: Run] = [:]
    private(set) var nowMilliseconds: Int64 = 5_000
    private var nextPid: Int32 = 1
    private var live: [ProcessKey] = []

    static let wallMinusBootMilliseconds: Int64 = 1_700_000_000_000

    static let description = HostDescription(
        name: "web", kernelRelease: "6.18", memoryTotalBytes: 1 << 34, swapTotalBytes: 0,
        processorCount: 2, ticksPerSecond: 100,
        wallMinusBootMilliseconds: wallMinusBootMilliseconds, intervalMilliseconds: 1_000,
        restrictions: [], labels: [])

    /// The time of the collector, whose clock is right.
    var utcMilliseconds: Int64 { nowMilliseconds + TrueHost.wallMinusBootMilliseconds }
    var liveKeys: [ProcessKey] { live }

    /// One second of history, and what a look at its end finds.
    mutating func advance(using random: inout SeededGenerator) -> HostSnapshot {
        nowMilliseconds += 1_000
        var snapshot = HostSnapshot(takenAtMilliseconds: nowMilliseconds)
        snapshot.memoryAvailableBytes = UInt64.random(in: 0...1 << 20, using: &random) << 10
        for key in live where Int.random(in: 0..<12, using: &random) == 0 {
            end(key, .exited, in: &snapshot)
        }
        for key in live where Int.random(in: 0..<15, using: &random) == 0 {
            end(key, .executed, in: &snapshot)
            var next = key
            next.image += 1
            start(next, in: &snapshot, using: &random)
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            start(ProcessKey(pid: nextPid, startTicks: 100), in: &snapshot, using: &random)
            nextPid += 1
        }
        for key in live where Int.random(in: 0..<10, using: &random) == 0 {
            let program = RawText("renamed-\(random.next() % 100)")
            runs[key]?.program = program
            snapshot.renamed.append(StartedRun(key: key, description: description(of: key)))
        }
        for key in live where Bool.random(using: &random) {
            observe(key, in: &snapshot, using: &random)
        }
        return snapshot
    }

    private func description(of key: ProcessKey) -> RunDescription {
        var description = RunDescription(program: runs[key]?.program ?? "", comm: "comm")
        description.startedAtMilliseconds = runs[key]?.startedAtMilliseconds
        return description
    }

    private mutating func start(
        _ key: ProcessKey, in snapshot: inout HostSnapshot, using random: inout SeededGenerator
    ) {
        live.append(key)
        runs[key] = Run(
            startedAtMilliseconds: nowMilliseconds - 300,
            program: RawText("program-\(random.next() % 100)"))
        snapshot.started.append(StartedRun(key: key, description: description(of: key)))
    }

    private mutating func end(
        _ key: ProcessKey, _ reason: RunEndReason, in snapshot: inout HostSnapshot
    ) {
        live.removeAll { $0 == key }
        runs[key]?.end = reason
        let bracket = TimeBracket(
            notBeforeMilliseconds: nowMilliseconds - 1_000, notAfterMilliseconds: nowMilliseconds)
        snapshot.ended.append(
            EndedRun(key: key, end: RunEnd(bracket: bracket, reason: reason)))
    }

    private mutating func observe(
        _ key: ProcessKey, in snapshot: inout HostSnapshot, using random: inout SeededGenerator
    ) {
        guard var run = runs[key] else { return }
        let resident = UInt64.random(in: 1...1_000_000, using: &random) << 10
        let isMarkReadable = Int.random(in: 0..<3, using: &random) > 0
        let mark = max(resident, run.peakBytes) + UInt64.random(in: 0...1_000, using: &random) << 10
        var observation = RunObservation(key: key)
        observation.residentBytes = resident
        observation.markBytes = isMarkReadable ? mark : nil
        observation.swapBytes = Bool.random(using: &random) ? 1_024 : nil
        observation.processorMilliseconds = UInt64(nowMilliseconds)
        snapshot.observed.append(observation)
        let (bytes, source) = isMarkReadable ? (mark, PeakSource.hwm) : (resident, .sampled)
        guard bytes > run.peakBytes else { return }
        run.peakBytes = bytes
        run.peakSource = source
        run.peakAtMilliseconds = nowMilliseconds
        runs[key] = run
    }
}
