/// What successive answers said of the memory of each process: the largest in each five seconds of
/// the last five minutes.
///
/// Kept in the client, so a screen that has just begun has none.
struct RunHistory: Equatable {
    /// How long one step is, in milliseconds.
    static let stepMilliseconds: Int64 = 5_000
    /// How many steps are kept.
    static let stepCount = 60
    /// How many processes are followed at most; those that are no longer told of go first.
    static let maximumSeries = 20_000
    /// How long ago a change is looked for.
    static let changeMilliseconds: Int64 = 60_000

    /// The steps of one process, in KiB.
    private struct Series: Equatable {
        /// The latest step; the value of a step is that of the one before where nothing was told.
        var step: Int64
        var kibibytes: [UInt32]
        var toldAt: Int64
    }

    private var series: [String: Series] = [:]
    /// When the first rows were told.
    private var beganAt: Int64?

    /// Takes in what `rows` hold now; `now` is a time that does not fall.
    mutating func record(_ rows: [ProcessRow], atMilliseconds now: Int64) {
        let step = now / RunHistory.stepMilliseconds
        beganAt = beganAt ?? now
        for row in rows {
            guard let bytes = row.residentBytes else { continue }
            let value = UInt32(clamping: bytes >> 10)
            if var known = series.removeValue(forKey: row.runID) {
                RunHistory.add(value, at: step, to: &known)
                known.toldAt = now
                series[row.runID] = known
            } else if series.count < RunHistory.maximumSeries {
                series[row.runID] = Series(step: step, kibibytes: [value], toldAt: now)
            }
        }
        forgetOld(now)
    }

    private static func add(_ value: UInt32, at step: Int64, to known: inout Series) {
        let last = known.kibibytes.last ?? value
        let missed = min(max(0, step - known.step), Int64(stepCount))
        if missed == 0 {
            known.kibibytes[known.kibibytes.count - 1] = max(last, value)
        } else {
            known.kibibytes += Array(repeating: last, count: Int(missed) - 1) + [value]
            known.step = step
        }
        known.kibibytes.removeFirst(max(0, known.kibibytes.count - stepCount))
    }

    private mutating func forgetOld(_ now: Int64) {
        let oldest = now - RunHistory.stepMilliseconds * Int64(RunHistory.stepCount)
        if series.values.contains(where: { $0.toldAt < oldest }) || isFull {
            let limit = isFull ? now : oldest
            series = series.filter { $0.value.toldAt >= limit }
        }
    }

    private var isFull: Bool { series.count >= RunHistory.maximumSeries }

    /// The last steps of a run in KiB, the oldest first, at most `count`.
    func steps(of run: String, count: Int) -> [UInt32] {
        Array((series[run]?.kibibytes ?? []).suffix(max(0, count)))
    }

    /// How far back changes are known after so long a watch; nil where two steps were not seen.
    func changeMilliseconds(at now: Int64) -> Int64? {
        let watched = beganAt.map { now - $0 } ?? 0
        guard watched >= 2 * RunHistory.stepMilliseconds else { return nil }
        return min(watched, RunHistory.changeMilliseconds)
    }

    /// By how many bytes a run that holds `bytes` now has grown in the last minute; nil where
    /// less than two steps are known.
    func change(of row: ProcessRow) -> Int64? {
        guard let bytes = row.residentBytes, let known = series[row.runID],
            known.kibibytes.count > 1
        else { return nil }
        let steps = Int(RunHistory.changeMilliseconds / RunHistory.stepMilliseconds)
        let before = known.kibibytes.suffix(steps + 1).first ?? 0
        return Int64(clamping: bytes) - Int64(before) << 10
    }
}
