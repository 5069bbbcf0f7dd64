import MemoryModel
import TestSupport

/// A host that makes up its history and remembers the truth of it.
struct TrueHost {
    /// The truth about one run.
    struct Run {
        var startedAtMilliseconds: Int64
        var program: RawText
        var residentBytes: UInt64?
        var peakBytes: UInt64 = 0
        var peakSource = PeakSource.sampled
        var peakAtMilliseconds: Int64 = 0
        var end: RunEndReason?
        var flags: RunFlags = []
        var faults: FaultCounts?
    }

    private(set) var runs: [ProcessKey: Run] = [:]
    /// The greatest sums over the host and its programs in each hour.
    private(set) var totals: [TotalSubject: [Int64: TotalPeak]] = [:]
    private(set) var nowMilliseconds: Int64 = 5_000
    /// How many programs there are.
    var programCount = 100
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
            if Bool.random(using: &random) {
                snapshot.ended[snapshot.ended.count - 1].record = exit(key, using: &random)
            }
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
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            complete(ProcessKey(pid: nextPid, startTicks: 100), in: &snapshot, using: &random)
            nextPid += 1
        }
        for key in live where Bool.random(using: &random) {
            observe(key, in: &snapshot, using: &random)
        }
        sum()
        return snapshot
    }

    private mutating func sum() {
        let runs = live.compactMap { self.runs[$0] }.filter { $0.residentBytes != nil }
        let host = TotalSubject(kind: .host, name: "")
        var sums: [TotalSubject: UInt64] = [:]
        for run in runs {
            let bytes = run.residentBytes ?? 0
            sums[host, default: 0] += bytes
            sums[TotalSubject(kind: .program, name: run.program), default: 0] += bytes
        }
        for (subject, bytes) in sums {
            let peak = TotalPeak(
                bytes: bytes, atMilliseconds: nowMilliseconds, runCount: UInt64(runs.count))
            let hour = utcMilliseconds / 3_600_000
            guard totals[subject]?[hour].map({ $0.bytes < bytes }) ?? true else { continue }
            totals[subject, default: [:]][hour] = peak
        }
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
            program: RawText("program-\(random.next() % UInt64(programCount))"))
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

    /// A run between two looks, of which the record of its exit is all there is.
    private mutating func complete(
        _ key: ProcessKey, in snapshot: inout HostSnapshot, using random: inout SeededGenerator
    ) {
        var run = Run(
            startedAtMilliseconds: nowMilliseconds - 300,
            program: RawText("program-\(random.next() % UInt64(programCount))"))
        run.flags = [.firstSeenAtExit, .startIsEstimated]
        run.end = .exited
        runs[key] = run
        let start = StartedRun(key: key, description: description(of: key), flags: run.flags)
        let bracket = TimeBracket(
            notBeforeMilliseconds: nowMilliseconds - 200, notAfterMilliseconds: nowMilliseconds)
        let end = EndedRun(
            key: key, end: RunEnd(bracket: bracket, reason: .exited, exitCode: 0),
            record: exit(key, using: &random))
        snapshot.completed.append(CompletedRun(start: start, end: end))
    }

    /// The kernel's record of an exit, whose mark may be above what was seen.
    private mutating func exit(
        _ key: ProcessKey, using random: inout SeededGenerator
    ) -> ExitFigures {
        let known = runs[key]?.peakBytes ?? 0
        let more =
            UInt64.random(in: 0...1, using: &random)
            * UInt64.random(in: 1...1_000, using: &random) << 10
        let mark = max(1_024, known + more)
        let faults = FaultCounts(minor: random.next() >> 30, major: 1)
        if mark > known {
            runs[key]?.peakBytes = mark
            runs[key]?.peakSource = .exit
            runs[key]?.peakAtMilliseconds = nowMilliseconds
        }
        runs[key]?.flags.insert(.peakIsFinal)
        runs[key]?.faults = faults
        return ExitFigures(markBytes: mark, processorMilliseconds: 7, faults: faults)
    }

    private mutating func observe(
        _ key: ProcessKey, in snapshot: inout HostSnapshot, using random: inout SeededGenerator
    ) {
        guard var run = runs[key] else { return }
        let resident = UInt64.random(in: 1...1_000_000, using: &random) << 10
        runs[key]?.residentBytes = resident
        run.residentBytes = resident
        let isMarkReadable = Int.random(in: 0..<3, using: &random) > 0
        let mark = max(resident, run.peakBytes) + UInt64.random(in: 0...1_000, using: &random) << 10
        var observation = RunObservation(key: key)
        observation.residentBytes = resident
        observation.markBytes = isMarkReadable ? mark : nil
        observation.swapBytes = Bool.random(using: &random) ? 1_024 : nil
        observation.processorMilliseconds = UInt64(nowMilliseconds)
        observation.fileBytes = Bool.random(using: &random) ? (resident >> 11) << 10 : nil
        if Int.random(in: 0..<20, using: &random) == 0 {
            observation.flags = .markFell
            runs[key]?.flags.insert(.markFell)
            run.flags.insert(.markFell)
        }
        snapshot.observed.append(observation)
        let (bytes, source) = isMarkReadable ? (mark, PeakSource.hwm) : (resident, .sampled)
        guard bytes > run.peakBytes else { return }
        run.peakBytes = bytes
        run.peakSource = source
        run.peakAtMilliseconds = nowMilliseconds
        runs[key] = run
    }
}
