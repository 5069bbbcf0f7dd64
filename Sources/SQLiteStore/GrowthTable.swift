import GRDB
import MemoryModel
import PeakStore

/// What stands in the tables of growth by line.
enum GrowthTable {
    /// The columns that name a run as one start of an agent saw it, `?1` to `?5`.
    static let key = "boot, pid, start_ticks, image, epoch"
    /// The most lines of a run that are kept of what one start of an agent saw.
    static let maximumLines = 1_024

    /// The most lines of a run that are read, those that grew most; an agent tells of 32.
    static let maximumReadLines = 128
    /// The most frames of a stack that are read: as many as a frame of the protocol has.
    static let maximumReadFrames = 256
    /// Of so many starts of an agent that saw as much resident the stacks are compared.
    static let maximumReadStacks = 8

    static let isSame = "boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4 AND epoch = ?5"

    /// Whether the run of a row of `table` is not there any more.
    static func hasNoRun(_ table: String) -> String {
        """
        NOT EXISTS (SELECT 1 FROM run WHERE run.boot = \(table).boot AND run.pid = \(table).pid
            AND run.start_ticks = \(table).start_ticks AND run.image = \(table).image)
        """
    }
}

/// Merges growth by line into its tables during one transaction.
struct GrowthWriter {
    private let upsert: PreparedStatement
    private let countLines: PreparedStatement
    private let selectLine: PreparedStatement
    private let upsertLine: PreparedStatement
    private let selectStack: PreparedStatement
    private let updateStack: PreparedStatement
    private let deleteFrames: PreparedStatement
    private let insertFrame: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys
    private var reader: GrowthReader

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        upsert = try PreparedStatement(
            """
            INSERT INTO growth (\(GrowthTable.key), grown_bytes, unattributed_bytes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET
                grown_bytes = max(grown_bytes, excluded.grown_bytes),
                unattributed_bytes = max(unattributed_bytes, excluded.unattributed_bytes)
            """, on: database)
        countLines = try PreparedStatement(
            "SELECT count(*) FROM growth_line WHERE \(GrowthTable.isSame)", on: database)
        selectLine = try PreparedStatement(
            """
            SELECT 1 FROM growth_line
            WHERE \(GrowthTable.isSame) AND file = ?6 AND function = ?7 AND line = ?8
            """, on: database)
        upsertLine = try PreparedStatement(
            """
            INSERT INTO growth_line (\(GrowthTable.key), file, function, line, grown_bytes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT DO UPDATE SET grown_bytes = excluded.grown_bytes
            WHERE excluded.grown_bytes > grown_bytes
            """, on: database)
        selectStack = try PreparedStatement(
            "SELECT stack_bytes FROM growth WHERE \(GrowthTable.isSame)", on: database)
        updateStack = try PreparedStatement(
            "UPDATE growth SET stack_bytes = ?6 WHERE \(GrowthTable.isSame)", on: database)
        deleteFrames = try PreparedStatement(
            "DELETE FROM growth_frame WHERE \(GrowthTable.isSame)", on: database)
        insertFrame = try PreparedStatement(
            """
            INSERT INTO growth_frame (\(GrowthTable.key), depth, file, function, line)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """, on: database)
        self.names = names
        self.hosts = hosts
        reader = try GrowthReader(database)
    }

    /// Makes `growth` and the rows of its key one.
    mutating func merge(_ growth: StoredGrowth, _ caches: inout WriterCaches) throws {
        let record = growth.record
        let boot = try hosts.boot(growth.boot, of: growth.host, &caches)
        for statement in [
            upsert, countLines, selectLine, upsertLine, selectStack, updateStack, deleteFrames,
            insertFrame,
        ] {
            try statement.bind(1, boot)
            try statement.bind(2, Int64(record.run.pid))
            try statement.bind(3, record.run.startTicks.storedBits)
            try statement.bind(4, Int64(record.run.image))
            try statement.bind(5, growth.epoch.storedBits)
        }
        try upsert.bind(6, record.grownBytes.storedAmount)
        try upsert.bind(7, record.unattributedBytes.storedAmount)
        try upsert.run()
        try merge(record.lines.isEmpty ? [] : record.ranked, &caches)
        guard let stack = record.peakStack else { return }
        let place = RunPlace(boot: boot, key: record.run)
        try merge(stack, of: place, epoch: growth.epoch.storedBits, &caches)
    }

    /// Keeps the greater growth of each line, and as many lines as may be.
    private func merge(
        _ lines: [(line: PythonLine, grownBytes: UInt64)], _ caches: inout WriterCaches
    ) throws {
        guard !lines.isEmpty else { return }
        let count = try countLines.step() ? countLines.required(0, as: Int.self) : 0
        countLines.reset()
        var room = max(0, GrowthTable.maximumLines - count)
        let isRoomy = lines.count <= room
        for (line, bytes) in lines {
            if !isRoomy, try !isThere(line, &caches) {
                guard room > 0 else { continue }
                room -= 1
            }
            try bind(line, to: upsertLine, from: 6, &caches)
            try upsertLine.bind(9, bytes.storedAmount)
            try upsertLine.run()
        }
    }

    private func isThere(_ line: PythonLine, _ caches: inout WriterCaches) throws -> Bool {
        try bind(line, to: selectLine, from: 6, &caches)
        defer { selectLine.reset() }
        return try selectLine.step()
    }

    /// Keeps the greater stack, whole.
    private mutating func merge(
        _ stack: GrowthRecord.PeakStack, of run: RunPlace, epoch: Int64,
        _ caches: inout WriterCaches
    ) throws {
        let known = try selectStack.step() ? selectStack.value(0, as: UInt64.self) : nil
        selectStack.reset()
        if let known {
            guard known <= stack.residentBytes else { return }
            // All stacks of an agent come again as they are with each new session.
            if known == stack.residentBytes, try !isDeeper(stack, of: run, epoch: epoch) { return }
        }
        try updateStack.bind(6, stack.residentBytes.storedAmount)
        try updateStack.run()
        try deleteFrames.run()
        for (depth, line) in stack.lines.enumerated() {
            try insertFrame.bind(6, Int64(depth))
            try bind(line, to: insertFrame, from: 7, &caches)
            try insertFrame.run()
        }
    }

    /// Whether a stack with as much resident is greater than the one that is kept: by its depth,
    /// and only of one depth by its lines.
    private mutating func isDeeper(
        _ stack: GrowthRecord.PeakStack, of run: RunPlace, epoch: Int64
    ) throws -> Bool {
        let depth = try reader.depth(of: run, epoch: epoch)
        guard depth == stack.lines.count else { return depth < stack.lines.count }
        let known = GrowthRecord.PeakStack(
            residentBytes: stack.residentBytes,
            lines: try reader.frames(of: run, epoch: epoch))
        return known < stack
    }

    private func bind(
        _ line: PythonLine, to statement: PreparedStatement, from index: Int32,
        _ caches: inout WriterCaches
    ) throws {
        try statement.bind(index, names.id(of: line.file, &caches.names))
        try statement.bind(index + 1, names.id(of: line.function, &caches.names))
        try statement.bind(index + 2, Int64(line.line))
    }
}
