import MemoryModel
import PeakStore
import TestSupport

@testable import SQLiteStore

/// What a store should know of windows, kept plainly: every window and every watched minute that
/// was told, without packing, in any order.
struct WindowModel {
    /// The runs, by key.
    var runs: [RunKey: StoredRun] = [:]
    private var windows: [RunKey: [Int: Window]] = [:]
    private var covered: [BootID: Set<Int>] = [:]

    /// Takes in a batch.
    mutating func commit(_ batch: CommitBatch) {
        for run in batch.runs { runs[run.key] = run }
        for window in batch.windows {
            let number = WindowModel.number(window.startsAtMilliseconds)
            let known = windows[window.run]?[number]
            windows[window.run, default: [:]][number] =
                known?.merged(with: window.window) ?? window.window
        }
        for minute in batch.coverage {
            covered[minute.boot, default: []].insert(
                WindowModel.number(minute.startsAtMilliseconds))
        }
    }

    /// What a run held in each minute of a range.
    func minutes(of run: RunKey, _ range: Range<Int>) -> [(window: Window?, isWatched: Bool)] {
        var held: Window?
        var minutes: [(window: Window?, isWatched: Bool)] = []
        let watched = covered[run.boot] ?? []
        for number in 0..<range.upperBound {
            if let own = windows[run]?[number] {
                held = own
            } else if !watched.contains(number) || number > lastMinute(of: run) {
                held = nil
            }
            if range.contains(number) {
                minutes.append((held, held != nil || watched.contains(number)))
            }
        }
        return minutes
    }

    /// The greatest bounds of any run of a program in an hour.
    func hour(_ hour: Int, of program: RawText) -> Window? {
        var found: Window?
        for run in runs.values where run.record.description.program == program {
            for (window, _) in minutes(of: run.key, hour * 60..<hour * 60 + 60) {
                guard let window else { continue }
                found = found?.merged(with: window) ?? window
            }
        }
        return found
    }

    /// What the runs of a program held at most in each minute from the first on.
    func minutes(ofProgram program: RawText, count: Int) -> [Window?] {
        var found = [Window?](repeating: nil, count: count)
        for run in runs.values where run.record.description.program == program {
            for (index, (window, _)) in minutes(of: run.key, 0..<count).enumerated() {
                guard let window else { continue }
                found[index] = found[index]?.merged(with: window) ?? window
            }
        }
        return found
    }

    /// Whether anything of an hour was watched.
    func isWatched(hour: Int) -> Bool {
        let minutes = hour * 60..<hour * 60 + 60
        return covered.values.contains { $0.contains { minutes.contains($0) } }
            || windows.values.contains { $0.keys.contains { minutes.contains($0) } }
    }

    private func lastMinute(of run: RunKey) -> Int {
        guard let end = runs[run]?.record.end?.bracket?.notBeforeMilliseconds else { return .max }
        return WindowModel.number(end)
    }

    private static func number(_ milliseconds: Int64) -> Int {
        Int((milliseconds - minute(0)) / 60_000)
    }
}

/// A host's history of some hours as its agent would tell it: batches of a minute each.
struct RandomHistory {
    /// The runs, told first.
    private(set) var runs: [StoredRun] = []
    /// What is told of each watched minute.
    private(set) var batches: [CommitBatch] = []
    /// Hours of it.
    static let hours = 5
    /// How many hours lie from the beginning of one to that of the next.
    private let hoursApart: Int

    /// Makes one, with outages in which nobody watches, and as nobody does between hours apart.
    init(_ generator: inout SeededGenerator, hoursApart: Int = 1) {
        self.hoursApart = hoursApart
        for pid in 1...6 {
            var run = plainRun(pid: Int32(pid))
            run.record.description.program = RawText("p\(pid % 3)")
            if generator.one(in: 2) {
                let end = minute(place(Int.random(in: 60..<300, using: &generator)))
                run.record.end = RunEnd(
                    bracket: TimeBracket(
                        notBeforeMilliseconds: end, notAfterMilliseconds: end + 90_000),
                    reason: .exited, exitCode: 0, exitSignal: nil)
            }
            runs.append(run)
        }
        var last: [RunKey: Window] = [:]
        var outage = 0
        for number in 0..<RandomHistory.hours * 60 {
            if generator.one(in: 60) { outage = Int.random(in: 1..<80, using: &generator) }
            guard outage == 0 else {
                outage -= 1
                last = [:]
                continue
            }
            if hoursApart > 1, number % 60 == 0 { last = [:] }
            batches.append(batch(place(number), &last, &generator))
        }
    }

    /// The minute that is the one of this number among those that may be watched.
    private func place(_ number: Int) -> Int { number / 60 * 60 * hoursApart + number % 60 }

    private func batch(
        _ number: Int, _ last: inout [RunKey: Window], _ generator: inout SeededGenerator
    ) -> CommitBatch {
        var batch = CommitBatch()
        for run in runs {
            let end = run.record.end?.bracket?.notBeforeMilliseconds ?? .max
            guard minute(number) <= end, generator.one(in: 5) || last[run.key] == nil else {
                continue
            }
            let atLeast = UInt64.random(in: 1...5_000, using: &generator) * 1_024
            let window =
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: Window(atLeastBytes: atLeast, atMostBytes: nil)
                case 1: Window(atLeastBytes: atLeast, atMostBytes: atLeast)
                default: Window(atLeastBytes: atLeast, atMostBytes: atLeast + atLeast / 7)
                }
            if last[run.key] != window {
                batch.windows.append(
                    StoredWindow(
                        run: run.key, length: .minute, startsAtMilliseconds: minute(number),
                        window: window))
            }
            last[run.key] = window
        }
        batch.coverage = runs[0].coverage([number])
        return batch
    }
}
