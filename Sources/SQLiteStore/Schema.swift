import GRDB
import MemoryModel
import PeakStore

/// The versions of the database and the steps between them.
///
/// `PRAGMA user_version` is the version. Each step runs in one transaction together with the new
/// version number, so a database is always of exactly one version. Steps are never changed once
/// released; `Protocol/store-v1.md` says what each version holds.
enum Schema {
    /// `HWtr` in ASCII: `PRAGMA application_id` of every Highwater database.
    static let applicationID: Int32 = 0x4857_7472

    /// All steps, oldest first.
    static let steps = [
        SchemaStep(version: 1, sql: SchemaVersion1.sql),
        SchemaStep(version: 2, sql: SchemaVersion2.sql),
        SchemaStep(version: 3, sql: SchemaVersion3.sql),
        SchemaStep(version: 4, sql: SchemaVersion4.sql),
        SchemaStep(version: 5, sql: SchemaVersion5.sql),
        SchemaStep(version: 6, sql: SchemaVersion6.sql),
        SchemaStep(version: 7, sql: SchemaVersion7.sql),
    ]

    /// Takes those of `steps` that are newer than the database and returns its store id.
    ///
    /// The writer must be outside of a transaction. A database without an id gets `newStoreID`,
    /// and `nowMilliseconds`, since the epoch in UTC, as the time at which it was made.
    static func migrate(
        _ database: Database, by steps: [SchemaStep], newStoreID: StoreID, nowMilliseconds: Int64
    ) throws -> StoreID {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        for step in steps where step.version > found {
            try database.inTransaction(.immediate) {
                try database.execute(sql: step.sql)
                if step.version == 1 {
                    try insertStore(newStoreID, nowMilliseconds: nowMilliseconds, into: database)
                    try database.execute(sql: "PRAGMA application_id = \(applicationID)")
                }
                try database.execute(sql: "PRAGMA user_version = \(step.version)")
                return .commit
            }
        }
        return try storeID(of: database)
    }

    private static func insertStore(
        _ id: StoreID, nowMilliseconds: Int64, into database: Database
    ) throws {
        let insert = try PreparedStatement(
            "INSERT INTO store (id, store_id, created_at_ms) VALUES (1, ?, ?)", on: database)
        try insert.bind(1, bytes: id.bytes)
        try insert.bind(2, nowMilliseconds)
        try insert.run()
    }

    private static func storeID(of database: Database) throws -> StoreID {
        let select = try PreparedStatement("SELECT store_id FROM store WHERE id = 1", on: database)
        defer { select.reset() }
        guard try select.step(), let id = StoreID(bytes: select.bytes(0)) else {
            throw DamagedRow(reason: "the store has no id")
        }
        return id
    }
}

/// One version's change to the database.
struct SchemaStep: Sendable {
    /// The version that the database has afterwards.
    let version: Int
    /// The statements that bring it there from the version before.
    let sql: String
}
