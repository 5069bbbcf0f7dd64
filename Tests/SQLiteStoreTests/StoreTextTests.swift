import Foundation
import GRDB
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Protocol/store-v1.md is true")
struct StoreTextTests {
    private let text: String

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Protocol/store-v1.md")
        text = try String(contentsOf: file, encoding: .utf8)
    }

    @Test("every query in it runs, and its rules of merging name columns that are there")
    func examples() throws {
        let blocks = text.components(separatedBy: "```sql\n").dropFirst()
            .map { String($0.prefix(upTo: $0.range(of: "```")?.lowerBound ?? $0.endIndex)) }
        #expect(blocks.count >= 6)
        try read { database in
            for block in blocks {
                let table = block.contains("run_count") ? "total" : "run"
                let isRule = block.hasPrefix("new.")
                let sql =
                    isRule
                    ? "SELECT count(*) FROM \(table) AS new, \(table) AS row WHERE \(block)" : block
                let rows = try Row.fetchAll(database, sql: sql)
                #expect(!rows.isEmpty, "\(block)")
            }
        }
    }

    @Test("every table has a section that names each of its columns, and every view is listed")
    func columns() throws {
        try read { database in
            let names = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM sqlite_master
                    WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                    """)
            #expect(names.count == 32)
            for table in names {
                let start = try #require(text.range(of: "\n### `\(table)`"), "\(table)")
                let rest = text[start.upperBound...]
                let end = rest.range(of: "\n##")?.lowerBound ?? rest.endIndex
                let section = rest[..<end]
                for column in try database.columns(in: table) {
                    #expect(section.contains("`\(column.name)`"), "\(table).\(column.name)")
                }
            }
            let views = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_master WHERE type = 'view'")
            for view in views { #expect(text.contains("\n| `\(view)` |"), "\(view)") }
            #expect(views.count == 12)
        }
    }

    @Test("the version in it is the one that this program writes")
    func version() {
        #expect(text.contains("| `PRAGMA user_version` | \(SQLiteStore.schemaVersion) |"))
    }

    private func read(_ body: (Database) throws -> Void) throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        var batch = fullFacts
        batch.hosts = [fullHost]
        batch.runs = [fullRun, plainRun()]
        try store.commit(batch)
        try store.close()
        let queue = try DatabaseQueue(path: directory.database)
        try queue.read(body)
        try queue.close()
    }
}
