import GRDB
import MemoryModel
import PeakStore

/// Reads growth by line during one read or transaction.
///
/// An agent chooses its epochs and the names of its lines, so what is read of a run is bounded by
/// itself: the largest sums of lines over all epochs, and one stack.
struct GrowthReader {
    private let selectSums: PreparedStatement
    private let selectLines: PreparedStatement
    private let selectStacks: PreparedStatement
    private let selectDepth: PreparedStatement
    private let selectFrames: PreparedStatement
    private let boots: HistoryBoots
    private var numbers: [BootName: Int64?] = [:]
    private var names: NameReader

    /// Prepares the statements.
    init(_ database: Database) throws {
        selectSums = try PreparedStatement(GrowthReader.sums, on: database)
        selectLines = try PreparedStatement(GrowthReader.lines, on: database)
        selectStacks = try PreparedStatement(GrowthReader.stacks, on: database)
        selectDepth = try PreparedStatement(
            "SELECT count(*) FROM growth_frame WHERE \(GrowthReader.isOfRun) AND epoch = ?5",
            on: database)
        selectFrames = try PreparedStatement(GrowthReader.frames, on: database)
        boots = try HistoryBoots(database)
        names = try NameReader(database)
    }

    /// What is known of a run, over all starts of its agent; nil if nothing is.
    mutating func growth(of run: RunKey, hasStack: Bool) throws -> GrowthRecord? {
        guard let boot = try number(of: BootName(run)) else { return nil }
        let place = RunPlace(boot: boot, key: run.process)
        try place.bind(to: selectSums)
        defer { selectSums.reset() }
        guard try selectSums.step(), selectSums.integer(0) > 0 else { return nil }
        var record = GrowthRecord(run: run.process)
        record.grownBytes = try selectSums.required(1, as: UInt64.self)
        record.unattributedBytes = try selectSums.required(2, as: UInt64.self)
        record.lines = try lines(of: place)
        if hasStack { record.peakStack = try peakStack(of: place) }
        return record
    }

    /// How many frames the stack of a run has as one start of an agent saw it.
    func depth(of run: RunPlace, epoch: Int64) throws -> Int {
        try run.bind(to: selectDepth)
        try selectDepth.bind(5, epoch)
        defer { selectDepth.reset() }
        return try selectDepth.step() ? selectDepth.required(0, as: Int.self) : 0
    }

    /// The stack of a run as one start of an agent saw it, the innermost frame first.
    mutating func frames(of run: RunPlace, epoch: Int64) throws -> [PythonLine] {
        try run.bind(to: selectFrames)
        try selectFrames.bind(5, epoch)
        defer { selectFrames.reset() }
        var frames: [PythonLine] = []
        while try selectFrames.step() { frames.append(try line(selectFrames)) }
        return frames
    }

    private mutating func number(of boot: BootName) throws -> Int64? {
        if let known = numbers[boot] { return known }
        let number = try boots.number(of: boot)
        numbers[boot] = .some(number)
        return number
    }

    private mutating func lines(of run: RunPlace) throws -> [PythonLine: UInt64] {
        try run.bind(to: selectLines)
        defer { selectLines.reset() }
        var lines: [PythonLine: UInt64] = [:]
        while try selectLines.step() {
            lines[try line(selectLines)] = try selectLines.required(3, as: UInt64.self)
        }
        return lines
    }

    /// The greatest stack of those with most resident.
    private mutating func peakStack(of run: RunPlace) throws -> GrowthRecord.PeakStack? {
        try run.bind(to: selectStacks)
        var epochs: [(epoch: Int64, residentBytes: UInt64)] = []
        while try selectStacks.step() {
            epochs.append(
                (
                    try selectStacks.required(0, as: Int64.self),
                    try selectStacks.required(1, as: UInt64.self)
                ))
        }
        selectStacks.reset()
        var greatest: GrowthRecord.PeakStack?
        for (epoch, bytes) in epochs {
            let stack = GrowthRecord.PeakStack(
                residentBytes: bytes, lines: try frames(of: run, epoch: epoch))
            greatest = greatest.map { $0 < stack ? stack : $0 } ?? stack
        }
        return greatest
    }

    private mutating func line(_ row: PreparedStatement) throws -> PythonLine {
        PythonLine(
            file: try names.name(row.required(0, as: Int64.self)),
            function: try names.name(row.required(1, as: Int64.self)),
            line: try row.required(2, as: Int32.self))
    }

    // MARK: Statements

    private static let isOfRun = "boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4"

    /// A sum that never fails, as `sum` does where it overflows.
    ///
    /// `total` is exact up to 2^53, and what is above 2^63 - 1 becomes that.
    private static func sum(_ column: String) -> String {
        "CAST(total(\(column)) AS INTEGER)"
    }

    private static let sums = """
        SELECT count(*), \(sum("grown_bytes")), \(sum("unattributed_bytes"))
        FROM growth WHERE \(isOfRun)
        """

    private static let lines = """
        SELECT file, function, line, \(sum("grown_bytes")) AS grown FROM growth_line
        WHERE \(isOfRun) GROUP BY file, function, line
        ORDER BY grown DESC, line, file, function LIMIT \(GrowthTable.maximumReadLines)
        """

    /// Of equal ones the deepest, which are the greatest but for what their frames say.
    private static let stacks = """
        SELECT epoch, stack_bytes FROM growth
        WHERE \(isOfRun) AND stack_bytes
            = (SELECT max(stack_bytes) FROM growth WHERE \(isOfRun))
        ORDER BY (
            SELECT count(*) FROM growth_frame AS frame
            WHERE frame.boot = ?1 AND frame.pid = ?2 AND frame.start_ticks = ?3
                AND frame.image = ?4 AND frame.epoch = growth.epoch
        ) DESC, epoch LIMIT \(GrowthTable.maximumReadStacks)
        """

    private static let frames = """
        SELECT file, function, line FROM growth_frame
        WHERE \(isOfRun) AND epoch = ?5 ORDER BY depth LIMIT \(GrowthTable.maximumReadFrames)
        """
}
