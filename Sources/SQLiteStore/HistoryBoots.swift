import GRDB
import MemoryModel

/// A boot by its names.
struct BootName: Hashable {
    /// The host.
    var host: HostID
    /// The boot.
    var boot: BootID

    /// That of a run.
    init(_ run: RunKey) {
        host = run.host
        boot = run.boot
    }
}

/// Finds the numbers of boots, during one read.
struct HistoryBoots {
    private let selectOne: PreparedStatement
    private let selectOfHost: PreparedStatement
    private let selectAll: PreparedStatement
    private let selectHosts: PreparedStatement

    /// Prepares the statements.
    init(_ database: Database) throws {
        selectOne = try PreparedStatement(
            """
            SELECT boot.id FROM host CROSS JOIN boot ON boot.host = host.id
            WHERE host.host_id = ?1 AND boot.boot_id = ?2
            """, on: database)
        selectOfHost = try PreparedStatement(
            """
            SELECT boot.id FROM host CROSS JOIN boot ON boot.host = host.id
            WHERE host.host_id = ?1
            """, on: database)
        selectAll = try PreparedStatement("SELECT id FROM boot", on: database)
        selectHosts = try PreparedStatement(
            "SELECT id FROM host WHERE ?1 IS NULL OR host_id = ?1", on: database)
    }

    /// The number of a boot; nil if there is none.
    func number(of name: BootName) throws -> Int64? {
        try selectOne.bind(1, text: name.host.text)
        try selectOne.bind(2, bytes: name.boot.bytes)
        defer { selectOne.reset() }
        return try selectOne.step() ? selectOne.required(0, as: Int64.self) : nil
    }

    /// The numbers of a host's boots, or of all.
    func numbers(of host: HostID?) throws -> [Int64] {
        let row = host == nil ? selectAll : selectOfHost
        if let host { try row.bind(1, text: host.text) }
        return try numbers(in: row)
    }

    /// The number of a host, or of all.
    func numbers(ofHosts host: HostID?) throws -> [Int64] {
        if let host {
            try selectHosts.bind(1, text: host.text)
        } else {
            try selectHosts.bind(1, nil)
        }
        return try numbers(in: selectHosts)
    }

    private func numbers(in row: PreparedStatement) throws -> [Int64] {
        defer { row.reset() }
        var numbers: [Int64] = []
        while try row.step() { numbers.append(try row.required(0, as: Int64.self)) }
        return numbers
    }
}

/// Tells which runs a subject means, during one read.
struct SubjectMatcher {
    private let selectName: PreparedStatement
    private let selectRun: PreparedStatement

    /// What runs have to have in common.
    struct Wanted {
        /// Which column of a run's row: 0 program, 1 user, 2 cgroup.
        var column: Int32
        /// The number of the name that it holds; nil where no run has such a name.
        var name: Int64?
        /// The user's number, of runs without a name of the user.
        var userID: Int64?
    }

    /// Prepares the statements.
    init(_ database: Database) throws {
        selectName = try PreparedStatement("SELECT id FROM name WHERE bytes = ?1", on: database)
        selectRun = try PreparedStatement(
            """
            SELECT program, user, cgroup, user_id FROM run
            WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
            """, on: database)
    }

    /// What to look for; nil if no run can have it.
    func wanted(_ subject: HistorySubject) throws -> Wanted? {
        var wanted: Wanted
        switch subject {
        case .run, .host: return nil
        case .program(let text, _): wanted = Wanted(column: 0, name: try number(of: text))
        case .cgroup(let text, _): wanted = Wanted(column: 2, name: try number(of: text))
        case .user(let text, _):
            wanted = Wanted(column: 1, name: try number(of: text))
            wanted.userID = Int64(String(decoding: text.bytes, as: UTF8.self))
        }
        return wanted.name == nil && wanted.userID == nil ? nil : wanted
    }

    /// Whether a run is one of those.
    func matches(_ run: RunPlace, _ wanted: Wanted) throws -> Bool {
        try run.bind(to: selectRun)
        defer { selectRun.reset() }
        guard try selectRun.step() else { return false }
        if let name = selectRun.number(wanted.column) { return name == wanted.name }
        guard let userID = wanted.userID else { return false }
        return selectRun.number(3) == userID
    }

    private func number(of name: RawText) throws -> Int64? {
        try selectName.bind(1, bytes: name.bytes)
        defer { selectName.reset() }
        return try selectName.step() ? selectName.number(0) : nil
    }
}
