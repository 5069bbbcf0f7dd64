public import MemoryModel

/// The time of one host that agents watched.
public struct WatchedTime: Hashable, Sendable {
    /// In milliseconds since the epoch in UTC, oldest first, none touching another.
    public private(set) var stretches: [Range<Int64>] = []

    /// None.
    public init() {}

    /// Adds a stretch that begins no earlier than those that are there.
    public mutating func add(_ stretch: Range<Int64>) {
        guard !stretch.isEmpty else { return }
        if let last = stretches.last, stretch.lowerBound <= last.upperBound {
            let end = max(last.upperBound, stretch.upperBound)
            stretches[stretches.count - 1] = last.lowerBound..<end
        } else {
            stretches.append(stretch)
        }
    }

    /// How long it is, in milliseconds.
    public var milliseconds: Int64 { milliseconds(in: .min ..< .max) }

    /// How much of it lies in `range`, in milliseconds.
    public func milliseconds(in range: Range<Int64>) -> Int64 {
        stretches.reduce(0) { sum, stretch in
            let part = stretch.clamped(to: range)
            return sum + (part.isEmpty ? 0 : part.upperBound - part.lowerBound)
        }
    }
}

/// Which hosts agents watched in a range of time, and how much of it.
public struct WatchedHosts: Hashable, Sendable {
    /// Those that were watched at all.
    let hosts: Set<HostID>
    /// Those that there are.
    private let hostCount: Int
    /// How long they were watched together, in milliseconds.
    private let milliseconds: Int64
    /// How long they could have been; nil where that has no end.
    private let possibleMilliseconds: Int64?

    /// Within this time an agent has told what it watched, in milliseconds.
    private static let untoldMilliseconds: Int64 = 120_000

    /// Sums up what was watched of `hosts` in `range`.
    ///
    /// What is watched right now is not told yet; a host that reports is taken to be watched.
    public init(
        _ times: [HostID: WatchedTime], of hosts: [ReportedHost], in range: ClosedRange<Int64>,
        nowMilliseconds now: Int64
    ) {
        let awaited = hosts.filter(\.isAwaited)
        let told = min(range.upperBound, now.subtractingClamped(WatchedHosts.untoldMilliseconds))
        hostCount = awaited.count
        self.hosts = Set(
            awaited.filter {
                times[$0.id] != nil || (told < range.upperBound && $0.state == .up)
            }.map(\.id))
        let length = told.subtractingClamped(range.lowerBound)
        let isBounded = range.lowerBound > Timestamp.earliestMilliseconds && length > 0
        possibleMilliseconds = isBounded ? length * Int64(awaited.count) : nil
        let possible = min(told, range.lowerBound)..<max(told, range.lowerBound)
        milliseconds = awaited.reduce(0) {
            $0 + (times[$1.id]?.milliseconds(in: possible) ?? 0)
        }
    }

    /// In words; nil without hosts.
    var fact: String? {
        guard hostCount > 0 else { return nil }
        guard !hosts.isEmpty else {
            return hostCount == 1
                ? "the host was not watched"
                : "none of the \(DecimalText.grouped(hostCount)) hosts was watched"
        }
        var share = ""
        if let permille, permille < 1_000 {
            share = ", \(DecimalText.tenths(permille)) % of the time"
        }
        guard hostCount > 1 else { return "the host was watched" + share }
        let count = DecimalText.grouped(hosts.count)
        return "\(count) of \(DecimalText.grouped(hostCount)) hosts watched" + share
    }

    private var permille: Int? {
        possibleMilliseconds.flatMap {
            Permille.of(UInt64(max(0, milliseconds)), UInt64(max(0, $0)))
        }
    }

    var json: JSONValue {
        func seconds(_ value: Int64?) -> JSONValue {
            value.map { .thousandths(UInt64(max(0, $0))) } ?? .null
        }
        return .object([
            JSONValue.Member("hosts", .count(hostCount)),
            JSONValue.Member("hosts_watched", .count(hosts.count)),
            JSONValue.Member("host_seconds_watched", seconds(milliseconds)),
            JSONValue.Member("host_seconds", seconds(possibleMilliseconds)),
        ])
    }
}
