import Foundation
import Logging
import MemoryModel
import PeakStore
import Synchronization
import TestSupport
import Testing

@testable import Collector

@Suite("How long work says how far it is")
struct ProgressTests {
    @Test("progress before an answer is taken line by line, however its bytes come")
    func lines() {
        let whole =
            ControlProgress.bytes("so far 1 run") + ControlProgress.bytes("two\nlines")
            + ControlAnswer.done("progress\tof nothing\n").bytes
        for step in [1, 2, 7, whole.count] {
            var texts: [String] = []
            var received: [UInt8] = []
            for start in stride(from: 0, to: whole.count, by: step) {
                received += whole[start..<min(start + step, whole.count)]
                texts += ControlProgress.take(from: &received)
            }
            #expect(texts == ["so far 1 run", "two lines"])
            #expect(ControlAnswer(bytes: received) == .done("progress\tof nothing\n"))
        }
    }

    @Test("a collector that goes away leaves advice that fits what was asked")
    func advice() {
        let purge = ControlRequest.purge(
            host: "a", sinceMilliseconds: 1, untilMilliseconds: 2, isDryRun: false)
        #expect(purge.adviceWithoutAnswer.contains("purge --list"))
        #expect(
            ControlRequest.prune(.usual, isDryRun: false).adviceWithoutAnswer.contains("the rest"))
        #expect(ControlRequest.prune(.usual, isDryRun: true).adviceWithoutAnswer == "ask again")
    }

    @Test("what was tidied is one line a round, and one an hour of a long one")
    func tidied() {
        let lines = LogLines()
        let log = MaintenanceLog(logger: lines.logger)
        func packed(_ hours: Int, isOver: Bool, at minutes: Int64) {
            var counts = MaintenanceCounts()
            counts.packedHours = hours
            log.add(counts, isOver: isOver, atMilliseconds: minutes * 60_000)
        }
        packed(0, isOver: true, at: 0)
        #expect(lines.all.isEmpty, "there was nothing to do")
        packed(3, isOver: false, at: 1)
        packed(4, isOver: false, at: 2)
        #expect(lines.all.isEmpty)
        packed(1, isOver: true, at: 3)
        #expect(lines.all == ["info tidied the store 8 hours packed"])
        for minute in 10..<200 { packed(1, isOver: minute == 199, at: Int64(minute)) }
        #expect(
            lines.all.dropFirst().map { $0.split(separator: " ")[4] } == ["61", "61", "61", "7"])
    }

    @Test("while a large database is opened a line comes every few seconds, of a small one none")
    func opening() async throws {
        let folder = try TemporaryFolder()
        let address = try #require(ListenAddress("127.0.0.1:0"))
        let settings = CollectorSettings(
            listen: address, http: address, dataDirectory: folder.path, version: "1")
        try Data(count: 5_000).write(to: URL(fileURLWithPath: folder.path + "/highwater.db"))
        func open(notableBytes: UInt64, until count: Int) async throws -> [String] {
            let lines = LogLines()
            let progress = StartProgress(
                settings: settings, logger: lines.logger, notableBytes: notableBytes,
                interval: .milliseconds(5))
            let answer = try await progress.opening {
                while lines.all.count < count { usleep(1_000) }
                return 42
            }
            #expect(answer == 42)
            return lines.all
        }
        #expect(try await open(notableBytes: 5_001, until: 0).isEmpty)
        let lines = try await open(notableBytes: 5_000, until: 4)
        #expect(lines.first?.hasPrefix("notice opening the database") == true)
        #expect(lines[1...3].allSatisfy { $0.hasPrefix("notice still opening the database") })
        #expect(lines.last?.hasPrefix("notice the database is open") == true)
        struct Refused: Error {}
        let progress = StartProgress(
            settings: settings, logger: LogLines().logger, notableBytes: 1)
        await #expect(throws: Refused.self) { try await progress.opening { throw Refused() } }
    }
}

/// What was logged: level, message and the fields `what`.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let what = event.metadata?["what"].map { " \($0)" } ?? ""
            lines.lines.withLock { $0.append("\(event.level) \(event.message)\(what)") }
        }
    }
}
