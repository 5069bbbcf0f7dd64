import GRDB
import MemoryModel
import PeakStore

/// Keeps in the table `agent_health` what agents said of themselves last.
struct HealthWriter {
    private let replace: PreparedStatement
    private let hosts: HostKeys

    /// The columns behind the key, also in the order in which `HealthReader` takes them.
    static let columns = """
        epoch, at_ms, started_at_ms, processor_ms, resident_bytes, anonymous_bytes, peak_bytes, \
        asked_interval_ms, interval_ms, look_us, longest_look_us, run_count, sources
        """

    /// What was said later stays, whole.
    private static let replaceRow = """
        INSERT INTO agent_health (host, \(columns))
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        ON CONFLICT DO UPDATE SET
            (\(columns)) = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        WHERE excluded.at_ms >= at_ms
        """

    /// Prepares the statement.
    init(_ database: Database, hosts: HostKeys) throws {
        replace = try PreparedStatement(HealthWriter.replaceRow, on: database)
        self.hosts = hosts
    }

    /// Makes `stored` and the row of its host one.
    func merge(_ stored: StoredHealth, _ caches: inout WriterCaches) throws {
        let health = stored.health
        try replace.bind(1, hosts.host(stored.host, &caches))
        try replace.bind(2, stored.epoch.storedBits)
        try replace.bind(3, health.atMilliseconds)
        try replace.bind(4, health.startedAtMilliseconds)
        try replace.bind(5, health.processorMilliseconds.storedAmount)
        try replace.bind(6, health.residentBytes?.storedAmount)
        try replace.bind(7, health.anonymousBytes?.storedAmount)
        try replace.bind(8, health.peakBytes?.storedAmount)
        try replace.bind(9, Int64(health.askedIntervalMilliseconds))
        try replace.bind(10, Int64(health.intervalMilliseconds))
        try replace.bind(11, health.lookMicroseconds.storedAmount)
        try replace.bind(12, health.longestLookMicroseconds.storedAmount)
        try replace.bind(13, health.runCount.storedAmount)
        try replace.bind(14, Int64(health.sources.rawValue))
        try replace.run()
    }
}

/// Reads what agents said of themselves during one read.
struct HealthReader {
    private let database: Database

    /// Prepares for reading from `database`.
    init(_ database: Database) {
        self.database = database
    }

    /// What each host's agent said last.
    func health() throws -> [HostID: StoredHealth] {
        let row = try PreparedStatement(
            """
            SELECT (SELECT host_id FROM host WHERE host.id = agent_health.host), \(HealthWriter.columns)
            FROM agent_health
            """, on: database)
        defer { row.reset() }
        var all: [HostID: StoredHealth] = [:]
        while try row.step() {
            let host = try HostReader.hostID(row, 0)
            all[host] = StoredHealth(
                host: host, epoch: UInt64(bitPattern: try row.required(1, as: Int64.self)),
                health: try health(row))
        }
        return all
    }

    private func health(_ row: PreparedStatement) throws -> AgentHealth {
        var health = AgentHealth(
            atMilliseconds: try row.required(2, as: Int64.self),
            startedAtMilliseconds: try row.required(3, as: Int64.self))
        health.processorMilliseconds = try row.required(4, as: UInt64.self)
        health.residentBytes = try row.value(5, as: UInt64.self)
        health.anonymousBytes = try row.value(6, as: UInt64.self)
        health.peakBytes = try row.value(7, as: UInt64.self)
        health.askedIntervalMilliseconds = try row.required(8, as: UInt32.self)
        health.intervalMilliseconds = try row.required(9, as: UInt32.self)
        health.lookMicroseconds = try row.required(10, as: UInt64.self)
        health.longestLookMicroseconds = try row.required(11, as: UInt64.self)
        health.runCount = try row.required(12, as: UInt64.self)
        health.sources = AgentSources(rawValue: try row.required(13, as: UInt32.self))
        return health
    }
}
