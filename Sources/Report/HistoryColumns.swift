import MemoryModel

/// What a subject held over time, put into the columns of a plot.
struct HistoryColumns: Equatable {
    /// One column.
    struct Column: Equatable {
        /// It held this much at a moment of the column; nil where nothing is known.
        var atLeast: UInt64?
        /// It held no more than this; nil where that is not known.
        var atMost: UInt64?
        /// Whether any of it was watched.
        var isWatched = false
        /// Whether a window says anything of it, also that nobody watched.
        var isTold = false

        /// Whether it is known that nobody watched.
        var isUnwatched: Bool { isTold && !isWatched && atLeast == nil }
    }

    /// The columns, oldest first.
    private(set) var columns: [Column]
    /// The time that they show.
    let range: ClosedRange<Int64>

    /// Puts windows into `count` columns of equal time; a window counts in each that it overlaps.
    init(_ points: [HistoryPoint], in range: ClosedRange<Int64>, count: Int) {
        self.range = range
        columns = Array(repeating: Column(), count: max(1, count))
        for point in points {
            let begin = point.startsAtMilliseconds
            let (end, overflow) = begin.addingReportingOverflow(point.length.milliseconds)
            guard !overflow, begin <= range.upperBound, end > range.lowerBound else { continue }
            for index in index(of: begin)...index(of: end - 1) { columns[index].add(point) }
        }
    }

    /// Takes what windows say away from columns in which nobody watched, up to the last in which
    /// somebody did: what came after may not be told yet.
    mutating func keep(to watched: WatchedTime) {
        guard let end = watched.stretches.last?.upperBound else { return }
        let length = Double(range.upperBound.subtractingClamped(range.lowerBound))
        func moment(_ column: Int) -> Int64 {
            range.lowerBound + Int64(length * Double(column) / Double(columns.count))
        }
        for index in columns.indices {
            let part = moment(index)..<max(moment(index) + 1, moment(index + 1))
            guard part.upperBound <= end, watched.milliseconds(in: part) == 0 else { continue }
            columns[index] = Column(isTold: true)
        }
    }

    /// The column of a moment; one outside of the range is in the first or last.
    func index(of milliseconds: Int64) -> Int {
        let length = Double(range.upperBound.subtractingClamped(range.lowerBound))
        let offset = Double(
            min(max(milliseconds, range.lowerBound), range.upperBound)
                .subtractingClamped(range.lowerBound))
        guard length > 0 else { return 0 }
        return min(Int(offset / length * Double(columns.count)), columns.count - 1)
    }
}

extension HistoryColumns.Column {
    fileprivate mutating func add(_ point: HistoryPoint) {
        isTold = true
        isWatched = isWatched || point.isWatched
        guard let window = point.window else { return }
        // A column is as much as its largest window; where one has no upper bound, the others' is
        // still the best that is known.
        atLeast = max(atLeast ?? 0, window.atLeastBytes)
        if let bytes = window.atMostBytes { atMost = max(atMost ?? 0, bytes) }
        if let known = atMost, let least = atLeast, known < least { atMost = least }
    }
}
