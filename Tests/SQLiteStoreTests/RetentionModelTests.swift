import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Retention and purges against a plain model")
struct RetentionModelTests {
    /// Ten weeks after the history began, when even its stretch of days is over.
    private static let now = minute(70 * 24 * 60)
    private static let programs: [RawText] = ["p0", "p1", "p2"]
    /// The minutes from the first that is told to the last.
    private static let count = 45 * 60

    @Test(
        "Minutes, hours and days stand each as long as they are kept, wherever the cuts fall",
        arguments: WindowModelTests.seeds)
    func cuts(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var model = WindowModel()
        // Of one day three hours, of the next two.
        let history = RandomHistory(&generator, hoursApart: 11)
        for batch in [batch(history.runs)] + history.batches {
            try store.commit(batch)
            model.commit(batch)
        }
        let expected = RetentionModelTests.programs.map {
            model.minutes(ofProgram: $0, count: RetentionModelTests.count)
        }
        var cuts = Cuts()
        for round in 0..<6 {
            if round > 0 { cuts.advance(&generator, isLast: round == 5) }
            try store.maintainAll(at: RetentionModelTests.now, cuts.retention)
            for (program, minutes) in zip(RetentionModelTests.programs, expected) {
                try compare(store, program, minutes, cuts, "\(generator), \(cuts), \(program)")
            }
        }
    }

    /// Before which moments minutes, hours and days are gone.
    private struct Cuts {
        var minutes = 0
        var hours = 0
        var areDaysGone = false

        /// Moves them on; hours are kept at least as long as minutes.
        mutating func advance(_ generator: inout SeededGenerator, isLast: Bool) {
            let end = 3 * 24 * 60
            minutes = Int.random(in: minutes...end, using: &generator)
            hours = Int.random(in: hours...max(hours, minutes), using: &generator)
            guard isLast else { return }
            (minutes, hours, areDaysGone) = (end, end, true)
        }

        var retention: Retention {
            func kept(_ cut: Int) -> Int64 { RetentionModelTests.now - minute(cut) }
            return Retention(
                minutesMilliseconds: kept(minutes), hoursMilliseconds: kept(hours),
                daysMilliseconds: areDaysGone ? 0 : 1 << 50, runsMilliseconds: 1 << 50)
        }

        /// By what windows a minute is told; nil where nothing is kept of it.
        func length(of minute: Int) -> WindowLength? {
            if minute / 60 * 60 + 60 > minutes { return .minute }
            let day = 24 * 60
            if minute / day * day + day > hours { return .hour }
            return areDaysGone ? nil : .day
        }
    }

    private func compare(
        _ store: SQLiteStore, _ program: RawText, _ expected: [Window?], _ cuts: Cuts,
        _ comment: Comment
    ) throws {
        let points = try store.history(
            of: .program(program, on: nil), sinceMilliseconds: minute(0),
            untilMilliseconds: minute(3 * 24 * 60), length: .minute, limit: 10_000)
        var told = Set<Int>()
        for point in points {
            let first = Int((point.startsAtMilliseconds - minute(0)) / 60_000)
            let range = first..<first + Int(point.length.milliseconds / 60_000)
            guard let window = point.window else { continue }
            told.formUnion(range)
            let held = range.filter { $0 < expected.count }.compactMap { expected[$0] }
            guard let one = held.first else {
                Issue.record("\(point) of what nobody held; \(comment)")
                continue
            }
            let whole = held.dropFirst().reduce(one) { $0.merged(with: $1) }
            #expect(point.length == cuts.length(of: first), "\(point); \(comment)")
            // A lower bound may have been rounded down where it was packed, an upper one lost.
            let least = held.map { PackedMinutes.rounded($0).atLeastBytes }.max() ?? 0
            #expect(window.atLeastBytes >= least, "\(point); \(comment)")
            #expect(window.atLeastBytes <= whole.atLeastBytes, "\(point); \(comment)")
            let most = window.atMostBytes
            #expect(most == nil || most == whole.atMostBytes, "\(point); \(comment)")
        }
        for (minute, window) in expected.enumerated() where window != nil {
            let isKept = cuts.length(of: minute) != nil
            #expect(told.contains(minute) == isKept, "minute \(minute); \(comment)")
        }
    }

    @Test(
        "Each run keeps its peak with source and bracket, until a purge or its own age takes it",
        arguments: WindowModelTests.seeds)
    func peaks(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        var store = try SQLiteStore(dataDirectory: directory.data)
        let history = RandomHistory(&generator)
        var model = PeakModel()
        var first = batch(history.runs)
        // It is heard to the end, so that what lives is not taken for what a silent host left.
        var host = fullHost
        host.id = history.runs[0].host
        host.boot = history.runs[0].boot
        host.lastHeardAtMilliseconds = minute(1 << 20)
        first.hosts = [host]
        try store.commit(first)
        model.commit(history.runs)
        var counts = (purged: 0, aged: 0, kept: 0)
        for (index, plain) in history.batches.enumerated() {
            var batch = plain
            for run in history.runs where generator.one(in: 3) {
                batch.runs.append(run.withPeak(at: index, &generator))
            }
            try store.commit(batch)
            model.commit(batch.runs)
            guard generator.one(in: 8) else { continue }
            switch Int.random(in: 0..<3, using: &generator) {
            case 0:
                let first = Int.random(in: 0...index, using: &generator)
                let last = first + Int.random(in: 0..<30, using: &generator)
                let request = PurgeRequest(
                    host: history.runs[0].host, sinceMilliseconds: minute(first),
                    untilMilliseconds: minute(last))
                let outcome = try store.purge(request, nowMilliseconds: minute(index))
                let purged = model.purge(request)
                #expect(outcome.runs == purged, "\(generator)")
                counts.purged += purged
            case 1:
                var kept = Retention.usual
                kept.folding = nil
                kept.minutesMilliseconds = Int64.random(in: 0..<18_000_000, using: &generator)
                kept.hoursMilliseconds = Int64.random(in: 0..<86_400_000, using: &generator)
                kept.runsMilliseconds = Int64.random(in: 0..<18_000_000, using: &generator)
                let now = minute(Int.random(in: index..<index + 200, using: &generator))
                try store.maintainAll(at: now, kept)
                counts.aged += model.age(endedBefore: now - kept.runsMilliseconds)
            default:
                try store.close()
                store = try SQLiteStore(dataDirectory: directory.data)
            }
            let found = try store.runs(history.runs.map(\.key)).mapValues(\.record.peak)
            #expect(found == model.peaks, "\(generator), minute \(index)")
            counts.kept += found.values.count { $0 != nil }
        }
        #expect(counts.kept > 0, "\(generator)")
        // Of a drawn seed nothing is promised.
        #expect(seed > 8 || counts.purged + counts.aged > 0, "\(generator)")
    }
}

/// The peaks of runs, kept plainly.
private struct PeakModel {
    /// The peak of each run that is known.
    private(set) var peaks: [RunKey: Peak?] = [:]
    private var ends: [RunKey: Int64] = [:]
    private var purges: [PurgeRequest] = []

    mutating func commit(_ runs: [StoredRun]) {
        for run in runs {
            let peak = run.record.peak.flatMap { peak in
                purges.contains { $0.covers(peak.bracket) } ? nil : peak
            }
            peaks[run.key] = Peak.merged(peaks[run.key] ?? nil, peak)
            ends[run.key] = run.record.end?.bracket?.notAfterMilliseconds
        }
    }

    /// Takes peaks away, and says how many.
    mutating func purge(_ request: PurgeRequest) -> Int {
        purges.append(request)
        let keys = peaks.filter { request.covers($0.value?.bracket) }.keys
        for key in keys { peaks[key] = .some(nil) }
        return keys.count
    }

    /// Takes runs away, and says how many.
    mutating func age(endedBefore moment: Int64) -> Int {
        let keys = ends.filter { $0.value < moment }.keys
        for key in keys {
            peaks[key] = nil
            ends[key] = nil
        }
        return keys.count
    }
}

extension StoredRun {
    /// The same with a peak of about minute `number`, small enough that several runs share sizes.
    fileprivate func withPeak(at number: Int, _ generator: inout SeededGenerator) -> StoredRun {
        var run = self
        let at = minute(number) + Int64.random(in: 0..<60_000, using: &generator)
        run.record.peak = Peak(
            bytes: UInt64.random(in: 1...UInt64(20 + number), using: &generator) << 20,
            bracket: generator.one(in: 10)
                ? nil
                : TimeBracket(
                    notBeforeMilliseconds: at - Int64.random(in: 0..<90_000, using: &generator),
                    notAfterMilliseconds: at),
            source: PeakSource.allCases.randomElement(using: &generator) ?? .hwm)
        return run
    }
}
