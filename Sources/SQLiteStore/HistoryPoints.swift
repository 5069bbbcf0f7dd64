import MemoryModel

/// Puts windows together to points of a subject's past.
///
/// Where a longer window is all there is of a stretch, one point of its length stands there.
struct HistoryPoints {
    /// How long points are where such windows are left.
    let length: WindowLength
    private var windows: [Int64: Window] = [:]
    private var watched: Set<Int64> = []
    private var longer: [Stretch: Held] = [:]

    private struct Stretch: Hashable {
        var start: Int64
        var length: WindowLength
    }

    private struct Held {
        var window: Window?
        var isWatched: Bool
    }

    /// No points yet.
    init(length: WindowLength) {
        self.length = length
    }

    /// Takes in a window that begins then; `size` is how long it is.
    mutating func add(_ window: Window, at start: Int64, length size: WindowLength) {
        guard size <= length else {
            return addStretch(window, at: start, length: size, isWatched: true)
        }
        let point = length.start(of: start)
        windows[point] = HistoryPoints.merged(windows[point], window)
        watched.insert(point)
    }

    /// Takes note that a minute was watched.
    mutating func noteWatched(at milliseconds: Int64) {
        watched.insert(length.start(of: milliseconds))
    }

    /// Takes in what is known of a stretch of which nothing finer is left.
    mutating func addStretch(
        _ window: Window?, at start: Int64, length size: WindowLength, isWatched: Bool
    ) {
        guard size > length else {
            if let window { add(window, at: start, length: size) }
            if isWatched { noteWatched(at: start) }
            return
        }
        let stretch = Stretch(start: start, length: size)
        var held = longer[stretch] ?? Held(window: nil, isWatched: false)
        if let window { held.window = HistoryPoints.merged(held.window, window) }
        held.isWatched = held.isWatched || isWatched
        longer[stretch] = held
    }

    /// The points that overlap the range, oldest first, at most `limit` of them, the latest ones.
    func points(since: Int64, until: Int64, limit: Int) -> [HistoryPoint] {
        guard since < until else { return [] }
        var points: [HistoryPoint] = []
        var end = until
        while end > since, points.count < limit {
            let point = point(at: end - 1)
            points.append(point)
            end = point.startsAtMilliseconds
        }
        return points.reversed()
    }

    private func point(at milliseconds: Int64) -> HistoryPoint {
        for size in [WindowLength.day, .hour] where size > length {
            let start = size.start(of: milliseconds)
            if let held = longer[Stretch(start: start, length: size)] {
                return longPoint(held, at: start, length: size)
            }
        }
        let start = length.start(of: milliseconds)
        return HistoryPoint(
            startsAtMilliseconds: start, length: length, window: windows[start],
            isWatched: watched.contains(start))
    }

    /// A point of a stretch, with what is known of finer ones in it.
    private func longPoint(
        _ held: Held, at start: Int64, length size: WindowLength
    ) -> HistoryPoint {
        var (window, isWatched) = (held.window, held.isWatched)
        let end = start + size.milliseconds
        for at in stride(from: start, to: end, by: Int(length.milliseconds)) {
            if let finer = windows[at] { window = HistoryPoints.merged(window, finer) }
            isWatched = isWatched || watched.contains(at)
        }
        return HistoryPoint(
            startsAtMilliseconds: start, length: size, window: window, isWatched: isWatched)
    }

    private static func merged(_ known: Window?, _ other: Window) -> Window {
        known.map { $0.merged(with: other) } ?? other
    }
}
