import GRDB
import GRDBSQLite
import MemoryModel

/// A prepared statement, bound and stepped by SQLite's own calls.
///
/// GRDB prepares and keeps the statement and owns the transaction around it. Its way of binding
/// makes an array of boxed values for each row; a commit of many thousand runs spends less time
/// here without. Only valid inside the database access that made it.
struct PreparedStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    /// Prepares `sql`, or takes it from the connection's cache.
    init(_ sql: String, on database: Database) throws {
        statement = try database.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Gives parameter `index`, counted from 1, a number or NULL.
    func bind(_ index: Int32, _ value: Int64?) throws {
        guard let value else { return try check(sqlite3_bind_null(handle, index)) }
        try check(sqlite3_bind_int64(handle, index, value))
    }

    /// Gives parameter `index` a blob.
    func bind(_ index: Int32, bytes: [UInt8]) throws {
        // An empty array may have no address, and SQLite takes no address for NULL.
        guard !bytes.isEmpty else { return try check(sqlite3_bind_zeroblob(handle, index, 0)) }
        try check(
            bytes.withUnsafeBytes {
                sqlite3_bind_blob64(
                    handle, index, $0.baseAddress, UInt64($0.count),
                    PreparedStatement.transient)
            })
    }

    /// Gives parameter `index` a text.
    func bind(_ index: Int32, text: String) throws {
        var text = text
        try check(
            text.withUTF8 {
                sqlite3_bind_text64(
                    handle, index, $0.baseAddress, UInt64($0.count),
                    PreparedStatement.transient, UInt8(SQLITE_UTF8))
            })
    }

    /// Goes on to the next row; false when there is none.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        let error = failure(code)
        sqlite3_reset(handle)
        throw error
    }

    /// Runs a statement that gives no rows, ready to be bound again.
    ///
    /// Returns how many rows it changed.
    @discardableResult
    func run() throws -> Int {
        while try step() {}
        reset()
        return Int(sqlite3_changes(sqlite3_db_handle(handle)))
    }

    /// Makes it ready to be bound again; what is bound stays.
    func reset() {
        // The code tells only of the last step, which told of it already.
        sqlite3_reset(handle)
    }

    /// The number in column `column`, counted from 0; nil for NULL.
    func number(_ column: Int32) -> Int64? {
        let value = sqlite3_column_int64(handle, column)
        // NULL reads as 0, so that only of a 0 there is more to ask.
        if value != 0 { return value }
        return sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : 0
    }

    /// The number in column `column`; 0 for NULL.
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Whether the number in column `column` is another than 0 and not NULL.
    func flag(_ column: Int32) -> Bool { sqlite3_column_int64(handle, column) != 0 }

    /// The blob or text in column `column`; empty for NULL.
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column))
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Hands the blob in column `column` over where it lies; empty for NULL.
    func withBytes(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        let start = sqlite3_column_blob(handle, column)
        let count = start == nil ? 0 : Int(sqlite3_column_bytes(handle, column))
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The number in column `column` as `Value`; nil for NULL.
    ///
    /// Throws `DamagedRow` where it does not fit.
    func value<Value: FixedWidthInteger>(_ column: Int32, as type: Value.Type) throws -> Value? {
        guard let number = number(column) else { return nil }
        guard let value = Value(exactly: number) else {
            throw DamagedRow(reason: "\(number) is out of the range of a column")
        }
        return value
    }

    /// The number in column `column` as `Value`.
    ///
    /// Throws `DamagedRow` where it is NULL or does not fit.
    func required<Value: FixedWidthInteger>(_ column: Int32, as type: Value.Type) throws -> Value {
        guard let value = try value(column, as: type) else {
            throw DamagedRow(reason: "a column has no value that always has one")
        }
        return value
    }

    /// SQLITE_TRANSIENT: SQLite copies what is bound.
    private static var transient: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle))))
    }
}
