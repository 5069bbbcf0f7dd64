import MemoryModel

/// Which minute of UTC is open, when it is over, and whether it was watched throughout.
///
/// One look falls on each minute's edge. It belongs to both minutes: what it sees is the end of
/// the one and the beginning of the other. A look that comes later belongs to the later minute
/// alone, and where none came within a whole minute nobody watched it.
struct WatchedMinutes {
    /// A minute that is over.
    struct Closed: Hashable {
        /// Where it begins, in milliseconds of boot time; below zero if the boot was later.
        var startsAtMilliseconds: Int64
        /// Whether the agent watched it from its beginning to its end.
        var isWatched: Bool
        /// Whether the windows of all runs are told, because silence would have nothing to refer
        /// to.
        var isWhole: Bool
    }

    /// What a look means for the minutes.
    struct Look: Hashable {
        /// A minute that was over before this look; what is seen now is not of it.
        var closedBefore: Closed?
        /// A minute that is over with this look; what is seen now is of it and of the next.
        var closesAfter = false
    }

    /// How long after an edge a look still counts as one at the edge.
    static let toleranceMilliseconds: Int64 = 100
    /// How long before an edge a look counts so: a timer may come early, and a clock is corrected
    /// by some milliseconds now and then.
    static let earlinessMilliseconds: Int64 = 20
    /// A wall clock that moved by more than this was set.
    private static let maximumCorrectionMilliseconds: Int64 = 1_000

    /// How many minutes back a mark may turn out to have risen.
    private static let maximumClosedStarts = 4
    private static let minute = WindowLength.minute.milliseconds

    /// Where the open minute begins, in milliseconds of boot time; nil before the first look.
    private(set) var startsAtMilliseconds: Int64?
    /// When the first look was.
    private(set) var firstLookAtMilliseconds: Int64 = 0
    private var utcStart: Int64 = 0
    private var offset: Int64 = 0
    private var isWatchedFromStart = false
    /// Whether the windows of all runs are told with the open minute.
    private(set) var isWhole = true
    /// Where the latest minutes began that are over, in boot time, the last one at the end.
    private(set) var closedStarts: [Int64] = []

    /// Takes note that another store is told from now on, which does not get all of the open
    /// minute: for it that was not watched, and all runs are told.
    mutating func storeChanged() {
        isWatchedFromStart = false
        isWhole = true
    }

    /// Has the windows of all runs told with the open minute.
    mutating func tellWhole() { isWhole = true }

    /// Takes note of a look that is about to be taken in.
    mutating func beginLook(
        atMilliseconds now: Int64, wallMinusBootMilliseconds offset: Int64
    ) -> Look {
        guard startsAtMilliseconds != nil else {
            firstLookAtMilliseconds = now
            open(at: now, offset)
            return Look()
        }
        let isClockSet =
            abs(offset &- self.offset) > WatchedMinutes.maximumCorrectionMilliseconds
        if isClockSet {
            let closed = close(isWatched: false)
            open(at: now, offset)
            return Look(closedBefore: closed)
        }
        self.offset = offset
        let lateness = now &+ offset &- utcStart &- WatchedMinutes.minute
        if lateness < -WatchedMinutes.earlinessMilliseconds { return Look() }
        if lateness <= WatchedMinutes.toleranceMilliseconds { return Look(closesAfter: true) }
        let isNext = lateness < WatchedMinutes.minute
        let closed = close(isWatched: isNext && isWatchedFromStart)
        if isNext { next() } else { open(at: now, offset) }
        return Look(closedBefore: closed)
    }

    /// Ends the open minute at its edge, where the look just taken in was.
    mutating func closeAtEdge() -> Closed? {
        guard startsAtMilliseconds != nil else { return nil }
        let closed = close(isWatched: isWatchedFromStart)
        next()
        return closed
    }

    /// Ends the open minute before its edge, because the agent stops; nobody watches the rest.
    mutating func closeEarly() -> Closed? {
        startsAtMilliseconds == nil ? nil : close(isWatched: false)
    }

    private mutating func close(isWatched: Bool) -> Closed {
        let closed = Closed(
            startsAtMilliseconds: startsAtMilliseconds ?? 0, isWatched: isWatched, isWhole: isWhole)
        isWhole = !isWatched
        closedStarts.append(closed.startsAtMilliseconds)
        if closedStarts.count > WatchedMinutes.maximumClosedStarts { closedStarts.removeFirst() }
        return closed
    }

    /// Opens the minute that follows.
    private mutating func next() {
        utcStart += WatchedMinutes.minute
        startsAtMilliseconds = utcStart &- offset
        isWatchedFromStart = true
    }

    /// Opens the minute in which a look lies that none led to.
    private mutating func open(at now: Int64, _ offset: Int64) {
        self.offset = offset
        utcStart = WindowLength.minute.start(
            of: now &+ offset &+ WatchedMinutes.earlinessMilliseconds)
        startsAtMilliseconds = utcStart &- offset
        isWatchedFromStart =
            now &+ offset &- utcStart <= WatchedMinutes.toleranceMilliseconds
        isWhole = true
    }

    /// Where the minute begins in which a time of this boot lies, in boot time.
    func start(of time: Int64) -> Int64 {
        let known = (closedStarts + [startsAtMilliseconds].compactMap { $0 }).last {
            $0 - WatchedMinutes.earlinessMilliseconds <= time
        }
        if let known, time - known < WatchedMinutes.minute { return known }
        return computedStart(of: time)
    }

    /// Where the hour begins in which a time of this boot lies, in boot time.
    func hourStart(of time: Int64) -> Int64 {
        let wall = time &+ offset &+ WindowLength.minute.milliseconds / 2
        return WindowLength.hour.start(of: wall) &- offset
    }

    private func computedStart(of time: Int64) -> Int64 {
        WindowLength.minute.start(of: time &+ offset) &- offset
    }
}
