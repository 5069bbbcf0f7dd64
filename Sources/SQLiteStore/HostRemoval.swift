import GRDB
import MemoryModel

/// Removes hosts of which nothing is left, during one transaction.
struct HostRemoval {
    private let database: Database
    private let selectSilent: PreparedStatement
    private let selectAny: PreparedStatement

    /// Prepares the statements.
    init(_ database: Database) throws {
        self.database = database
        selectSilent = try PreparedStatement(
            """
            SELECT id, host_id FROM host WHERE id > ?1 AND last_heard_at_ms < ?2
            ORDER BY id LIMIT ?3
            """, on: database)
        selectAny = try PreparedStatement(HostRemoval.any, on: database)
    }

    /// Hosts that were last heard before then, by number.
    func silent(
        after number: Int64, beforeMilliseconds before: Int64, limit: Int
    ) throws -> [(number: Int64, id: HostID)] {
        try selectSilent.bind(1, number)
        try selectSilent.bind(2, before)
        try selectSilent.bind(3, StoredRange.limit(limit))
        defer { selectSilent.reset() }
        var hosts: [(number: Int64, id: HostID)] = []
        while try selectSilent.step() {
            hosts.append(
                (
                    try selectSilent.required(0, as: Int64.self),
                    try HostReader.hostID(selectSilent, 1)
                ))
        }
        return hosts
    }

    /// Whether nothing is known of a host but what it was, sums aside, which have no index by host.
    func isEmpty(_ host: Int64) throws -> Bool {
        try selectAny.bind(1, host)
        defer { selectAny.reset() }
        return try !selectAny.step()
    }

    /// Removes the host itself and what its agents counted.
    func remove(_ host: Int64, _ id: HostID, _ caches: inout WriterCaches) throws {
        for table in HostRemoval.tables {
            let column = table == "host" ? "id" : "host"
            let delete = try PreparedStatement(
                "DELETE FROM \(table) WHERE \(column) = ?1", on: database)
            try delete.bind(1, host)
            try delete.run()
        }
        // Its number, and those of its boots, may be others' next.
        caches.forget(host, id)
    }

    /// What goes with a host; it itself comes last.
    private static let tables = [
        "host_label", "counter", "applied", "agent_health", "boot", "host",
    ]

    /// Finds something in the tables that have facts of a host or of its boots.
    private static let any: String = {
        let ofHost = ["fold", "gap", "tombstone"].map { "SELECT 1 FROM \($0) WHERE host = ?1" }
        let ofSubjects = "SELECT 1 FROM subject_block WHERE length IN (2, 3) AND host = ?1"
        let ofBoots = [
            "run", "cgroup", "oom_kill", "section", "growth", "window", "window_hour",
        ].map { table in
            """
            SELECT 1 FROM boot CROSS JOIN \(table) ON \(table).boot = boot.id
            WHERE boot.host = ?1
            """
        }
        return (ofHost + [ofSubjects] + ofBoots).joined(separator: " UNION ALL ") + " LIMIT 1"
    }()
}
