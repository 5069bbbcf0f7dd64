import Foundation
import GRDB
import MemoryModel

/// What a collector's database says of one host beside its runs and folds.
struct DatabaseRegisters: Sendable {
    var gaps: [FactName: Gap] = [:]
    var totals: [TotalName: TotalPeak] = [:]
    var counters: [CounterName: UInt64] = [:]
    /// Windows of minutes and hours that are not packed.
    var windows: [WindowName: Window] = [:]
    /// Minutes that were watched.
    var coveredMinutes: Set<Int64> = []
    /// Hours whose windows may be packed: what stands in blocks is not read here.
    var packedHours: Set<Int64> = []
    /// Ordinals of ended runs and folds that were taken in.
    var applied: Set<FactName> = []

    /// Reads those of all hosts.
    static func all(_ database: Database) throws -> [String: DatabaseRegisters] {
        var hosts: [String: DatabaseRegisters] = [:]
        for read in [readGaps, readTotals, readCounters, readWindows, readHours, readApplied] {
            try read(database, &hosts)
        }
        return hosts
    }

    private typealias Hosts = [String: DatabaseRegisters]

    private static func readGaps(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, gap.epoch, ordinal, reason, not_before_ms, not_after_ms, missed_count
            FROM gap JOIN host ON host.id = gap.host
            """
        ) { row, host in
            guard let reason = GapReason(rawValue: row["reason"]) else { return }
            let ordinal = number(row["ordinal"])
            let begin: Int64? = row["not_before_ms"]
            let end: Int64? = row["not_after_ms"]
            var bracket: TimeBracket?
            if let begin, let end {
                bracket = TimeBracket(notBeforeMilliseconds: begin, notAfterMilliseconds: end)
            }
            let missed: Int64? = row["missed_count"]
            hosts[host, default: .init()].gaps[
                FactName(epoch: number(row["epoch"]), ordinal: ordinal)] = Gap(
                    ordinal: ordinal, reason: reason, bracket: bracket,
                    missedCount: missed.map { UInt64($0) })
        }
    }

    private static func readTotals(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, kind, hour_at_ms, name.bytes AS subject, total.bytes, at_ms, run_count
            FROM total JOIN host ON host.id = total.host JOIN name ON name.id = total.name
            """
        ) { row, host in
            guard let kind = TotalKind(rawValue: row["kind"]) else { return }
            let subject: Data = row["subject"]
            let name = TotalName(
                subject: TotalSubject(kind: kind, name: RawText(Array(subject))),
                hourMilliseconds: row["hour_at_ms"])
            hosts[host, default: .init()].totals[name] = TotalPeak(
                bytes: number(row["bytes"]), atMilliseconds: row["at_ms"],
                runCount: number(row["run_count"]))
        }
    }

    private static func readCounters(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, counter.epoch, reason, value
            FROM counter JOIN host ON host.id = counter.host
            """
        ) { row, host in
            guard let reason = CounterReason(rawValue: row["reason"]) else { return }
            let name = CounterName(epoch: number(row["epoch"]), reason: reason)
            hosts[host, default: .init()].counters[name] = number(row["value"])
        }
    }

    private static func readWindows(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, pid, start_ticks, image, starts_at_ms, length, at_least_bytes,
                at_most_bytes
            FROM "window" JOIN boot ON boot.id = "window".boot JOIN host ON host.id = boot.host
            """
        ) { row, host in
            guard let length = WindowLength(rawValue: row["length"]) else { return }
            let name = WindowName(
                key: ProcessKey(
                    pid: row["pid"], startTicks: number(row["start_ticks"]), image: row["image"]),
                length: length, startsAtMilliseconds: row["starts_at_ms"])
            let atMost: Int64? = row["at_most_bytes"]
            hosts[host, default: .init()].windows[name] = Window(
                atLeastBytes: number(row["at_least_bytes"]), atMostBytes: atMost.map { UInt64($0) })
        }
    }

    private static func readHours(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, hour_at_ms, covered, block_bytes FROM window_hour
            JOIN boot ON boot.id = window_hour.boot JOIN host ON host.id = boot.host
            """
        ) { row, host in
            let hour: Int64 = row["hour_at_ms"]
            let covered = number(row["covered"])
            let minutes = (0..<60).filter { covered >> UInt64($0) & 1 == 1 }
            let size: Int = row["block_bytes"]
            hosts[host, default: .init()].coveredMinutes.formUnion(
                minutes.map { hour + Int64($0) * WindowLength.minute.milliseconds })
            if size > 0 { hosts[host, default: .init()].packedHours.insert(hour) }
        }
    }

    private static func readApplied(_ database: Database, _ hosts: inout Hosts) throws {
        try each(
            database,
            """
            SELECT host_id, applied.epoch, first, last
            FROM applied JOIN host ON host.id = applied.host
            """
        ) { row, host in
            let epoch = number(row["epoch"])
            let first: Int64 = row["first"]
            let last: Int64 = row["last"]
            guard first <= last else { return }
            for ordinal in first...last {
                hosts[host, default: .init()].applied.insert(
                    FactName(epoch: epoch, ordinal: UInt64(bitPattern: ordinal)))
            }
        }
    }

    private static func each(
        _ database: Database, _ sql: String, _ take: (GRDB.Row, String) throws -> Void
    ) throws {
        let rows = try GRDB.Row.fetchCursor(database, sql: sql)
        while let row = try rows.next() { try take(row, row["host_id"]) }
    }

    /// A number of 64 bits that is kept as its bit pattern.
    private static func number(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) }
}
