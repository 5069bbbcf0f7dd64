import MemoryModel

/// Puts windows together to what something held within a range of time.
struct RangeOfWindows {
    /// The beginning, in milliseconds of UTC.
    let since: Int64
    /// The end, itself not included.
    let until: Int64
    /// What it held; nil as long as no window overlapped the range.
    private(set) var found: RangedWindow?

    /// Nothing yet.
    init(since: Int64, until: Int64) {
        self.since = since
        self.until = until
    }

    /// Takes in a window; of one that overlaps an edge of the range only the upper bound counts.
    mutating func add(_ window: Window, startsAt start: Int64, length: WindowLength) {
        let end = start + length.milliseconds
        guard start < until, end > since else { return }
        let isInside = start >= since && end <= until
        let counted =
            isInside ? window : Window(atLeastBytes: 0, atMostBytes: window.atMostBytes)
        guard var known = found else {
            found = RangedWindow(window: counted, startsAtMilliseconds: start, length: length)
            return
        }
        if counted.atLeastBytes > known.window.atLeastBytes {
            known.startsAtMilliseconds = start
            known.length = length
        }
        known.window = known.window.merged(with: counted)
        found = known
    }
}
