/// When a screen asks its source, and for how long that has not answered.
///
/// One request is under way at a time; one that takes long is followed by a pause of four times as
/// long, so that a screen never takes more than a fifth of a collector. After a failure the pauses
/// grow to 10 seconds.
struct Pace: Equatable {
    let intervalMilliseconds: Int64
    /// The longest pause after a failure.
    static let maximumPauseMilliseconds: Int64 = 10_000
    /// How often a page is asked for anew.
    static let pageMilliseconds: Int64 = 5_000
    /// Without an answer for so long beyond the interval, the source is lost.
    static let patienceMilliseconds: Int64 = 5_000

    private(set) var isFree = true
    private var dueAt: Int64
    private var pageDueAt: Int64
    private var partDueAt: [FleetPart: Int64] = [:]
    private var failureCount = 0
    /// Whether somebody wants more than what was asked for last.
    private var isHurried = false
    /// Why the last request was not answered; nil if it was.
    private(set) var reason: String?
    /// When the last answer came; before the first, when the screen began.
    private(set) var answeredAt: Int64
    private(set) var hasAnswer = false

    init(intervalMilliseconds: Int64, now: Int64) {
        self.intervalMilliseconds = intervalMilliseconds
        dueAt = now
        pageDueAt = now
        answeredAt = now
    }

    /// Whether the last request failed.
    var isLost: Bool { reason != nil }

    /// When the next request is due; it may be long past.
    var dueAtMilliseconds: Int64 { max(0, dueAt) }

    func isDue(_ now: Int64) -> Bool { now >= dueAt }
    func isDue(_ part: FleetPart, _ now: Int64) -> Bool { now >= partDueAt[part] ?? now }
    func isPageDue(_ now: Int64) -> Bool { now >= pageDueAt }

    /// For how long nothing was heard; nil as long as that is nothing to speak of.
    func silence(_ now: Int64) -> Int64? {
        let silence = now - answeredAt
        let isLong = silence >= intervalMilliseconds + Pace.patienceMilliseconds
        return isLost || (isLong && !isFree) ? silence : nil
    }

    mutating func asked(_ request: FleetRequest, now: Int64) {
        isFree = false
        isHurried = false
        for part in request.parts where part != .processes {
            partDueAt[part] = now + max(intervalMilliseconds, Screen.slowMilliseconds)
        }
        if request.pageRunID != nil { pageDueAt = now + Pace.pageMilliseconds }
    }

    mutating func answered(tookMilliseconds took: Int64, now: Int64) {
        isFree = true
        hasAnswer = true
        reason = nil
        failureCount = 0
        answeredAt = now
        dueAt = isHurried ? now : now + max(intervalMilliseconds - took, took * 4)
    }

    mutating func failed(_ reason: String, now: Int64) {
        isFree = true
        self.reason = reason
        partDueAt = [:]
        failureCount = min(failureCount + 1, 8)
        dueAt = now + min(Pace.maximumPauseMilliseconds, 500 << Int64(failureCount))
    }

    /// Has everything asked for at once.
    mutating func hurry() {
        guard !isLost else { return }
        isHurried = true
        dueAt = .min
        pageDueAt = .min
        partDueAt = [:]
    }
}
