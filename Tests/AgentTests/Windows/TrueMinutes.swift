import MemoryModel
import TestSupport

@testable import Agent

/// Processes whose memory is known at every millisecond, and what a sampler sees of them.
struct TrueMinutes {
    /// One process.
    struct Run {
        var key: ProcessKey
        var startedAtMilliseconds: Int64
        var endedAtMilliseconds: Int64 = .max
        /// What it held from when on, in KiB, in the order of time.
        var levels: [(atMilliseconds: Int64, kibibytes: UInt64)]
        var seenKibibytes: UInt64?
        var isStarted = false
        var markReadAtMilliseconds: Int64 = 0

        /// The most that it held from `begin` up to and with `end`, in bytes; nil if it did not
        /// live.
        func peakBytes(from begin: Int64, through end: Int64) -> UInt64? {
            guard begin < endedAtMilliseconds, end >= startedAtMilliseconds else { return nil }
            let before = levels.last { $0.atMilliseconds <= begin }?.kibibytes
            let inside = levels.filter { $0.atMilliseconds > begin && $0.atMilliseconds <= end }
            return ([before].compactMap { $0 } + inside.map(\.kibibytes)).max().map { $0 << 10 }
        }

        func residentKibibytes(at time: Int64) -> UInt64 {
            levels.last { $0.atMilliseconds <= time }?.kibibytes ?? 0
        }
    }

    private(set) var runs: [Run] = []
    private(set) var now: Int64
    private var nextPid: Int32 = 1
    /// How long a mark may stay unread.
    static let markIntervalMilliseconds: Int64 = 5_000

    init(now: Int64) { self.now = now }

    /// Lets time pass until `time`: processes begin, end, rise, fall and burst.
    mutating func advance(to time: Int64, using random: inout SeededGenerator) {
        for at in stride(from: now, to: time, by: 250) {
            let moment = min(time, at + Int64.random(in: 1...250, using: &random))
            if runs.filter({ $0.endedAtMilliseconds == .max }).count < 6,
                Int.random(in: 0..<40, using: &random) == 0
            {
                let key = ProcessKey(pid: nextPid, startTicks: UInt64(moment))
                nextPid += 1
                runs.append(
                    Run(
                        key: key, startedAtMilliseconds: moment,
                        levels: [(moment, UInt64.random(in: 10...500, using: &random))]))
            }
            for index in runs.indices where runs[index].endedAtMilliseconds == .max {
                step(index, at: moment, until: time, using: &random)
            }
        }
        now = time
    }

    private mutating func step(
        _ index: Int, at moment: Int64, until time: Int64, using random: inout SeededGenerator
    ) {
        guard let last = runs[index].levels.last, last.atMilliseconds < moment else { return }
        switch Int.random(in: 0..<300, using: &random) {
        case 0: runs[index].endedAtMilliseconds = moment
        case 1..<4:
            runs[index].levels.append((moment, UInt64.random(in: 10...2_000, using: &random)))
        case 4 where moment + 20 < time:
            runs[index].levels.append((moment, UInt64.random(in: 500...9_000, using: &random)))
            runs[index].levels.append((moment + 20, last.kibibytes))
        default: break
        }
    }

    /// What an agent that starts now has seen: nothing.
    mutating func forgetSeen() {
        for index in runs.indices {
            runs[index].isStarted = false
            runs[index].seenKibibytes = nil
            runs[index].markReadAtMilliseconds = 0
        }
    }

    /// What a look finds now; marks are read of what changed, and of the rest now and then.
    mutating func look(since before: Int64, areExitsRecorded: Bool) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: now)
        for index in runs.indices {
            let run = runs[index]
            if run.endedAtMilliseconds <= now {
                guard run.isStarted || run.endedAtMilliseconds > before, !isGone(run, before) else {
                    continue
                }
                end(run, since: before, areExitsRecorded, in: &snapshot)
                runs[index].isStarted = false
            } else {
                if !run.isStarted { snapshot.started.append(started(run)) }
                runs[index].isStarted = true
                observe(index, in: &snapshot)
            }
        }
        return snapshot
    }

    private func isGone(_ run: Run, _ before: Int64) -> Bool {
        !run.isStarted && run.startedAtMilliseconds <= before
    }

    private func started(_ run: Run) -> StartedRun {
        var description = RunDescription(program: "p", comm: "p")
        description.startedAtMilliseconds = run.startedAtMilliseconds
        return StartedRun(key: run.key, description: description)
    }

    private func end(
        _ run: Run, since before: Int64, _ isRecorded: Bool, in snapshot: inout HostSnapshot
    ) {
        let mark = run.peakBytes(from: run.startedAtMilliseconds, through: now)
        let bracket = TimeBracket(
            notBeforeMilliseconds: isRecorded ? run.endedAtMilliseconds : before,
            notAfterMilliseconds: isRecorded ? run.endedAtMilliseconds : now)
        let ended = EndedRun(
            key: run.key, end: RunEnd(bracket: bracket, reason: .exited),
            record: isRecorded
                ? ExitFigures(markBytes: mark, processorMilliseconds: nil, faults: nil) : nil)
        if run.isStarted {
            snapshot.ended.append(ended)
        } else if isRecorded {
            snapshot.completed.append(CompletedRun(start: started(run), end: ended))
        }
    }

    private mutating func observe(_ index: Int, in snapshot: inout HostSnapshot) {
        let run = runs[index]
        let resident = run.residentKibibytes(at: now)
        let isMarkDue =
            now - run.markReadAtMilliseconds >= TrueMinutes.markIntervalMilliseconds
        guard resident != run.seenKibibytes || isMarkDue else { return }
        var observation = RunObservation(key: run.key)
        observation.residentBytes = resident << 10
        observation.markBytes = run.peakBytes(from: run.startedAtMilliseconds, through: now)
        snapshot.observed.append(observation)
        runs[index].seenKibibytes = resident
        runs[index].markReadAtMilliseconds = now
    }
}
