import MemoryModel
import PeakStore

@testable import SQLiteStore

/// A moment so many minutes after an hour of 2023 began, in milliseconds of UTC.
func minute(_ minute: Int) -> Int64 { 1_700_006_400_000 + Int64(minute) * 60_000 }

extension StoredRun {
    /// The window of minute `number`.
    func window(
        _ number: Int, _ atLeast: UInt64, _ atMost: UInt64?, length: WindowLength = .minute
    ) -> StoredWindow {
        StoredWindow(
            run: key, length: length, startsAtMilliseconds: minute(number),
            window: Window(atLeastBytes: atLeast, atMostBytes: atMost))
    }

    /// That an agent watched these minutes of its boot.
    func coverage(_ numbers: some Sequence<Int>) -> [StoredCoverage] {
        numbers.map {
            StoredCoverage(
                host: host, boot: boot, startsAtMilliseconds: minute($0), liveCount: 1)
        }
    }
}

extension CommitBatch {
    /// A batch of runs, windows and watched minutes.
    init(
        runs: [StoredRun] = [], windows: [StoredWindow] = [], coverage: [StoredCoverage] = []
    ) {
        self.init()
        self.runs = runs
        self.windows = windows
        self.coverage = coverage
    }
}

extension SQLiteStore {
    /// What a subject held in each minute from `first` to the one before `end`: the lower bound in
    /// bytes, "-" where it held nothing and "?" where nobody watched.
    func minutes(of subject: HistorySubject, _ first: Int, _ end: Int) throws -> String {
        try history(
            of: subject, sinceMilliseconds: minute(first), untilMilliseconds: minute(end),
            length: .minute, limit: 10_000
        ).map { point in
            let text = point.window.map { String($0.atLeastBytes) } ?? "-"
            return point.isWatched ? text : "?"
        }.joined(separator: " ")
    }
}

extension SQLiteStore {
    /// Takes steps until nothing is left to do.
    func maintainAll(at now: Int64, _ retention: Retention) throws {
        while try maintain(nowMilliseconds: now, retention: retention).isMoreDue {}
    }
}
