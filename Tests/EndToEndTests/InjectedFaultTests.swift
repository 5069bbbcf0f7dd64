import Foundation
import GRDB
import MemoryModel
import TestSupport
import Testing
import Wire

/// A disk that fails once, at every place of a commit.
@Suite("Injected faults")
struct InjectedFaultTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The last number that a session was told to be on the disk.
    private static func acknowledged(_ frames: [Frame]) -> UInt64? {
        let numbers = frames.compactMap { frame -> UInt64? in
            guard case .acknowledgement(let acknowledgement) = frame else { return nil }
            return acknowledgement.sequence
        }
        return numbers.last
    }

    /// What the peak of the run is on the disk, once SQLite has found nothing wrong with it.
    private func peakBytes(in data: String) throws -> UInt64? {
        let queue = try DatabaseQueue(path: data + "/highwater.db")
        let words = try queue.read {
            try String.fetchAll($0, sql: "PRAGMA integrity_check")
        }
        #expect(words == ["ok"])
        try queue.close()
        return try CollectorDatabase(dataDirectory: data).runs(of: "betrayed").first?.peak?.bytes
    }

    @Test(
        """
        whichever write or flush of a commit fails, nothing is acknowledged after it, though all \
        others would succeed, the collector ends with status 1, and the database is whole
        """,
        arguments: InjectedFault.Call.allCases)
    func everyCall(_ call: InjectedFault.Call) async throws {
        var number = 0
        while true {
            number += 1
            let data = "\(folder.path)/\(call)-\(number)"
            let fault = try await InjectedFault()
            let collector = try await RunningCollector.start(
                folder: data, environment: fault.environment)
            let session = try await FakeSession(port: collector.port, hostID: "betrayed")
            try await session.sayFullState(peakBytes: 1 << 20, atMilliseconds: 1_000)
            try await session.waitUntilAcknowledged()
            try fault.arm(call, number: number)
            try await session.say(FakeSession.peak(2 << 20, atMilliseconds: 2_000))
            let frames = try await session.read { InjectedFaultTests.acknowledged($0) == 5 }
            if InjectedFaultTests.acknowledged(frames) == 5 { break }
            #expect(try await collector.program.waitForExit() == 1, "\(call) \(number)")
            let errors = collector.program.errors
            #expect(errors.contains("look at the disk"), "\(call) \(number): \(errors)")
            // HELLO is 0; HOST, DEFINE, PEAKS and STATE_END were kept before.
            #expect(InjectedFaultTests.acknowledged(frames) == 4, "\(call) \(number)")
            let kept = try #require(try peakBytes(in: data), "\(call) \(number)")
            #expect([1 << 20, 2 << 20].contains(kept), "\(call) \(number)")
            try await goesOn(data, "\(call) \(number)")
        }
        // A commit writes several pages of the log, and flushes it once.
        #expect(number > (call == .write ? 3 : 1))
    }

    /// Expects a collector to take up the data, and to keep what was not acknowledged.
    private func goesOn(_ data: String, _ comment: Comment) async throws {
        let collector = try await RunningCollector.start(folder: data)
        let session = try await FakeSession(port: collector.port, hostID: "betrayed")
        try await session.sayFullState(peakBytes: 2 << 20, atMilliseconds: 2_000)
        try await session.waitUntilAcknowledged()
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0, comment)
        #expect(try peakBytes(in: data) == 2 << 20, comment)
    }
}
