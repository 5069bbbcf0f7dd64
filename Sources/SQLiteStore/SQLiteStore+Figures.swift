import GRDB
public import MemoryModel

// What monitoring asks of a store.

extension SQLiteStore {
    /// How much of the disk the write-ahead log takes, in bytes.
    public func logBytes() -> UInt64? { UInt64(max(0, writeAheadLogBytes())) }

    /// How many gaps of each reason each host has; reasons that are not known here are left out.
    public func gapCounts() throws -> [HostID: [GapReason: UInt64]] {
        try read { database in
            let row = try PreparedStatement(
                """
                SELECT host.host_id, reason, count(*) FROM gap JOIN host ON host.id = gap.host
                GROUP BY gap.host, reason
                """, on: database)
            defer { row.reset() }
            var counts: [HostID: [GapReason: UInt64]] = [:]
            while try row.step() {
                guard let reason = GapReason(rawValue: try row.required(1, as: UInt8.self)) else {
                    continue
                }
                let host = try HostReader.hostID(row, 0)
                counts[host, default: [:]][reason] = try row.required(2, as: UInt64.self)
            }
            return counts
        }
    }
}
