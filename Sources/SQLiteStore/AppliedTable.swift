import GRDB
import MemoryModel
import PeakStore

/// One start of an agent, by its host's number.
struct EpochOfHost: Hashable {
    /// The number of the host.
    var host: Int64
    /// The start of its agent.
    var epoch: UInt64
}

/// Knows and notes which ordinals were applied, during one transaction.
///
/// The table holds ranges that do not touch. The ordinals of a transaction are gathered in
/// `WriterCaches.applied` and written at its end, so that a thousand ends in a row cost one range.
///
/// Ordinals stand and are ordered as signed numbers: a set is the same set in any order, and those
/// from 2^63 on, which no honest agent reaches, only stand before 0.
struct AppliedWriter {
    private let selectBelow: PreparedStatement
    private let selectAbove: PreparedStatement
    private let delete: PreparedStatement
    private let insert: PreparedStatement

    /// Prepares the statements.
    init(_ database: Database) throws {
        selectBelow = try PreparedStatement(
            """
            SELECT first, last FROM applied WHERE host = ?1 AND epoch = ?2 AND first <= ?3
            ORDER BY first DESC LIMIT 1
            """, on: database)
        selectAbove = try PreparedStatement(
            """
            SELECT first, last FROM applied
            WHERE host = ?1 AND epoch = ?2 AND first >= ?3 AND first <= ?4
            ORDER BY first LIMIT 1
            """, on: database)
        delete = try PreparedStatement(
            "DELETE FROM applied WHERE host = ?1 AND epoch = ?2 AND first = ?3", on: database)
        insert = try PreparedStatement(
            "INSERT INTO applied (host, epoch, first, last) VALUES (?1, ?2, ?3, ?4)",
            on: database)
    }

    /// Whether `ordinal` was applied, in this transaction or before.
    func contains(
        _ ordinal: UInt64, of epoch: EpochOfHost, _ caches: borrowing WriterCaches
    ) throws -> Bool {
        if caches.applied[epoch]?.contains(ordinal) == true { return true }
        let range = try rangeBeginning(atOrBelow: ordinal.storedBits, of: epoch)
        return range?.contains(ordinal.storedBits) ?? false
    }

    /// Writes what was gathered since the last time.
    func flush(_ caches: inout WriterCaches) throws {
        for (epoch, ordinals) in caches.applied {
            for range in ordinals.ranges {
                for part in AppliedWriter.signed(range) { try add(part, to: epoch) }
            }
        }
        caches.applied = [:]
    }

    private func add(_ range: ClosedRange<Int64>, to epoch: EpochOfHost) throws {
        var (first, last) = (range.lowerBound, range.upperBound)
        if let below = try rangeBeginning(atOrBelow: first, of: epoch),
            below.upperBound >= (first == .min ? first : first - 1)
        {
            if below.upperBound >= last { return }
            first = below.lowerBound
            try remove(below, of: epoch)
        }
        while let above = try rangeBeginning(from: first, notAfter: last, of: epoch) {
            last = max(last, above.upperBound)
            try remove(above, of: epoch)
        }
        try bind(epoch, to: insert)
        try insert.bind(3, first)
        try insert.bind(4, last)
        try insert.run()
    }

    private func remove(_ range: ClosedRange<Int64>, of epoch: EpochOfHost) throws {
        try bind(epoch, to: delete)
        try delete.bind(3, range.lowerBound)
        try delete.run()
    }

    private func rangeBeginning(
        atOrBelow ordinal: Int64, of epoch: EpochOfHost
    ) throws -> ClosedRange<Int64>? {
        try bind(epoch, to: selectBelow)
        try selectBelow.bind(3, ordinal)
        return try range(selectBelow)
    }

    /// The first range that begins at `first` or later, and not above the end `last` and the
    /// number after it.
    private func rangeBeginning(
        from first: Int64, notAfter last: Int64, of epoch: EpochOfHost
    ) throws -> ClosedRange<Int64>? {
        try bind(epoch, to: selectAbove)
        try selectAbove.bind(3, first)
        try selectAbove.bind(4, last == .max ? last : last + 1)
        return try range(selectAbove)
    }

    private func bind(_ epoch: EpochOfHost, to statement: PreparedStatement) throws {
        try statement.bind(1, epoch.host)
        try statement.bind(2, epoch.epoch.storedBits)
    }

    private func range(_ row: PreparedStatement) throws -> ClosedRange<Int64>? {
        defer { row.reset() }
        return try row.step() ? AppliedReader.range(row) : nil
    }

    /// The range as signed numbers: in two parts where it crosses 2^63.
    private static func signed(_ range: ClosedRange<UInt64>) -> [ClosedRange<Int64>] {
        let (first, last) = (range.lowerBound.storedBits, range.upperBound.storedBits)
        return first <= last ? [first...last] : [first...Int64.max, Int64.min...last]
    }
}

/// Reads which ordinals were applied, during one read.
enum AppliedReader {
    /// The ordinals of one start of an agent.
    static func ordinals(
        of host: HostID, epoch: UInt64, on database: Database
    ) throws -> [ClosedRange<UInt64>] {
        let row = try PreparedStatement(
            """
            SELECT first, last FROM host CROSS JOIN applied ON applied.host = host.id
            WHERE host.host_id = ?1 AND applied.epoch = ?2 ORDER BY first
            """, on: database)
        defer { row.reset() }
        try row.bind(1, text: host.text)
        try row.bind(2, epoch.storedBits)
        var high: [ClosedRange<UInt64>] = []
        var low: [ClosedRange<UInt64>] = []
        while try row.step() {
            let range = try self.range(row)
            if range.lowerBound < 0 {
                high.append(unsigned(range.lowerBound...min(range.upperBound, -1)))
            }
            if range.upperBound >= 0 {
                low.append(unsigned(max(range.lowerBound, 0)...range.upperBound))
            }
        }
        guard let last = low.last, let first = high.first, last.upperBound &+ 1 == first.lowerBound
        else { return low + high }
        return low.dropLast() + [last.lowerBound...first.upperBound] + high.dropFirst()
    }

    /// The range in columns 0 and 1.
    static func range(_ row: PreparedStatement) throws -> ClosedRange<Int64> {
        let first = try row.required(0, as: Int64.self)
        let last = try row.required(1, as: Int64.self)
        guard first <= last else { throw DamagedRow(reason: "a range of ordinals is empty") }
        return first...last
    }

    private static func unsigned(_ range: ClosedRange<Int64>) -> ClosedRange<UInt64> {
        UInt64(bitPattern: range.lowerBound)...UInt64(bitPattern: range.upperBound)
    }
}
