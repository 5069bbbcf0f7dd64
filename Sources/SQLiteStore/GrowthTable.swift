import GRDB
import MemoryModel
import PeakStore

/// What stands in the tables of growth by line.
enum GrowthTable {
    /// The columns that name a run as one start of an agent saw it, `?1` to `?5`.
    static let key = "boot, pid, start_ticks, image, epoch"
    /// The most lines of a run that are kept of what one start of an agent saw.
    static let maximumLines = 1_024

    /// The most of them that are read, those that grew most; an agent tells of 32.
    static let maximumReadLines = 128
    /// Of so many starts of an agent a run is read at most, those that saw most.
    static let maximumReadEpochs = 1_000

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
    private let database: Database

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
        self.database = database
    }

    /// Makes `growth` and the rows of its key one.
    func merge(_ growth: StoredGrowth, _ caches: inout WriterCaches) throws {
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
        if let stack = record.peakStack { try merge(stack, of: growth, &caches) }
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
    private func merge(
        _ stack: GrowthRecord.PeakStack, of growth: StoredGrowth, _ caches: inout WriterCaches
    ) throws {
        let known = try selectStack.step() ? selectStack.value(0, as: UInt64.self) : nil
        selectStack.reset()
        if let known {
            guard known <= stack.residentBytes else { return }
            // Of equal ones the lines decide, which is seldom worth a look.
            if known == stack.residentBytes {
                var reader = try GrowthReader(database)
                let other = GrowthRecord.PeakStack(
                    residentBytes: known, lines: try reader.frames(of: growth))
                guard other < stack else { return }
            }
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

    private func bind(
        _ line: PythonLine, to statement: PreparedStatement, from index: Int32,
        _ caches: inout WriterCaches
    ) throws {
        try statement.bind(index, names.id(of: line.file, &caches.names))
        try statement.bind(index + 1, names.id(of: line.function, &caches.names))
        try statement.bind(index + 2, Int64(line.line))
    }
}

/// Reads growth by line during one read or transaction.
struct GrowthReader {
    private let database: Database
    private var names: NameReader

    private static let isOfRun = """
        boot = (SELECT boot.id FROM boot JOIN host ON host.id = boot.host
            WHERE host.host_id = ?1 AND boot.boot_id = ?2)
        AND pid = ?3 AND start_ticks = ?4 AND image = ?5
        """

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
    }

    /// What is known of a run, over all starts of its agent; nil if nothing is.
    mutating func growth(of run: RunKey, hasStack: Bool) throws -> GrowthRecord? {
        let row = try PreparedStatement(
            """
            SELECT epoch, grown_bytes, unattributed_bytes, stack_bytes
            FROM growth WHERE \(Self.isOfRun)
            ORDER BY grown_bytes DESC, epoch LIMIT \(GrowthTable.maximumReadEpochs)
            """, on: database)
        defer { row.reset() }
        try Self.bind(run, to: row)
        var all: GrowthRecord?
        while try row.step() {
            let epoch = try row.required(0, as: Int64.self)
            var record = GrowthRecord(run: run.process)
            record.grownBytes = try row.required(1, as: UInt64.self)
            record.unattributedBytes = try row.required(2, as: UInt64.self)
            record.lines = try lines(of: run, epoch: epoch)
            if hasStack, let bytes = try row.value(3, as: UInt64.self) {
                record.peakStack = GrowthRecord.PeakStack(
                    residentBytes: bytes, lines: try frames(of: run, epoch: epoch))
            }
            if all == nil { all = record } else { all?.addGrowth(of: record) }
        }
        return all
    }

    private mutating func lines(of run: RunKey, epoch: Int64) throws -> [PythonLine: UInt64] {
        let row = try PreparedStatement(
            """
            SELECT file, function, line, grown_bytes FROM growth_line
            WHERE \(Self.isOfRun) AND epoch = ?6
            ORDER BY grown_bytes DESC, line LIMIT \(GrowthTable.maximumReadLines)
            """, on: database)
        defer { row.reset() }
        try Self.bind(run, to: row)
        try row.bind(6, epoch)
        var lines: [PythonLine: UInt64] = [:]
        while try row.step() { lines[try line(row)] = try row.required(3, as: UInt64.self) }
        return lines
    }

    /// The stack of a run as one start of an agent saw it.
    mutating func frames(of growth: StoredGrowth) throws -> [PythonLine] {
        try frames(
            of: RunKey(host: growth.host, boot: growth.boot, process: growth.record.run),
            epoch: growth.epoch.storedBits)
    }

    private mutating func frames(of run: RunKey, epoch: Int64) throws -> [PythonLine] {
        let row = try PreparedStatement(
            """
            SELECT file, function, line FROM growth_frame
            WHERE \(Self.isOfRun) AND epoch = ?6 ORDER BY depth
            """, on: database)
        defer { row.reset() }
        try Self.bind(run, to: row)
        try row.bind(6, epoch)
        var frames: [PythonLine] = []
        while try row.step() { frames.append(try line(row)) }
        return frames
    }

    private mutating func line(_ row: PreparedStatement) throws -> PythonLine {
        PythonLine(
            file: try names.name(row.required(0, as: Int64.self)),
            function: try names.name(row.required(1, as: Int64.self)),
            line: try row.required(2, as: Int32.self))
    }

    private static func bind(_ run: RunKey, to row: PreparedStatement) throws {
        try row.bind(1, text: run.host.text)
        try row.bind(2, bytes: run.boot.bytes)
        try row.bind(3, Int64(run.process.pid))
        try row.bind(4, run.process.startTicks.storedBits)
        try row.bind(5, Int64(run.process.image))
    }
}
