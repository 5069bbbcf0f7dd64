public import MemoryModel

/// The greatest sum of one subject on one host in one hour, as views take it in.
public struct ReportedTotal: Hashable, Sendable {
    /// The host.
    public var host: HostID
    /// Its boot then, which the runs of the composition belong to.
    public var boot: BootID
    /// What the sum is made over.
    public var subject: TotalSubject
    /// When the hour began, in milliseconds since the epoch in UTC.
    public var hourMilliseconds: Int64
    /// The greatest sum, its time in UTC.
    public var peak: TotalPeak

    /// How long an hour is.
    public static let hourLengthMilliseconds: Int64 = 3_600_000

    /// Takes the parts as they are.
    public init(
        host: HostID, boot: BootID, subject: TotalSubject, hourMilliseconds: Int64,
        peak: TotalPeak
    ) {
        self.host = host
        self.boot = boot
        self.subject = subject
        self.hourMilliseconds = hourMilliseconds
        self.peak = peak
    }
}

extension ReportedTotal {
    /// Whether its hour has a moment of the range in it.
    func overlaps(_ range: ClosedRange<Int64>) -> Bool {
        let (end, overflow) = hourMilliseconds.addingReportingOverflow(
            ReportedTotal.hourLengthMilliseconds)
        return hourMilliseconds <= range.upperBound && (overflow || end > range.lowerBound)
    }

    /// Whether the moment of the peak is known to lie in the range.
    func isMoment(in range: ClosedRange<Int64>) -> Bool {
        if let at = peak.atMilliseconds { return range.contains(at) }
        let last = hourMilliseconds.addingReportingOverflow(
            ReportedTotal.hourLengthMilliseconds - 1)
        return range.contains(hourMilliseconds) && !last.overflow
            && range.contains(last.partialValue)
    }
}

/// The most that the processes of a subject held together.
struct PeakOfSum: Equatable {
    var bytes: UInt64
    /// Whether it may be less: the moment is not known to be in the range, or the greatest sums of
    /// several hosts were added up, which need not have been there at one time.
    var isUpperBound: Bool
}

/// What hourly totals say of a range of time.
struct PeaksOfSums {
    private struct Hour {
        var bytes: UInt64
        var contributors: Int
        var isMomentInRange: Bool
    }

    private struct Place: Hashable {
        var subject: TotalSubject
        /// The host of what belongs to one host; nil for what is summed over hosts.
        var host: HostID?
    }

    private struct Key: Hashable {
        var host: HostID
        var subject: TotalSubject
        var hour: Int64
    }

    private var hours: [Place: [Int64: Hour]] = [:]
    /// The hosts whose agents keep sums.
    private(set) var keepers: Set<HostID> = []

    /// Takes in the totals that overlap the range; each host has one for a subject and hour, or
    /// several of which the greatest counts.
    init(_ totals: [ReportedTotal], of hosts: Set<HostID>, in range: ClosedRange<Int64>) {
        var greatest: [Key: ReportedTotal] = [:]
        for total in totals where hosts.contains(total.host) && total.overlaps(range) {
            keepers.insert(total.host)
            let key = Key(host: total.host, subject: total.subject, hour: total.hourMilliseconds)
            if let known = greatest[key], !(known.peak < total.peak) { continue }
            greatest[key] = total
        }
        for total in greatest.values { add(total, in: range) }
    }

    private mutating func add(_ total: ReportedTotal, in range: ClosedRange<Int64>) {
        let isOfHost = total.subject.kind == .host || total.subject.kind == .hostUsed
        let place = Place(subject: total.subject, host: isOfHost ? total.host : nil)
        let hour = Hour(
            bytes: total.peak.bytes, contributors: 1, isMomentInRange: total.isMoment(in: range))
        guard let known = hours[place]?[total.hourMilliseconds] else {
            hours[place, default: [:]][total.hourMilliseconds] = hour
            return
        }
        hours[place]?[total.hourMilliseconds] = Hour(
            bytes: known.bytes.addingClamped(hour.bytes),
            contributors: known.contributors + 1,
            isMomentInRange: known.isMomentInRange && hour.isMomentInRange)
    }

    /// The greatest sum of `subject`; nil where none is known.
    ///
    /// `host` is of whom it is asked; nil for a subject that several hosts may have.
    func peak(of subject: TotalSubject, on host: HostID? = nil) -> PeakOfSum? {
        guard let hours = hours[Place(subject: subject, host: host)] else { return nil }
        // What one host held at one time in the range was held, whatever the others did.
        func isExact(_ hour: Hour) -> Bool { hour.contributors == 1 && hour.isMomentInRange }
        let greatest = hours.values.max {
            ($0.bytes, isExact($0) ? 1 : 0) < ($1.bytes, isExact($1) ? 1 : 0)
        }
        return greatest.map { PeakOfSum(bytes: $0.bytes, isUpperBound: !isExact($0)) }
    }
}

extension ReportQuery {
    /// The kinds of totals that a report needs.
    public var totalKinds: Set<TotalKind> {
        switch grouping {
        case .run, .command, .executable, .unit, .container, .label: []
        case .program: [.program, .host]
        case .user: [.user, .host]
        case .cgroup: [.cgroup, .host]
        case .host: [.host, .hostUsed]
        }
    }

    /// The kind of what the rows stand for; nil where no sum is kept of it.
    var subjectKind: TotalKind? {
        switch grouping {
        case .run, .command, .executable, .unit, .container, .label: nil
        case .program: .program
        case .user: .user
        case .cgroup: .cgroup
        case .host: .host
        }
    }

    /// Whether a filter leaves out some of a row's runs, so that the sum of all of them is not the
    /// sum of those shown.
    var isCuttingThroughSubjects: Bool {
        minimumPeakBytes > 0 || (user != nil && grouping != .user)
            || patterns.keys.contains { field in
                !(field == .program && grouping == .program)
                    && !(field == .cgroup && grouping == .cgroup)
            }
    }

    /// The range; open ends reach as far as time does.
    var range: ClosedRange<Int64> {
        let since = sinceMilliseconds ?? .min
        return since...max(since, untilMilliseconds ?? .max)
    }
}
