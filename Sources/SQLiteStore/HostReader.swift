import GRDB
import MemoryModel
import PeakStore

/// Reads hosts, and the counters of their agents, during one read.
struct HostReader {
    private let database: Database
    private var names: NameReader

    private static let selectHosts = """
        SELECT
            id, host_id, boot_id, epoch, name, kernel_release, agent_version,
            memory_total_bytes, swap_total_bytes, processor_count, ticks_per_second,
            wall_minus_boot_ms, interval_ms, restrictions, first_heard_at_ms, last_heard_at_ms
        FROM host WHERE boot_id IS NOT NULL ORDER BY host_id
        """

    /// Prepares for reading from `database`.
    init(_ database: Database) throws {
        self.database = database
        names = try NameReader(database)
    }

    /// Every host that was described, ordered by id.
    mutating func hosts() throws -> [StoredHost] {
        let row = try PreparedStatement(HostReader.selectHosts, on: database)
        defer { row.reset() }
        let labels = try labels()
        var hosts: [StoredHost] = []
        while try row.step() {
            let number = try row.required(0, as: Int64.self)
            hosts.append(try host(row, labels: labels[number] ?? []))
        }
        return hosts
    }

    /// The sum over all epochs of each host's counters; a sum too large for 64 bits is the largest
    /// number.
    func counters() throws -> [HostID: [CounterReason: UInt64]] {
        let row = try PreparedStatement(
            """
            SELECT host.host_id, reason, value FROM counter JOIN host ON host.id = counter.host
            """, on: database)
        defer { row.reset() }
        var totals: [HostID: [CounterReason: UInt64]] = [:]
        while try row.step() {
            // A later program may count more, and its database may come back to this one.
            let number = try row.required(1, as: UInt16.self)
            guard let reason = CounterReason(rawValue: number) else { continue }
            let value = try row.required(2, as: UInt64.self)
            let host = try HostReader.hostID(row, 0)
            let sum = (totals[host]?[reason] ?? 0).addingReportingOverflow(value)
            totals[host, default: [:]][reason] = sum.overflow ? .max : sum.partialValue
        }
        return totals
    }

    private mutating func host(
        _ row: PreparedStatement, labels: [HostLabel]
    ) throws -> StoredHost {
        guard let boot = BootID(bytes: row.bytes(2)) else {
            throw DamagedRow(reason: "a host's boot is not of 16 bytes")
        }
        let description = HostDescription(
            name: try names.name(row.required(4, as: Int64.self)),
            kernelRelease: try names.name(row.required(5, as: Int64.self)),
            memoryTotalBytes: try row.required(7, as: UInt64.self),
            swapTotalBytes: try row.required(8, as: UInt64.self),
            processorCount: try row.required(9, as: UInt32.self),
            ticksPerSecond: try row.required(10, as: UInt32.self),
            wallMinusBootMilliseconds: try row.required(11, as: Int64.self),
            intervalMilliseconds: try row.required(12, as: UInt32.self),
            restrictions: ViewRestrictions(rawValue: try row.required(13, as: UInt32.self)),
            labels: labels)
        return StoredHost(
            id: try HostReader.hostID(row, 1), boot: boot,
            epoch: UInt64(bitPattern: try row.required(3, as: Int64.self)),
            description: description,
            agentVersion: try names.name(row.required(6, as: Int64.self)),
            firstHeardAtMilliseconds: try row.required(14, as: Int64.self),
            lastHeardAtMilliseconds: try row.required(15, as: Int64.self))
    }

    /// The labels of each host by its number, in their order.
    func labels() throws -> [Int64: [HostLabel]] {
        let row = try PreparedStatement(
            "SELECT host, key, value FROM host_label ORDER BY host, ordinal", on: database)
        defer { row.reset() }
        var labels: [Int64: [HostLabel]] = [:]
        while try row.step() {
            labels[try row.required(0, as: Int64.self), default: []].append(
                HostLabel(key: RawText(row.bytes(1)), value: RawText(row.bytes(2))))
        }
        return labels
    }

    /// The host id in `column`.
    static func hostID(_ row: PreparedStatement, _ column: Int32) throws -> HostID {
        guard let host = HostID(RawText(row.bytes(column))) else {
            throw DamagedRow(reason: "a host's id is not one")
        }
        return host
    }
}
