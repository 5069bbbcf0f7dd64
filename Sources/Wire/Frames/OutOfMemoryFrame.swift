public import MemoryModel

/// OOM (0x1B): processes that the kernel killed for want of memory.
public struct OutOfMemoryFrame: Hashable, Sendable {
    /// The kills in any order, at least one; times are boot time, memory is whole KiB.
    ///
    /// Where the run is known, the pid that travels is that of the run.
    public var kills: [OutOfMemoryKill]

    /// Takes the fields as they are.
    public init(kills: [OutOfMemoryKill]) {
        self.kills = kills
    }
}

// MARK: - Payload

extension OutOfMemoryFrame {
    private static let counts = 1...WireLimits.maximumKillsPerFrame
    private static let smallestKillBytes = 11
    private static let knownEvidence: KillEvidence = [
        .kernelLog, .cgroupEvents, .killedByExitRecord,
    ]

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: OutOfMemoryFrame.counts,
            smallestBytes: OutOfMemoryFrame.smallestKillBytes)
        let strings = try reader.strings()
        var kills = try reader.bracketEnds(count: count, before: baseTime)
            .map { OutOfMemoryKill(atMilliseconds: $0, evidence: []) }
        try OutOfMemoryFrame.readVictims(into: &kills, payload: &reader)
        for index in kills.indices {
            kills[index].comm = try reader.optName("comm", of: strings)
        }
        for index in kills.indices {
            kills[index].constraint = try reader.optConstraint()
        }
        for index in kills.indices {
            kills[index].limitCgroup = try reader.optName("limitCgroup", of: strings)
        }
        for index in kills.indices {
            kills[index].cgroup = try reader.optName("cgroup", of: strings)
        }
        for index in kills.indices {
            kills[index].limitBytes = try reader.optKibibytes("limitKiB")
        }
        for index in kills.indices {
            kills[index].residentBytes = try reader.optKibibytes("residentKiB")
        }
        for index in kills.indices {
            kills[index].lastPeakBytes = try reader.optKibibytes("lastPeakKiB")
        }
        for index in kills.indices {
            kills[index].evidence = KillEvidence(
                rawValue: UInt8(truncatingIfNeeded: try reader.uint("evidence"))
            ).intersection(OutOfMemoryFrame.knownEvidence)
        }
        self.init(kills: kills)
    }

    private static func readVictims(
        into kills: inout [OutOfMemoryKill], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in kills.indices {
            let pid = try reader.uint("pid", in: 0...UInt64(Int32.max))
            kills[index].pid = pid == 0 ? nil : Int32(pid)
        }
        for index in kills.indices {
            let start = reader.position
            guard let startTicks = try reader.opt("startTicks") else { continue }
            guard let pid = kills[index].pid else {
                throw reader.failure("startTicks", at: start, "are there and the pid is not")
            }
            kills[index].run = ProcessKey(pid: pid, startTicks: startTicks)
        }
        for index in kills.indices where kills[index].run != nil {
            kills[index].run?.image = try reader.image()
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let baseTime = kills.lazy.map(\.atMilliseconds).max() ?? 0
        try writer.time(baseTime, "baseTime")
        try writer.count(kills.count, "count", in: OutOfMemoryFrame.counts)
        var table = StringTable()
        let names = kills.map { kill in
            (
                comm: table.number(of: kill.comm), limitCgroup: table.number(of: kill.limitCgroup),
                cgroup: table.number(of: kill.cgroup)
            )
        }
        try writer.strings(of: table)
        for kill in kills { try writer.age(of: kill.atMilliseconds, before: baseTime) }
        try encodeVictims(to: &writer)
        for name in names { writer.uint(name.comm) }
        for kill in kills { writer.byte(kill.constraint?.rawValue ?? 0) }
        for name in names { writer.uint(name.limitCgroup) }
        for name in names { writer.uint(name.cgroup) }
        for kill in kills { writer.optKibibytes(kill.limitBytes) }
        for kill in kills { writer.optKibibytes(kill.residentBytes) }
        for kill in kills { writer.optKibibytes(kill.lastPeakBytes) }
        for kill in kills { writer.uint(UInt64(kill.evidence.rawValue)) }
    }

    private func encodeVictims(to writer: inout PayloadWriter) throws(WireError) {
        for kill in kills {
            guard let pid = kill.run?.pid ?? kill.pid else {
                writer.uint(0)
                continue
            }
            guard pid >= 1 else { throw PayloadWriter.failure("pid", "\(pid)") }
            writer.uint(UInt64(pid))
        }
        for kill in kills { try writer.opt(kill.run?.startTicks, "startTicks") }
        for kill in kills {
            if let run = kill.run { writer.uint(UInt64(run.image)) }
        }
    }
}

extension PayloadReader {
    /// Takes whose want of memory it was; nil if nobody said.
    fileprivate mutating func optConstraint() throws(WireError) -> MemoryConstraint? {
        let start = position
        let number = try byte("constraint")
        guard number != 0 else { return nil }
        guard let constraint = MemoryConstraint(rawValue: number) else {
            throw failure("constraint", at: start, "\(number) is no constraint")
        }
        return constraint
    }
}
