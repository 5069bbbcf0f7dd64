public import MemoryModel

/// DEFINE (0x11): which runs there are, each with a slot.
public struct DefineFrame: Hashable, Sendable {
    /// The runs, strictly ascending by slot.
    public var runs: [Definition]

    /// Takes the fields as they are.
    public init(runs: [Definition]) {
        self.runs = runs
    }
}

extension DefineFrame {
    /// One run and the slot that stands for it within the session.
    public struct Definition: Hashable, Sendable {
        /// The slot.
        public var slot: UInt32
        /// Which run.
        public var key: ProcessKey
        /// What it runs and for whom; times are boot time, memory is whole KiB.
        public var description: RunDescription

        /// Takes the fields as they are.
        public init(slot: UInt32, key: ProcessKey, description: RunDescription) {
            self.slot = slot
            self.key = key
            self.description = description
        }
    }
}

// MARK: - Payload

extension DefineFrame {
    private static let counts = 1...WireLimits.maximumDefinesPerFrame
    private static let smallestRunBytes = 16
    private static let pids: ClosedRange<UInt64> = 1...UInt64(Int32.max)

    init(payload reader: inout PayloadReader) throws(WireError) {
        let count = try reader.count(
            "count", in: DefineFrame.counts, smallestBytes: DefineFrame.smallestRunBytes)
        let strings = try DefineFrame.strings(payload: &reader)
        let nothing = Definition(
            slot: 0, key: ProcessKey(pid: 0, startTicks: 0),
            description: RunDescription(program: RawText([]), comm: RawText([])))
        var runs = [Definition](repeating: nothing, count: count)
        var lowest: UInt32 = 0
        for index in 0..<count {
            let slot = try reader.slot("slot", lowest: lowest)
            lowest = slot + 1
            runs[index].slot = slot
        }
        try DefineFrame.readNumbers(into: &runs, payload: &reader)
        try DefineFrame.readNames(into: &runs, strings: strings, payload: &reader)
        self.init(runs: runs)
    }

    private static func strings(payload reader: inout PayloadReader) throws(WireError) -> [RawText]
    {
        let count = try reader.count(
            "stringCount", in: 0...WireLimits.maximumStringsPerFrame, smallestBytes: 1)
        var strings: [RawText] = []
        strings.reserveCapacity(count)
        for _ in 0..<count {
            strings.append(try reader.text("strings", atMost: WireLimits.maximumStringBytes))
        }
        return strings
    }

    private static func readNumbers(
        into runs: inout [Definition], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in runs.indices {
            runs[index].key.pid = Int32(try reader.uint("pid", in: pids))
        }
        for index in runs.indices { runs[index].key.startTicks = try reader.uint("startTicks") }
        for index in runs.indices {
            runs[index].key.image = UInt32(try reader.uint("image", in: 0...UInt64(UInt32.max)))
        }
        for index in runs.indices {
            runs[index].description.startedAtMilliseconds = try reader.opt(
                "startedAt", atMost: UInt64(Int64.max)
            ).map { Int64($0) }
        }
        for index in runs.indices {
            runs[index].description.parentPid = try reader.opt(
                "parentPid", atMost: UInt64(Int32.max)
            ).map { Int32($0) }
        }
        for index in runs.indices {
            runs[index].description.userID = try reader.opt(
                "userID", atMost: UInt64(UInt32.max)
            ).map { UInt32($0) }
        }
        for index in runs.indices {
            runs[index].description.inheritedBytes = try reader.optKibibytes("inheritedKiB")
        }
    }

    private static func readNames(
        into runs: inout [Definition], strings: [RawText], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in runs.indices {
            runs[index].description.program = try reader.name("program", of: strings)
        }
        for index in runs.indices {
            runs[index].description.comm = try reader.name("comm", of: strings)
        }
        for (field, path) in optionalNames {
            for index in runs.indices {
                runs[index].description[keyPath: path] = try reader.optName(field, of: strings)
            }
        }
    }

    /// The names that may be missing, in the order of their columns.
    private static var optionalNames: [(StaticString, WritableKeyPath<RunDescription, RawText?>)] {
        [
            ("executable", \.executable), ("command", \.command), ("user", \.user),
            ("cgroup", \.cgroup), ("unit", \.unit), ("container", \.container),
        ]
    }
}

extension PayloadReader {
    /// Takes the number of a string that may be missing.
    fileprivate mutating func optName(
        _ field: StaticString, of strings: [RawText]
    ) throws(WireError) -> RawText? {
        let number = try uint(field, in: 0...UInt64(strings.count))
        return number == 0 ? nil : strings[Int(number) - 1]
    }

    /// Takes the number of a string that is never missing.
    fileprivate mutating func name(
        _ field: StaticString, of strings: [RawText]
    ) throws(WireError) -> RawText {
        let start = position
        guard let name = try optName(field, of: strings) else {
            throw failure(field, at: start, "is missing")
        }
        return name
    }
}

extension DefineFrame {
    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.count(runs.count, "count", in: DefineFrame.counts)
        let table = StringTable(runs)
        try writer.count(
            table.strings.count, "stringCount", in: 0...WireLimits.maximumStringsPerFrame)
        for string in table.strings {
            writer.label(string, atMost: WireLimits.maximumStringBytes)
        }
        var lowest: UInt32 = 0
        for run in runs { lowest = try writer.slot(run.slot, lowest: lowest) }
        try encodeNumbers(to: &writer)
        for column in table.columns {
            for number in column { writer.uint(number) }
        }
    }

    private func encodeNumbers(to writer: inout PayloadWriter) throws(WireError) {
        for run in runs {
            guard run.key.pid >= 1 else { throw PayloadWriter.failure("pid", "\(run.key.pid)") }
            writer.uint(UInt64(run.key.pid))
        }
        for run in runs { writer.uint(run.key.startTicks) }
        for run in runs { writer.uint(UInt64(run.key.image)) }
        for run in runs {
            try writer.opt(
                signed: run.description.startedAtMilliseconds, "startedAt",
                atMost: UInt64(Int64.max))
        }
        for run in runs {
            try writer.opt(
                signed: run.description.parentPid, "parentPid", atMost: UInt64(Int32.max))
        }
        for run in runs { try writer.opt(run.description.userID.map { UInt64($0) }, "userID") }
        for run in runs { writer.optKibibytes(run.description.inheritedBytes) }
    }

    /// Each distinct name once, in the order in which the runs first mention it.
    private struct StringTable {
        var strings: [RawText] = []
        /// 0 for a missing name, else 1 and the index into `strings`: eight columns.
        var columns: [[UInt64]]
        private var numbers: [RawText: UInt64] = [:]

        init(_ runs: [Definition]) {
            columns = Array(repeating: [], count: 8)
            for index in columns.indices { columns[index].reserveCapacity(runs.count) }
            for run in runs {
                let names = run.description
                columns[0].append(number(of: names.program))
                columns[1].append(number(of: names.comm))
                for (index, name) in DefineFrame.optionalNames.enumerated() {
                    columns[index + 2].append(number(of: names[keyPath: name.1]))
                }
            }
        }

        private mutating func number(of name: RawText?) -> UInt64 {
            guard let name else { return 0 }
            if let number = numbers[name] { return number }
            strings.append(name)
            numbers[name] = UInt64(strings.count)
            return UInt64(strings.count)
        }
    }
}
