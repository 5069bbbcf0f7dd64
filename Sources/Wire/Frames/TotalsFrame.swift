import MemoryModel

/// TOTALS (0x19): the greatest sums over the host, its users, programs and cgroups.
public struct TotalsFrame: Hashable, Sendable {
    /// The sums in any order, at least one; times are boot time and never nil, memory is whole
    /// KiB.
    ///
    /// A subject of the host has an empty name. Only `hostUsed` has a composition, the largest
    /// share first.
    public var entries: [TotalEvent]

    /// Takes the fields as they are.
    public init(entries: [TotalEvent]) {
        self.entries = entries
    }
}

// MARK: - Payload

extension TotalsFrame {
    private static let counts = 1...WireLimits.maximumTotalsPerFrame
    private static let smallestTotalBytes = 6
    private static let shareCounts: ClosedRange<UInt64> =
        0...UInt64(WireLimits.maximumSharesPerTotal)

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: TotalsFrame.counts, smallestBytes: TotalsFrame.smallestTotalBytes)
        let strings = try reader.strings()
        let nothing = TotalEvent(
            subject: TotalSubject(kind: .host, name: RawText([])),
            peak: TotalPeak(bytes: 0, atMilliseconds: nil, runCount: 0))
        var entries = [TotalEvent](repeating: nothing, count: count)
        for index in entries.indices {
            entries[index].subject.kind = try TotalKind(payload: &reader)
        }
        for index in entries.indices {
            entries[index].subject.name = try reader.name(
                of: entries[index].subject.kind, strings: strings)
        }
        for index in entries.indices {
            entries[index].peak.bytes = try reader.kibibytes("sumKiB")
        }
        let times = try reader.bracketEnds(count: count, before: baseTime)
        for index in entries.indices { entries[index].peak.atMilliseconds = times[index] }
        for index in entries.indices {
            entries[index].peak.runCount = try reader.uint("runCount")
        }
        try TotalsFrame.readShares(into: &entries, payload: &reader)
        self.init(entries: entries)
    }

    /// Takes how many shares each sum has, then the columns of all shares one after the other.
    private static func readShares(
        into entries: inout [TotalEvent], payload reader: inout PayloadReader
    ) throws(WireError) {
        var counts: [Int] = []
        counts.reserveCapacity(entries.count)
        for entry in entries {
            let range = entry.subject.kind.mayHaveShares ? shareCounts : 0...0
            counts.append(Int(try reader.uint("shareCount", in: range)))
        }
        var shares: [TotalShare] = []
        for _ in 0..<counts.reduce(0, +) {
            let pid = Int32(try reader.uint("pid", in: PayloadReader.pids))
            shares.append(TotalShare(key: ProcessKey(pid: pid, startTicks: 0), residentBytes: 0))
        }
        for index in shares.indices {
            shares[index].key.startTicks = try reader.uint("startTicks")
        }
        for index in shares.indices { shares[index].key.image = try reader.image() }
        var first = 0
        for index in entries.indices {
            let own = first..<first + counts[index]
            for place in own {
                let start = reader.position
                shares[place].residentBytes = try reader.kibibytes("residentKiB")
                let isFirst = place == own.lowerBound
                guard isFirst || shares[place].residentBytes <= shares[place - 1].residentBytes
                else { throw reader.failure("residentKiB", at: start, "shares ascend") }
            }
            entries[index].peak.composition = Array(shares[own])
            first = own.upperBound
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let baseTime = entries.lazy.compactMap(\.peak.atMilliseconds).max() ?? 0
        try writer.time(baseTime, "baseTime")
        try writer.count(entries.count, "count", in: TotalsFrame.counts)
        var table = StringTable()
        var names: [UInt64] = []
        names.reserveCapacity(entries.count)
        for entry in entries {
            guard entry.subject.kind.isNamed || entry.subject.name.isEmpty else {
                throw PayloadWriter.failure("name", "a sum of the host has one")
            }
            names.append(table.number(of: entry.subject.kind.isNamed ? entry.subject.name : nil))
        }
        try writer.strings(of: table)
        for entry in entries { writer.byte(entry.subject.kind.rawValue) }
        for name in names { writer.uint(name) }
        for entry in entries { writer.kibibytes(entry.peak.bytes) }
        for entry in entries {
            guard let time = entry.peak.atMilliseconds else {
                throw PayloadWriter.failure("age", "a sum has no time")
            }
            try writer.age(of: time, before: baseTime)
        }
        for entry in entries { writer.uint(entry.peak.runCount) }
        try encodeShares(to: &writer)
    }

    private func encodeShares(to writer: inout PayloadWriter) throws(WireError) {
        for entry in entries {
            let shares = entry.peak.composition
            let isDescending = zip(shares, shares.dropFirst())
                .allSatisfy { $0.residentBytes >= $1.residentBytes }
            guard isDescending else {
                throw PayloadWriter.failure("residentKiB", "shares ascend")
            }
            let range = entry.subject.kind.mayHaveShares ? TotalsFrame.shareCounts : 0...0
            try writer.uint(UInt64(shares.count), "shareCount", in: range)
        }
        let shares = entries.flatMap(\.peak.composition)
        for share in shares {
            guard share.key.pid >= 1 else { throw PayloadWriter.failure("pid", "\(share.key.pid)") }
            writer.uint(UInt64(share.key.pid))
        }
        for share in shares { writer.uint(share.key.startTicks) }
        for share in shares { writer.uint(UInt64(share.key.image)) }
        for share in shares { writer.kibibytes(share.residentBytes) }
    }
}

extension TotalKind {
    fileprivate init(payload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("kind")
        guard let kind = TotalKind(rawValue: number) else {
            throw reader.failure("kind", at: start, "\(number) is no kind")
        }
        self = kind
    }

    /// Whether a name says over which of them the sum was made.
    fileprivate var isNamed: Bool {
        switch self {
        case .host, .hostUsed: false
        case .user, .program, .cgroup: true
        }
    }

    fileprivate var mayHaveShares: Bool { self == .hostUsed }
}

extension PayloadReader {
    /// Takes the name that belongs to a kind: one of `strings`, or none for the host.
    fileprivate mutating func name(
        of kind: TotalKind, strings: [RawText]
    ) throws(WireError) -> RawText {
        guard !kind.isNamed else { return try name("name", of: strings) }
        _ = try uint("name", in: 0...0)
        return RawText([])
    }
}
