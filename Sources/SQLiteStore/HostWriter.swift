import GRDB
import MemoryModel
import PeakStore

/// What the writer remembers from one transaction to the next.
struct WriterCaches {
    /// The numbers of names.
    var names = NameCache(maximumBytes: 16 << 20)
    /// The numbers of hosts.
    var hosts: [HostID: Int64] = [:]
    /// What was written of each host last, but for when it was heard, as a hash.
    var describedHosts: [HostID: Int] = [:]
    /// The numbers of boots.
    var boots: [BootOfHost: Int64] = [:]
    /// What was purged and must not come back; nil before it was read.
    var tombstones: StandingTombstones?
    /// Ordinals that this transaction applied and has not written yet.
    var applied: [EpochOfHost: OrdinalRanges] = [:]
    /// Which hours were looked through for runs to fold.
    var folding = FoldingProgress()
    /// How far the sweep is that looks for what no index finds.
    var sweep = SweepProgress()

    /// The most hosts, and the most boots, that are remembered.
    static let maximumCount = 65_536

    /// Forgets everything: after a transaction that was undone, its numbers mean nothing.
    mutating func removeAll() {
        names.removeAll()
        hosts = [:]
        describedHosts = [:]
        boots = [:]
        tombstones = nil
        applied = [:]
        folding = FoldingProgress()
        sweep.place = nil
    }

    /// Forgets a host that is removed.
    mutating func forget(_ host: Int64, _ id: HostID) {
        hosts[id] = nil
        describedHosts[id] = nil
        boots = boots.filter { $0.key.host != host }
    }

    /// Reads the tombstones unless they are known.
    mutating func readTombstones(_ database: Database) throws {
        if tombstones == nil { tombstones = try StandingTombstones(database) }
    }

    /// The first tombstone that covers what happened on `host` in `bracket`; nil if none does.
    func tombstone(over bracket: TimeBracket?, of host: HostID) -> Int64? {
        tombstones?.covering(bracket, of: host)
    }
}

/// A boot and the host it is of.
struct BootOfHost: Hashable {
    /// The number of the host.
    var host: Int64
    /// The boot.
    var boot: BootID
}

/// Gives hosts and boots their numbers during one transaction.
struct HostKeys {
    private let selectHost: PreparedStatement
    private let insertHost: PreparedStatement
    private let selectBoot: PreparedStatement
    private let insertBoot: PreparedStatement

    /// Prepares the statements.
    init(_ database: Database) throws {
        selectHost = try PreparedStatement("SELECT id FROM host WHERE host_id = ?1", on: database)
        insertHost = try PreparedStatement(
            "INSERT INTO host (host_id) VALUES (?1) ON CONFLICT DO NOTHING", on: database)
        selectBoot = try PreparedStatement(
            "SELECT id FROM boot WHERE host = ?1 AND boot_id = ?2", on: database)
        insertBoot = try PreparedStatement(
            "INSERT INTO boot (host, boot_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            on: database)
    }

    /// The number of `host`, which it gets now if it has none.
    func host(_ host: HostID, _ caches: inout WriterCaches) throws -> Int64 {
        if let id = caches.hosts[host] {
            // A sweep removes no host that something is written of beside it.
            if caches.sweep.place != nil { caches.sweep.busyHosts.insert(id) }
            return id
        }
        try insertHost.bind(1, text: host.text)
        try insertHost.run()
        try selectHost.bind(1, text: host.text)
        let id = try number(of: selectHost)
        if caches.hosts.count >= WriterCaches.maximumCount { caches.hosts = [:] }
        caches.hosts[host] = id
        if caches.sweep.place != nil { caches.sweep.busyHosts.insert(id) }
        return id
    }

    /// The number of `boot`, which it and its host get now if they have none.
    func boot(_ boot: BootID, of host: HostID, _ caches: inout WriterCaches) throws -> Int64 {
        let key = BootOfHost(host: try self.host(host, &caches), boot: boot)
        if let id = caches.boots[key] { return id }
        for statement in [insertBoot, selectBoot] {
            try statement.bind(1, key.host)
            try statement.bind(2, bytes: boot.bytes)
        }
        try insertBoot.run()
        let id = try number(of: selectBoot)
        if caches.boots.count >= WriterCaches.maximumCount { caches.boots = [:] }
        caches.boots[key] = id
        return id
    }

    private func number(of statement: PreparedStatement) throws -> Int64 {
        defer { statement.reset() }
        guard try statement.step() else { throw DamagedRow(reason: "a host got no number") }
        return try statement.required(0, as: Int64.self)
    }
}

/// Merges hosts and their agents' counters during one transaction.
struct HostWriter {
    private let widen: PreparedStatement
    private let describe: PreparedStatement
    private let hear: PreparedStatement
    private let deleteLabels: PreparedStatement
    private let insertLabel: PreparedStatement
    private let count: PreparedStatement
    private let names: NameWriter
    private let hosts: HostKeys

    /// Prepares the statements.
    init(_ database: Database, names: NameWriter, hosts: HostKeys) throws {
        widen = try PreparedStatement(HostMerge.widen, on: database)
        describe = try PreparedStatement(HostMerge.describe, on: database)
        hear = try PreparedStatement(HostMerge.hear, on: database)
        deleteLabels = try PreparedStatement(
            "DELETE FROM host_label WHERE host = ?1", on: database)
        insertLabel = try PreparedStatement(
            "INSERT INTO host_label (host, ordinal, key, value) VALUES (?1, ?2, ?3, ?4)",
            on: database)
        count = try PreparedStatement(HostMerge.count, on: database)
        self.names = names
        self.hosts = hosts
    }

    /// Makes `host` and the row of its id one.
    func merge(_ host: StoredHost, _ caches: inout WriterCaches) throws {
        let id = try hosts.host(host.id, &caches)
        // Swift seeds hashes for each process, so that nobody can choose two that are equal, and by
        // chance two of 64 bits are not.
        var lasting = host
        lasting.lastHeardAtMilliseconds = 0
        let hash = lasting.hashValue
        guard caches.describedHosts[host.id] != hash else {
            try hear.bind(1, id)
            try hear.bind(2, host.lastHeardAtMilliseconds)
            try hear.run()
            return
        }
        try write(host, id, &caches)
        if caches.describedHosts.count >= WriterCaches.maximumCount { caches.describedHosts = [:] }
        caches.describedHosts[host.id] = hash
    }

    private func write(_ host: StoredHost, _ id: Int64, _ caches: inout WriterCaches) throws {
        let description = host.description
        try describe.bind(1, id)
        try describe.bind(2, bytes: host.boot.bytes)
        try describe.bind(3, host.epoch.storedBits)
        try describe.bind(4, names.id(of: description.name, &caches.names))
        try describe.bind(5, names.id(of: description.kernelRelease, &caches.names))
        try describe.bind(6, names.id(of: host.agentVersion, &caches.names))
        try describe.bind(7, description.memoryTotalBytes.storedAmount)
        try describe.bind(8, description.swapTotalBytes.storedAmount)
        try describe.bind(9, Int64(description.processorCount))
        try describe.bind(10, Int64(description.ticksPerSecond))
        try describe.bind(11, description.wallMinusBootMilliseconds)
        try describe.bind(12, Int64(description.intervalMilliseconds))
        try describe.bind(13, Int64(description.restrictions.rawValue))
        try describe.bind(14, host.lastHeardAtMilliseconds)
        try describe.run()
        try replaceLabels(of: id, by: description.labels)
        try widen.bind(1, id)
        try widen.bind(2, host.firstHeardAtMilliseconds)
        try widen.run()
    }

    /// Makes `counters` and the rows of their host and epoch one.
    func merge(_ counters: StoredCounters, _ caches: inout WriterCaches) throws {
        let host = try hosts.host(counters.host, &caches)
        for (reason, value) in counters.values {
            try count.bind(1, host)
            try count.bind(2, counters.epoch.storedBits)
            try count.bind(3, Int64(reason.rawValue))
            try count.bind(4, value.storedAmount)
            try count.run()
        }
    }

    private func replaceLabels(of host: Int64, by labels: [HostLabel]) throws {
        try deleteLabels.bind(1, host)
        try deleteLabels.run()
        for (ordinal, label) in labels.enumerated() {
            try insertLabel.bind(1, host)
            try insertLabel.bind(2, Int64(ordinal))
            try insertLabel.bind(3, bytes: label.key.bytes)
            try insertLabel.bind(4, bytes: label.value.bytes)
            try insertLabel.run()
        }
    }
}

/// The merge table as SQL for hosts and counters.
enum HostMerge {
    /// What describes a host goes by the last writer, whatever the clock says: after it was set
    /// back, a host is heard at times before those that were written.
    static let describe = """
        UPDATE host SET
            boot_id = ?2, epoch = ?3, name = ?4, kernel_release = ?5, agent_version = ?6,
            memory_total_bytes = ?7, swap_total_bytes = ?8, processor_count = ?9,
            ticks_per_second = ?10, wall_minus_boot_ms = ?11, interval_ms = ?12,
            restrictions = ?13, last_heard_at_ms = ?14
        WHERE id = ?1
        """

    /// A host of which nothing but that has changed was heard again.
    static let hear = "UPDATE host SET last_heard_at_ms = ?2 WHERE id = ?1"

    /// The earliest time at which it was heard of stays.
    static let widen = """
        UPDATE host SET first_heard_at_ms = ?2
        WHERE id = ?1 AND (first_heard_at_ms IS NULL OR ?2 < first_heard_at_ms)
        """

    /// The greater count stays.
    static let count = """
        INSERT INTO counter (host, epoch, reason, value) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET value = excluded.value WHERE excluded.value > value
        """
}
