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
        /// What is to be known of it besides.
        public var flags: RunFlags

        /// Takes the fields as they are.
        public init(
            slot: UInt32, key: ProcessKey, description: RunDescription, flags: RunFlags = []
        ) {
            self.slot = slot
            self.key = key
            self.description = description
            self.flags = flags
        }
    }
}

// MARK: - Payload

extension DefineFrame {
    private static let counts = 1...WireLimits.maximumDefinesPerFrame
    private static let smallestRunBytes = 17

    init(payload reader: inout PayloadReader) throws(WireError) {
        let count = try reader.count(
            "count", in: DefineFrame.counts, smallestBytes: DefineFrame.smallestRunBytes)
        let strings = try reader.strings()
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

    private static func readNumbers(
        into runs: inout [Definition], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in runs.indices {
            runs[index].key.pid = Int32(try reader.uint("pid", in: PayloadReader.pids))
        }
        for index in runs.indices { runs[index].key.startTicks = try reader.uint("startTicks") }
        for index in runs.indices {
            runs[index].key.image = try reader.image()
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
        for index in runs.indices { runs[index].flags = try reader.runFlags() }
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
        // Field by field: by key paths it takes longer than all the rest of the frame.
        for index in runs.indices {
            runs[index].description.executable = try reader.optName("executable", of: strings)
        }
        for index in runs.indices {
            runs[index].description.command = try reader.optName("command", of: strings)
        }
        for index in runs.indices {
            runs[index].description.user = try reader.optName("user", of: strings)
        }
        for index in runs.indices {
            runs[index].description.cgroup = try reader.optName("cgroup", of: strings)
        }
        for index in runs.indices {
            runs[index].description.unit = try reader.optName("unit", of: strings)
        }
        for index in runs.indices {
            runs[index].description.container = try reader.optName("container", of: strings)
        }
    }

    /// The names that may be missing, in the order of their columns.
    private static var optionalNames: [(StaticString, KeyPath<RunDescription, RawText?>)] {
        [
            ("executable", \.executable), ("command", \.command), ("user", \.user),
            ("cgroup", \.cgroup), ("unit", \.unit), ("container", \.container),
        ]
    }
}

extension DefineFrame {
    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.count(runs.count, "count", in: DefineFrame.counts)
        var table = StringTable()
        let columns = nameColumns(of: &table)
        try writer.strings(of: table)
        var lowest: UInt32 = 0
        for run in runs { lowest = try writer.slot(run.slot, lowest: lowest) }
        try encodeNumbers(to: &writer)
        for column in columns {
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
        for run in runs { writer.uint(UInt64(run.flags.rawValue)) }
    }

    /// Eight columns of string numbers, taking in the names run by run.
    private func nameColumns(of table: inout StringTable) -> [[UInt64]] {
        var columns: [[UInt64]] = Array(repeating: [], count: 8)
        for index in columns.indices { columns[index].reserveCapacity(runs.count) }
        for run in runs {
            let names = run.description
            columns[0].append(table.number(of: names.program))
            columns[1].append(table.number(of: names.comm))
            for (index, name) in DefineFrame.optionalNames.enumerated() {
                columns[index + 2].append(table.number(of: names[keyPath: name.1]))
            }
        }
        return columns
    }
}
