import GRDB
import MemoryModel
import PeakStore
import Report

/// Walks over the table `run`, each row read once and no name copied.
final class RunWalker: RunWalk {
    private let database: Database
    private let row: PreparedStatement
    private let selectName: PreparedStatement
    /// Those of `fields` that the query has patterns for.
    private let chosenFields: [(column: Int32, field: NamedField)]
    private var search: RunSearch
    private var names: NameReader
    private var boots: BootReader
    /// Numbers of names that the store does not have.
    private var newNames: [RawText] = []
    private var numbers: [RawText: Int64] = [:]
    /// What numbers of names of users are, as a name that is a number is no name.
    private var users: [Int64: Int64] = [:]

    /// New names have numbers from here on; the store does not get so far.
    private static let firstNewNumber: Int64 = 1 << 48

    /// The first columns are those of a search, in its order.
    private static let columns = """
        run.boot, pid, start_ticks, image, program, user, user_id, \
        command, executable, cgroup, unit, container, comm, started_at_ms, inherited_bytes, \
        peak_bytes, peak_not_before_ms, peak_not_after_ms, peak_source, \
        swap_peak_bytes, resident_bytes, processor_ms, \
        end_reason, ended_not_before_ms, ended_not_after_ms, exit_code, exit_signal, run.flags
        """

    private static let fields: [(column: Int32, field: NamedField)] = [
        (4, .program), (7, .command), (8, .executable), (9, .cgroup), (10, .unit),
        (11, .container),
    ]

    /// Prepares the walk.
    init(_ query: ReportQuery, _ database: Database, fewRuns: Int64) throws {
        self.database = database
        search = try RunSearch(query, database, fewRuns: fewRuns)
        chosenFields = RunWalker.fields.filter { query.patterns[$0.field] != nil }
        row = try search.statement { $0.walk(query, columns: RunWalker.columns) }
        selectName = try PreparedStatement("SELECT id FROM name WHERE bytes = ?1", on: database)
        names = try NameReader(database)
        boots = try BootReader(database)
    }

    /// Ends the read; nothing may be asked afterwards.
    func close() {
        row.reset()
        selectName.reset()
    }

    func next() throws -> WalkedRun? {
        while try row.step() {
            guard try search.matches(row, chosenFields) else { continue }
            return try run()
        }
        return nil
    }

    func number(ofName name: RawText) throws -> Int64 {
        if let number = numbers[name] { return number }
        try selectName.bind(1, bytes: name.bytes)
        defer { selectName.reset() }
        let number: Int64
        if try selectName.step() {
            number = try selectName.required(0, as: Int64.self)
        } else {
            number = RunWalker.firstNewNumber + Int64(newNames.count)
            newNames.append(name)
        }
        numbers[name] = number
        return number
    }

    func name(_ number: Int64) throws -> RawText {
        let place = number - RunWalker.firstNewNumber
        if place >= 0, place < newNames.count { return newNames[Int(place)] }
        return try names.name(number)
    }

    func boot(_ number: Int64) throws -> (host: HostID, boot: BootID) {
        try boots.boot(number)
    }

    func foldSums(_ query: FoldQuery) throws -> FoldSums {
        try FoldSummer.sums(query, database)
    }

    func windows(
        of runs: [RunKey], sinceMilliseconds: Int64, untilMilliseconds: Int64
    ) throws -> [RunKey: RangedWindow] {
        let range = HistoryRange(since: sinceMilliseconds, until: untilMilliseconds)
        guard !range.isEmpty, !runs.isEmpty else { return [:] }
        var history = try HistoryReader(database)
        return try history.windows(of: runs, in: range)
    }

    private func run() throws -> WalkedRun {
        var figures = RunFigures(
            key: try RunReader.key(row), program: try row.required(4, as: Int64.self),
            comm: try row.required(12, as: Int64.self))
        figures.user = try user()
        figures.command = row.integer(7)
        figures.executable = row.integer(8)
        figures.cgroup = row.integer(9)
        figures.unit = row.integer(10)
        figures.container = row.integer(11)
        figures.startedAtMilliseconds = row.number(13)
        figures.inheritedBytes = try row.value(14, as: UInt64.self)
        figures.peak = try RunReader.peak(row, from: 15)
        figures.swapPeakBytes = try row.value(19, as: UInt64.self)
        figures.end = try end()
        if figures.end == nil { figures.residentBytes = try row.value(20, as: UInt64.self) }
        figures.processorMilliseconds = try row.value(21, as: UInt64.self)
        figures.flags = RunFlags(stored: try row.required(27, as: UInt32.self))
        return WalkedRun(boot: row.integer(0), figures: figures)
    }

    private func user() throws -> Int64 {
        guard let number = row.number(5) else {
            guard let id = try row.value(6, as: UInt32.self) else { return RunFigures.noName }
            return RunFigures.number(ofUserID: id)
        }
        if let user = users[number] { return user }
        let user = RunFigures.number(ofUser: try names.name(number)) { _ in number }
        users[number] = user
        return user
    }

    private func end() throws -> RunEnd? {
        guard let number = try row.value(22, as: UInt8.self) else { return nil }
        guard let reason = RunEndReason(rawValue: number) else {
            throw DamagedRow(reason: "a run has an unknown reason of its end")
        }
        return RunEnd(
            bracket: RunReader.bracket(row, from: 23), reason: reason,
            exitCode: try row.value(25, as: Int32.self),
            exitSignal: try row.value(26, as: Int32.self))
    }
}
