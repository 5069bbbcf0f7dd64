import Foundation
import GRDB
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct FormerBlockTests {
    private static let keepAll = Retention(
        minutesMilliseconds: 1 << 50, hoursMilliseconds: 1 << 50, daysMilliseconds: 1 << 50,
        runsMilliseconds: 1 << 50)

    @Test("Blocks of a database of version 6 are read, and take what comes late")
    func versionSix() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(
            dataDirectory: directory.data, steps: Schema.steps.filter { $0.version <= 6 },
            maximumLogBytes: 1 << 20)
        let run = plainRun()
        try store.commit(
            CommitBatch(
                runs: [run],
                windows: (0..<240).map { run.window($0 * $0 % 240, UInt64($0), 4_096) },
                coverage: run.coverage(0..<240)))
        try store.maintainAll(at: minute(10_000), Self.keepAll)
        let known = try store.minutes(of: .run(run.key), 0, 240)
        try store.close()
        try writeAsFormer(directory)

        let later = try SQLiteStore(dataDirectory: directory.data)
        #expect(try later.minutes(of: .run(run.key), 0, 240) == known)
        #expect(known.split(separator: " ").count == 240)
        try later.commit(CommitBatch(windows: [run.window(70, 5_000, 5_000)]))
        try later.maintainAll(at: minute(10_000), Self.keepAll)
        #expect(try later.minutes(of: .run(run.key), 70, 71) == "5000")
        #expect(
            try later.minutes(of: .run(run.key), 120, 240)
                == known.split(separator: " ").dropFirst(120).joined(separator: " "))
    }

    private func writeAsFormer(_ directory: TemporaryFolder) throws {
        let queue = try DatabaseQueue(path: directory.database)
        try queue.write { database in
            for number in 0..<4 {
                let place = HourOfBoot(boot: 1, hour: minute(number * 60))
                let hour = try #require(try BlockTable(database).minutes(of: place))
                try database.execute(
                    sql: "DELETE FROM window_block WHERE hour_at_ms = ?", arguments: [place.hour])
                let half = FormerMinutes.block(of: hour)
                for (part, bytes) in [half.prefix(9), half.dropFirst(9)].enumerated() {
                    try database.execute(
                        sql: """
                            INSERT INTO window_block (boot, hour_at_ms, part, block)
                            VALUES (1, ?, ?, ?)
                            """, arguments: [place.hour, part, Data(bytes)])
                }
            }
        }
        try queue.close()
    }
}
