/// The lower edge of a plot, with local times below it.
struct TimeAxis {
    /// The edge, with a sign at each time that is named.
    private(set) var line: String
    /// The times.
    private(set) var labels: String

    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 86_400_000

    /// The lengths from one named time to the next.
    private static let steps: [Int64] =
        [1_000, 5_000, 15_000, 30_000]
        + [1, 2, 5, 10, 15, 30].map { $0 * minute } + [1, 2, 3, 6, 12].map { $0 * hour }
        + [1, 2, 7, 14, 30, 60, 90, 180, 365].map { $0 * day }
    /// The least that lies between the beginnings of two labels, in columns.
    private static let spacing = 11

    /// The edge below `columnCount` columns that show `range`.
    init(range: ClosedRange<Int64>, columnCount: Int, style: TextStyle) {
        let length = Double(range.upperBound.subtractingClamped(range.lowerBound))
        let rough = length / Double(columnCount) * Double(TimeAxis.spacing)
        let step = TimeAxis.steps.first { Double($0) >= rough } ?? TimeAxis.steps.last ?? 1
        let offset = Int64(style.utcOffsetSeconds) * 1_000
        var edge = [String](
            repeating: style.unicode ? "\u{2500}" : "-", count: columnCount)
        var text = ""
        var time = TimeAxis.next(range.lowerBound, step, offset)
        while time <= range.upperBound {
            let share = Double(time.subtractingClamped(range.lowerBound)) / length
            let column = min(Int(share * Double(columnCount)), columnCount - 1)
            edge[column] = style.unicode ? "\u{252C}" : "+"
            let label = TimeAxis.label(time, step, style)
            let start = max(0, min(column, columnCount - label.utf8.count))
            if text.isEmpty || start > text.utf8.count {
                text += String(repeating: " ", count: start - text.utf8.count) + label
            }
            let (following, overflow) = time.addingReportingOverflow(step)
            guard !overflow else { break }
            time = following
        }
        line = edge.joined()
        labels = text
    }

    /// The first local multiple of `step` at `time` or later.
    private static func next(_ time: Int64, _ step: Int64, _ offset: Int64) -> Int64 {
        let (local, overflow) = time.addingReportingOverflow(offset)
        guard !overflow else { return time }
        let rest = local % step
        let wait = rest == 0 ? 0 : rest > 0 ? step - rest : -rest
        return time.addingReportingOverflow(wait).partialValue
    }

    /// A time of day, or the day where one begins.
    private static func label(_ time: Int64, _ step: Int64, _ style: TextStyle) -> String {
        guard
            let civil = CivilTime(milliseconds: time, utcOffsetSeconds: style.utcOffsetSeconds)
        else { return "?" }
        let isMidnight = civil.hour == 0 && civil.minute == 0 && civil.second == 0
        if step >= day || isMidnight {
            return "\(TextStyle.months[Int(civil.month) - 1]) \(civil.day)"
        }
        return step < minute ? civil.clock : String(civil.clock.prefix(5))
    }
}
