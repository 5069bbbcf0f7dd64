import Foundation
import GRDB
import MemoryModel
import SQLiteStore
import TestSupport
import Testing
import Wire

@testable import Collector

/// What sessions say does not hang on the order in which collectors hear it.
@Suite("The order of events")
struct EventOrderTests {
    /// What one frame, or frames that belong together, say in one start of an agent.
    struct Part {
        var epoch: UInt64
        var events: [SessionEvent]
    }

    /// A store, and the collectors that write to it: both at once, or one in place of another.
    private struct World {
        let store: SQLiteStore
        private var fleets: [FleetState]
        private var sessions = [SessionID(number: 0), SessionID(number: 0)]
        private var sessionNumber: UInt64 = 0
        private let folder: TemporaryFolder
        private let host = hostID("web-1")

        init(collectorCount: Int) throws {
            folder = try TemporaryFolder()
            store = try SQLiteStore(dataDirectory: folder.path + "/data")
            fleets = Array(repeating: FleetState(), count: collectorCount)
        }

        /// Says all of it in a session of its own, by itself or beside the one that stands.
        mutating func say(_ part: Part, to place: Int, isPast: Bool) {
            sessionNumber += 1
            let session = SessionID(number: sessionNumber)
            if isPast {
                fleets[place].pastSessionAccepted(
                    session, host: host, boot: BootID(high: 0, low: 1), epoch: part.epoch,
                    agentVersion: "1", nowMilliseconds: testNow)
            } else {
                _ = fleets[place].sessionAccepted(
                    session, host: host, boot: BootID(high: 0, low: 1), epoch: part.epoch,
                    agentVersion: "1", nowMilliseconds: testNow)
            }
            var isWhole = true
            let isTaken = fleets[place].update(host, by: session, nowMilliseconds: testNow) {
                for event in [.host(.sample)] + part.events {
                    isWhole = $0.apply(event, nowMilliseconds: testNow) && isWhole
                }
            }
            #expect(isTaken && isWhole)
            sessions[place] = session
        }

        /// Commits; afterwards a past session may end.
        mutating func commit(_ place: Int) throws {
            let (batch, pending) = fleets[place].takeBatch()
            try store.commit(batch)
            fleets[place].committed(pending)
            fleets[place].sessionClosed(sessions[place], host: host)
        }

        /// Puts another collector in the place of one, which knows what is on the disk alone.
        mutating func restart(_ place: Int) throws {
            fleets[place] = try FleetState(store: store)
        }

        /// Everything that is on the disk, as text without the numbers that SQLite gave.
        func content() throws -> [String: [String]] {
            let queue = try DatabaseQueue(path: folder.path + "/data/highwater.db")
            return try queue.read { database in
                try EventOrderTests.queries.mapValues { sql in
                    try GRDB.Row.fetchAll(database, sql: sql).map { "\($0)" }.sorted()
                }
            }
        }
    }

    private static let queries = [
        "runs": "SELECT * FROM runs", "folds": "SELECT * FROM folds", "gaps": "SELECT * FROM gaps",
        "histograms": "SELECT epoch, ordinal, hex(histogram) FROM fold",
        "totals": "SELECT * FROM totals", "shares": "SELECT * FROM total_shares",
        "cgroups": "SELECT * FROM cgroups", "kills": "SELECT * FROM oom_kills",
        "windows": "SELECT * FROM windows", "counters": "SELECT epoch, reason, value FROM counter",
        "applied": "SELECT epoch, first, last FROM applied",
        "hours": "SELECT hour_at_ms, covered, live_count FROM window_hour",
    ]

    /// How often all of it is said in another order.
    private static let orders = 4

    @Test(
        """
        in any order, repeated, beside and after each other, through one collector or two, events \
        leave the same runs, folds, sums, gaps, counters, windows and ordinals on the disk
        """,
        arguments: 0..<6)
    func anyOrder(_ round: Int) throws {
        var random = SeededGenerator(seed: SeededGenerator().seed &+ UInt64(round))
        let comment: Comment = "\(random)"
        let parts = RandomParts(using: &random).parts
        var plain = try World(collectorCount: 1)
        for part in parts { plain.say(part, to: 0, isPast: false) }
        try plain.commit(0)
        let expected = try plain.content()
        for (name, rows) in expected { #expect(!rows.isEmpty, "\(name): \(comment)") }
        for order in 0..<Self.orders {
            let count = 1 + order % 2
            var world = try World(collectorCount: count)
            let again = parts.filter { _ in Bool.random(using: &random) }
            for part in (parts + again).shuffled(using: &random) {
                let place = Int.random(in: 0..<count, using: &random)
                world.say(part, to: place, isPast: Bool.random(using: &random))
                if Int.random(in: 0..<8, using: &random) == 0 { try world.commit(place) }
                if Int.random(in: 0..<40, using: &random) == 0 {
                    try world.commit(place)
                    try world.restart(place)
                }
            }
            for place in 0..<count { try world.commit(place) }
            let found = try world.content()
            for (name, rows) in expected {
                #expect(found[name] == rows, "\(name), order \(order): \(comment)")
            }
        }
    }
}
