public import MemoryModel

/// SECTIONS (0xA0): what sections of runs needed.
public struct SectionsFrame: Hashable, Sendable {
    /// The sections in any order, at least one; times are boot time, memory is whole KiB, and no
    /// bracket is nil.
    public var sections: [SectionRecord]

    /// Takes the fields as they are.
    public init(sections: [SectionRecord]) {
        self.sections = sections
    }
}

// MARK: - Payload

extension SectionsFrame {
    private static let counts = 1...WireLimits.maximumSectionsPerFrame
    private static let smallestSectionBytes = 13

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: SectionsFrame.counts, smallestBytes: SectionsFrame.smallestSectionBytes)
        let strings = try reader.strings()
        let runs = try reader.runKeys(count: count)
        let nothing = SectionCall(
            peak: Peak(bytes: 0, bracket: nil, source: .sampled), growthBytes: 0, microseconds: 0,
            flags: [])
        var sections: [SectionRecord] = []
        sections.reserveCapacity(count)
        for run in runs {
            let name = try reader.name("name", of: strings)
            sections.append(
                SectionRecord(key: SectionKey(run: run, name: name), firstCall: nothing))
        }
        for index in sections.indices {
            sections[index].flags = SectionFlags(
                rawValue: UInt8(truncatingIfNeeded: try reader.uint("flags"))
            ).intersection(.known)
        }
        for index in sections.indices {
            sections[index].peak.source = try reader.sectionSource()
        }
        for index in sections.indices {
            sections[index].peak.bytes = try reader.kibibytes("peakKiB")
        }
        let ends = try reader.bracketEnds(count: count, before: baseTime)
        for index in sections.indices {
            sections[index].peak.bracket = try reader.bracket(endingAt: ends[index])
        }
        for index in sections.indices {
            sections[index].growthBytes = try reader.kibibytes("growthKiB")
        }
        for index in sections.indices {
            sections[index].callCount = try reader.uint("callCount", in: 1...UInt64.max)
        }
        for index in sections.indices {
            sections[index].totalMicroseconds = try reader.uint("totalMicroseconds")
        }
        for index in sections.indices {
            sections[index].longestMicroseconds = try reader.uint("longestMicroseconds")
        }
        self.init(sections: sections)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let brackets = sections.compactMap(\.peak.bracket)
        guard brackets.count == sections.count else {
            throw PayloadWriter.failure("age", "a section has no bracket")
        }
        let baseTime = try PayloadWriter.baseTime(of: brackets)
        writer.uint(UInt64(baseTime))
        try writer.count(sections.count, "count", in: SectionsFrame.counts)
        var table = StringTable()
        let names = sections.map { table.number(of: $0.key.name) }
        try writer.strings(of: table)
        try writer.runKeys(sections.map(\.key.run))
        for name in names { writer.uint(name) }
        for section in sections { writer.uint(UInt64(section.flags.rawValue)) }
        for section in sections {
            let source = section.peak.source
            guard source == .sampled || source == .hwm else {
                throw PayloadWriter.failure("source", source.word)
            }
            writer.byte(source.rawValue)
        }
        for section in sections { writer.kibibytes(section.peak.bytes) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for section in sections { writer.kibibytes(section.growthBytes) }
        for section in sections {
            try writer.uint(section.callCount, "callCount", in: 1...UInt64.max)
        }
        for section in sections { writer.uint(section.totalMicroseconds) }
        for section in sections { writer.uint(section.longestMicroseconds) }
    }
}

extension PayloadReader {
    /// Takes the columns of keys of so many runs.
    mutating func runKeys(count: Int) throws(WireError) -> [ProcessKey] {
        var keys: [ProcessKey] = []
        keys.reserveCapacity(count)
        for _ in 0..<count {
            keys.append(
                ProcessKey(pid: Int32(try uint("pid", in: PayloadReader.pids)), startTicks: 0))
        }
        for index in keys.indices { keys[index].startTicks = try uint("startTicks") }
        for index in keys.indices { keys[index].image = try image() }
        return keys
    }

    /// Takes how the peak of a section is known.
    fileprivate mutating func sectionSource() throws(WireError) -> PeakSource {
        let start = position
        let number = try byte("source")
        guard let source = PeakSource(rawValue: number), source == .sampled || source == .hwm
        else { throw failure("source", at: start, "\(number) is no source of a section") }
        return source
    }
}

extension PayloadWriter {
    /// Writes the columns of keys of runs.
    mutating func runKeys(_ keys: [ProcessKey]) throws(WireError) {
        for key in keys {
            guard key.pid >= 1 else { throw PayloadWriter.failure("pid", "\(key.pid)") }
            uint(UInt64(key.pid))
        }
        for key in keys { uint(key.startTicks) }
        for key in keys { uint(UInt64(key.image)) }
    }
}
