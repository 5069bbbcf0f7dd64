import GRDB
import MemoryModel

/// Removes everything of a host, each step within one transaction.
///
/// The host itself goes last: what is interrupted can be asked for again.
struct ForgettingSteps {
    private let database: Database

    /// An hour's greatest sums of one kind.
    struct Hour: Sendable {
        /// The number of the kind.
        var kind: Int64
        /// The beginning of the hour.
        var hour: Int64
    }

    /// The most rows of one step.
    static let stepRows = 2_000

    /// Works on `database`.
    init(_ database: Database) {
        self.database = database
    }

    /// The number of a host; nil if there is none.
    func number(of host: HostID) throws -> Int64? {
        let row = try PreparedStatement("SELECT id FROM host WHERE host_id = ?1", on: database)
        defer { row.reset() }
        try row.bind(1, text: host.text)
        return try row.step() ? row.required(0, as: Int64.self) : nil
    }

    /// How much there is of a host.
    func contents(of host: Int64) throws -> HostContents {
        var contents = HostContents()
        contents.runs = try count("run", Rows.ofBoots, host)
        contents.folds = try count("fold", Rows.ofHost, host)
        contents.totals = try count("total", Rows.ofHost, host)
        contents.hours = try count("window_hour", Rows.ofBoots, host)
        contents.facts = try count("gap", Rows.ofHost, host)
        for table in ["oom_kill", "cgroup", "section"] {
            contents.facts += try count(table, Rows.ofBoots, host)
        }
        return contents
    }

    private func count(_ table: String, _ condition: String, _ host: Int64) throws -> Int {
        let row = try PreparedStatement(
            "SELECT count(*) FROM \(table) WHERE \(condition)", on: database)
        defer { row.reset() }
        try row.bind(1, host)
        return try row.step() ? row.required(0, as: Int.self) : 0
    }

    // MARK: Sums

    /// The hours in which a host has sums, which no index tells.
    func hoursOfSums(of host: Int64) throws -> [Hour] {
        let row = try PreparedStatement(
            """
            SELECT DISTINCT kind, hour_at_ms FROM total WHERE host = ?1
            UNION SELECT 0, hour_at_ms FROM total_share WHERE host = ?1
            """, on: database)
        defer { row.reset() }
        try row.bind(1, host)
        var hours: [Hour] = []
        while try row.step() {
            hours.append(
                Hour(
                    kind: try row.required(0, as: Int64.self),
                    hour: try row.required(1, as: Int64.self)))
        }
        return hours
    }

    /// Removes the sums of these hours, and what they were made of.
    func removeSums(of host: Int64, in hours: some Sequence<Hour>) throws {
        let sums = try PreparedStatement(
            "DELETE FROM total WHERE kind = ?3 AND hour_at_ms = ?2 AND host = ?1", on: database)
        let shares = try PreparedStatement(
            "DELETE FROM total_share WHERE hour_at_ms = ?2 AND host = ?1", on: database)
        for hour in hours {
            let delete = hour.kind == 0 ? shares : sums
            try delete.bind(1, host)
            try delete.bind(2, hour.hour)
            if hour.kind != 0 { try delete.bind(3, hour.kind) }
            try delete.run()
        }
    }

    // MARK: Rows

    /// Rows of a table that go.
    struct Rows: Sendable {
        fileprivate var table: String
        fileprivate var key: String
        fileprivate var condition: String

        fileprivate static let ofHost = "host = ?1"
        fileprivate static let ofBoots = "boot IN (SELECT id FROM boot WHERE host = ?1)"
        fileprivate static let ofTombstones =
            "tombstone IN (SELECT id FROM tombstone WHERE host = ?1)"
    }

    /// Removes some of the rows, and returns how many.
    func remove(_ rows: Rows, of host: Int64) throws -> Int {
        if rows.table == "window_hour" { try removeBlocks(of: host) }
        let delete = try PreparedStatement(
            """
            DELETE FROM \(rows.table) WHERE (\(rows.key)) IN (
                SELECT \(rows.key) FROM \(rows.table) WHERE \(rows.condition)
                ORDER BY \(rows.key) LIMIT ?2)
            """, on: database)
        try delete.bind(1, host)
        try delete.bind(2, Int64(ForgettingSteps.stepRows))
        return try delete.run()
    }

    /// Removes the blocks of the hours that go next.
    private func removeBlocks(of host: Int64) throws {
        let delete = try PreparedStatement(
            """
            DELETE FROM window_block WHERE (hour_at_ms, boot) IN (
                SELECT hour_at_ms, boot FROM window_hour WHERE \(Rows.ofBoots)
                ORDER BY boot, hour_at_ms LIMIT ?2)
            """, on: database)
        try delete.bind(1, host)
        try delete.bind(2, Int64(ForgettingSteps.stepRows))
        try delete.run()
    }

    /// All of them, what stands under a tombstone before it.
    static let all: [Rows] = {
        let run = "boot, pid, start_ticks, image"
        let window = "boot, starts_at_ms, length, pid, start_ticks, image"
        let purged = [
            ("purged_run", run), ("purged_total", "kind, hour_at_ms, host, name"),
            ("purged_total_share", "hour_at_ms, host, rank"),
            ("purged_cgroup", "boot, path, inode"),
            ("purged_fold", "host, epoch, ordinal"), ("purged_section", run + ", name, epoch"),
            ("purged_window", window), ("purged_window_hour", "boot, hour_at_ms"),
        ].map {
            Rows(table: $0.0, key: "tombstone, " + $0.1, condition: Rows.ofTombstones)
        }
        let ofBoots = [
            ("window", window), ("window_hour", "boot, hour_at_ms"),
            ("growth_frame", run + ", epoch, depth"),
            ("growth_line", run + ", epoch, file, function, line"), ("growth", run + ", epoch"),
            ("section", run + ", name, epoch"), ("oom_kill", "boot, at_boot_ms, pid"),
            ("cgroup", "boot, path, inode"), ("run", run),
        ].map { Rows(table: $0.0, key: $0.1, condition: Rows.ofBoots) }
        let ofHost = [
            ("tombstone", "id"), ("subject_block", "id"), ("fold", "host, epoch, ordinal"),
            ("gap", "host, epoch, ordinal"),
        ].map { Rows(table: $0.0, key: $0.1, condition: Rows.ofHost) }
        return purged + ofBoots + ofHost
    }()
}
