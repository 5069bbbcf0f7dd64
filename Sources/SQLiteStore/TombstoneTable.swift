import GRDB
import MemoryModel
import PeakStore

/// How far a purge or its undoing is; the numbers are those of the column `state`.
enum PurgeState: Int64, Sendable {
    /// The tombstone stands, and not all was taken away yet.
    case takingAway = 1
    /// All was taken away.
    case standing = 2
    /// It does not stand any more, and not all was brought back yet.
    case bringingBack = 3
}

/// A tombstone's row.
struct TombstoneRow: Sendable {
    /// The number of its host.
    var host: Int64
    /// The tombstone.
    var tombstone: Tombstone
    /// How far it is.
    var state: PurgeState

    /// The stretch of time that it covers.
    var range: StoredRange {
        StoredRange(
            since: tombstone.request.sinceMilliseconds,
            until: tombstone.request.untilMilliseconds)
    }
}

/// The tombstones that stand, by host, as commits check them.
struct StandingTombstones {
    private var requests: [HostID: [(id: Int64, request: PurgeRequest)]] = [:]

    /// Reads them.
    init(_ database: Database) throws {
        for row in try TombstoneTable.rows(database) where row.state != .bringingBack {
            requests[row.tombstone.request.host, default: []]
                .append((row.tombstone.id, row.tombstone.request))
        }
    }

    /// The first of them that covers what happened on `host` in `bracket`; nil if none does.
    func covering(_ bracket: TimeBracket?, of host: HostID) -> Int64? {
        guard let bracket, let known = requests[host] else { return nil }
        return known.first { $0.request.covers(bracket) }?.id
    }
}

/// Reads and writes tombstones.
enum TombstoneTable {
    /// All of them, by number.
    static func rows(_ database: Database) throws -> [TombstoneRow] {
        let row = try PreparedStatement(
            """
            SELECT tombstone.id, host.host_id, since_at_ms, until_at_ms, created_at_ms, state,
                tombstone.host
            FROM tombstone CROSS JOIN host ON host.id = tombstone.host ORDER BY tombstone.id
            """, on: database)
        defer { row.reset() }
        var rows: [TombstoneRow] = []
        while try row.step() {
            guard let state = PurgeState(rawValue: try row.required(5, as: Int64.self)) else {
                throw DamagedRow(reason: "a tombstone is in an unknown state")
            }
            let request = PurgeRequest(
                host: try HostReader.hostID(row, 1),
                sinceMilliseconds: try row.required(2, as: Int64.self),
                untilMilliseconds: try row.required(3, as: Int64.self))
            rows.append(
                TombstoneRow(
                    host: try row.required(6, as: Int64.self),
                    tombstone: Tombstone(
                        id: try row.required(0, as: Int64.self), request: request,
                        createdAtMilliseconds: try row.required(4, as: Int64.self)),
                    state: state))
        }
        return rows
    }

    /// Makes one that stands from now on.
    static func insert(
        _ request: PurgeRequest, host: Int64, nowMilliseconds: Int64, on database: Database
    ) throws -> TombstoneRow {
        let insert = try PreparedStatement(
            """
            INSERT INTO tombstone (host, since_at_ms, until_at_ms, created_at_ms, state)
            VALUES (?1, ?2, ?3, ?4, \(PurgeState.takingAway.rawValue)) RETURNING id
            """, on: database)
        defer { insert.reset() }
        try insert.bind(1, host)
        try insert.bind(2, request.sinceMilliseconds)
        try insert.bind(3, request.untilMilliseconds)
        try insert.bind(4, nowMilliseconds)
        guard try insert.step() else { throw DamagedRow(reason: "a tombstone got no number") }
        let id = try insert.required(0, as: Int64.self)
        while try insert.step() {}
        return TombstoneRow(
            host: host,
            tombstone: Tombstone(
                id: id, request: request, createdAtMilliseconds: nowMilliseconds),
            state: .takingAway)
    }

    /// Notes how far one is.
    static func set(_ state: PurgeState, of id: Int64, on database: Database) throws {
        let update = try PreparedStatement(
            "UPDATE tombstone SET state = ?2 WHERE id = ?1", on: database)
        try update.bind(1, id)
        try update.bind(2, state.rawValue)
        try update.run()
    }

    /// Removes one under which nothing is set aside any more.
    static func delete(_ id: Int64, on database: Database) throws {
        let delete = try PreparedStatement("DELETE FROM tombstone WHERE id = ?1", on: database)
        try delete.bind(1, id)
        try delete.run()
    }

    /// How much is set aside under one.
    static func outcome(of tombstone: Tombstone, on database: Database) throws -> PurgeOutcome {
        func count(_ table: String) throws -> Int {
            let row = try PreparedStatement(
                "SELECT count(*) FROM \(table) WHERE tombstone = ?1", on: database)
            defer { row.reset() }
            try row.bind(1, tombstone.id)
            return try row.step() ? row.required(0, as: Int.self) : 0
        }
        return PurgeOutcome(
            tombstone: tombstone, runs: try count("purged_run"), totals: try count("purged_total"),
            cgroups: try count("purged_cgroup"), folds: try count("purged_fold"),
            sections: try count("purged_section"), windows: try count("purged_window"))
    }
}
