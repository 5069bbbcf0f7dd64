public import MemoryModel

/// Keeps a store small in the background: packs, sums up and removes what is old.
///
/// All times are milliseconds since the epoch in UTC. Every method may block on a disk; they belong
/// on the thread that commits.
public protocol StoreMaintaining: Sendable {
    /// Takes one small step, of some tens of milliseconds, in a transaction of its own.
    ///
    /// Commits may go on between two calls; a crash between them loses and doubles nothing. Throws
    /// as a commit does.
    func maintain(nowMilliseconds: Int64, retention: Retention) throws -> MaintenanceOutcome

    /// Has the steps to come look for what no index finds, which they do once a day else.
    func sweepSoon() throws

    /// What would be removed now, without removing it, but for names and hosts.
    func removable(nowMilliseconds: Int64, retention: Retention) throws -> MaintenanceCounts

    /// How much room in the file is free to be used again, in bytes.
    func reusableBytes() throws -> UInt64
}

/// For how long what is kept.
public struct Retention: Hashable, Sendable {
    /// What runs held in each minute, in milliseconds.
    public var minutesMilliseconds: Int64
    /// What programs held in each hour, and the sums of users, programs and cgroups.
    public var hoursMilliseconds: Int64
    /// What programs held in each day, and the sums of hosts.
    public var daysMilliseconds: Int64
    /// Runs after their end, and folds, kills, gaps and cgroups that were not seen since.
    public var runsMilliseconds: Int64
    /// Which of the runs do not stay themselves when their minutes go; nil for none.
    public var folding: FoldingRule?

    /// Takes all of them.
    public init(
        minutesMilliseconds: Int64, hoursMilliseconds: Int64, daysMilliseconds: Int64,
        runsMilliseconds: Int64, folding: FoldingRule? = nil
    ) {
        self.folding = folding
        self.minutesMilliseconds = minutesMilliseconds
        self.hoursMilliseconds = hoursMilliseconds
        self.daysMilliseconds = daysMilliseconds
        self.runsMilliseconds = runsMilliseconds
    }

    /// 48 hours of minutes, 60 days of hours, 2 years of days, runs for 90 days.
    public static let usual = Retention(
        minutesMilliseconds: 48 * WindowLength.hour.milliseconds,
        hoursMilliseconds: 60 * WindowLength.day.milliseconds,
        daysMilliseconds: 730 * WindowLength.day.milliseconds,
        runsMilliseconds: 90 * WindowLength.day.milliseconds, folding: .usual)
}

/// Which runs a store folds: ended ones that were both small and short.
public struct FoldingRule: Hashable, Sendable {
    /// Their peak was less than this, in bytes.
    public var belowBytes: UInt64
    /// They lived for less than this, in milliseconds.
    public var shorterMilliseconds: Int64

    /// Takes both.
    public init(belowBytes: UInt64, shorterMilliseconds: Int64) {
        self.belowBytes = belowBytes
        self.shorterMilliseconds = shorterMilliseconds
    }

    /// Below 16 MiB and shorter than 10 seconds.
    public static let usual = FoldingRule(
        belowBytes: 16 << 20, shorterMilliseconds: 10_000)
}

/// What a step of maintenance did.
public struct MaintenanceOutcome: Hashable, Sendable {
    /// How much of what.
    public var counts = MaintenanceCounts()
    /// Whether another step should follow soon.
    public var isMoreDue = false
    /// Hours whose minutes are damaged on the disk; they stay as they are.
    public var damagedHours: [DamagedHour] = []
    /// Days, or stretches of 32 days, of which what programs held is damaged on the disk.
    ///
    /// As long as they stay no name is removed. Each is told of once.
    public var damagedStretches: [DamagedHour] = []
    /// Hosts that were removed, as nothing of them was left.
    public var removedHosts: [HostID] = []
    /// Hours that had more runs than their minutes are kept of.
    public var cutHours: [CutHour] = []

    /// Nothing was done.
    public init() {}
}

/// An hour of which the minutes of some runs found no room, those that held least.
public struct CutHour: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// When it began, in milliseconds since the epoch in UTC.
    public var startsAtMilliseconds: Int64
    /// Of how many runs.
    public var leftOutRuns: Int

    /// Takes all of it.
    public init(host: HostID, startsAtMilliseconds: Int64, leftOutRuns: Int) {
        self.host = host
        self.startsAtMilliseconds = startsAtMilliseconds
        self.leftOutRuns = leftOutRuns
    }
}

/// An hour, or a longer stretch, that cannot be read.
public struct DamagedHour: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// When it began, in milliseconds since the epoch in UTC.
    public var startsAtMilliseconds: Int64
    /// What is wrong.
    public var reason: String

    /// Takes all of it.
    public init(host: HostID, startsAtMilliseconds: Int64, reason: String) {
        self.host = host
        self.startsAtMilliseconds = startsAtMilliseconds
        self.reason = reason
    }
}

/// How much maintenance packed and removed.
public struct MaintenanceCounts: Hashable, Sendable {
    /// Hours of hosts whose minutes were packed.
    public var packedHours = 0
    /// Hours of hosts whose minutes were removed.
    public var minuteHours = 0
    /// Days of hosts whose hours were removed.
    public var hourDays = 0
    /// Stretches of 32 days of hosts whose days were removed.
    public var dayStretches = 0
    /// Runs that were removed.
    public var runs = 0
    /// Folds that were removed.
    public var folds = 0
    /// Sums by hour that were removed.
    public var totals = 0
    /// Kills, gaps and cgroups that were removed.
    public var facts = 0
    /// Names that nothing referred to any more and that were removed.
    public var names = 0
    /// Hosts of which nothing was left and that were removed.
    public var hosts = 0
    /// Runs that became parts of folds.
    public var foldedRuns = 0

    /// Nothing.
    public init() {}

    /// Adds what another step did.
    public mutating func add(_ other: MaintenanceCounts) {
        packedHours += other.packedHours
        minuteHours += other.minuteHours
        hourDays += other.hourDays
        dayStretches += other.dayStretches
        runs += other.runs
        folds += other.folds
        totals += other.totals
        facts += other.facts
        foldedRuns += other.foldedRuns
        names += other.names
        hosts += other.hosts
    }

    /// Whether anything was removed.
    public var hasRemoved: Bool {
        [
            minuteHours, hourDays, dayStretches, runs, folds, totals, facts, foldedRuns, names,
            hosts,
        ].contains { $0 > 0 }
    }
}
