import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// A peak that is false is taken away for good, also while its agent says it again and again.
@Suite("Purging")
struct PurgeTests {
    private let folder: TemporaryFolder
    private let data: String

    init() throws {
        folder = try TemporaryFolder()
        data = folder.path + "/data"
    }

    private func purge(
        _ arguments: [String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await Program.run("memcollector", ["purge", "--data-dir", data] + arguments)
    }

    private func peakBytes(_ collector: RunningCollector) async throws -> UInt64? {
        let rows = try await collector.rows(["report"])
        #expect(rows.count == 1)
        return (rows.first?["peak_rss_bytes"] as? NSNumber)?.uint64Value
    }

    /// The minutes in which the false peak of the tests was, before now.
    private let range = ["--since", "35m ago", "--until", "25m ago"]
    private let poisonAt = FakeSession.upMilliseconds - 30 * 60_000

    @Test("a purged peak does not come back with the full state, a true later one counts")
    func live() async throws {
        let poison = 2 * FakeSession.memoryBytes
        let collector = try await RunningCollector.start(folder: data)
        let first = try await FakeSession(port: collector.port, hostID: "sick")
        try await first.sayFullState(peakBytes: poison, atMilliseconds: poisonAt)
        try await first.waitUntilAcknowledged()
        #expect(try await peakBytes(collector) == poison)

        let dry = try await purge(["--host", "sick", "--dry-run"] + range)
        #expect(dry.status == 0 && dry.output.contains("1 run"), "\(dry)")
        #expect(try await peakBytes(collector) == poison)
        let asked = try await purge(["--host", "sick"] + range)
        #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
        let done = try await purge(["--host", "sick", "--yes"] + range)
        #expect(done.status == 0 && done.output.contains("purge --undo 1"), "\(done)")
        #expect(try await peakBytes(collector) == nil)

        let second = try await FakeSession(port: collector.port, hostID: "sick")
        try await second.sayFullState(peakBytes: poison, atMilliseconds: poisonAt)
        try await second.waitUntilAcknowledged()
        #expect(try await peakBytes(collector) == nil)
        try await second.say(
            FakeSession.peak(5 << 20, atMilliseconds: FakeSession.upMilliseconds))
        try await second.waitUntilAcknowledged()
        #expect(try await peakBytes(collector) == 5 << 20)

        // Nor after a restart of the collector.
        collector.program.signal(SIGTERM)
        #expect(try await collector.program.waitForExit() == 0)
        #expect(!FileManager.default.fileExists(atPath: data + "/control"))
        let again = try await RunningCollector.start(folder: data)
        let third = try await FakeSession(port: again.port, hostID: "sick")
        try await third.sayFullState(peakBytes: poison, atMilliseconds: poisonAt)
        try await third.waitUntilAcknowledged()
        #expect(try await peakBytes(again) == 5 << 20)
        let list = try await purge(["--list"])
        #expect(list.output.hasPrefix("1  sick (sick)"), "\(list)")
        let undone = try await purge(["--undo", "1"])
        #expect(undone.status == 0, "\(undone)")
        #expect(try await peakBytes(again) == poison)
        #expect(try await purge(["--list"]).output == "Nothing is purged.\n")
    }

    @Test("without a collector it is done on the database, and said so where there is none")
    func offline() async throws {
        let nowhere = try await purge(["--list"])
        #expect(nowhere.status == 1 && nowhere.errors.contains("no collector runs"), "\(nowhere)")
        #expect(nowhere.errors.contains("--data-dir"))
        #expect(!FileManager.default.fileExists(atPath: data))
        let collector = try await RunningCollector.start(folder: data)
        let session = try await FakeSession(port: collector.port, hostID: "sick")
        try await session.sayFullState(peakBytes: 1 << 40, atMilliseconds: poisonAt)
        try await session.waitUntilAcknowledged()
        // Killed, it leaves its socket behind.
        collector.program.signal(SIGKILL)
        try await collector.program.waitForExit()
        #expect(FileManager.default.fileExists(atPath: data + "/control"))
        let done = try await purge(["--host", "sick", "--yes"] + range)
        #expect(done.status == 0, "\(done)")
        let again = try await RunningCollector.start(folder: data)
        #expect(try await peakBytes(again) == nil)
        #expect(try await purge(["--undo", "1"]).status == 0)
        #expect(try await peakBytes(again) == 1 << 40)
    }

    @Test("what cannot be done is said in one line")
    func refused() async throws {
        let collector = try await RunningCollector.start(folder: data)
        for (arguments, status, words) in [
            (["--host", "nobody", "--yes"] + range, Int32(1), ["no host has the id or name"]),
            (["--undo", "7"], 1, ["there is no tombstone 7", "--list"]),
            (
                ["--host", "a", "--yes", "--since", "1m ago", "--until", "2m ago"], 2,
                ["--since is after --until"]
            ),
            (["--host", "a", "--yes", "--since", "soon", "--until", "now"], 2, ["--since"]),
            (
                ["--host", "a", "--yes", "--since", "1h", "--until", "2150-01-01T00:00:00Z"], 2,
                ["in the future"]
            ),
            (["--host", "a", "--yes"], 2, ["--since"]), (["--list", "--undo", "1"], 2, ["either"]),
        ] {
            let answer = try await purge(arguments)
            #expect(answer.status == status && answer.output.isEmpty, "\(answer)")
            for word in words { #expect(answer.errors.contains(word), "\(answer.errors)") }
            if status == 1 {
                #expect(answer.errors.split(separator: "\n").count == 1, "\(answer.errors)")
            }
        }
        #expect(collector.program.status == nil)
    }

    @Test("only the collector's user and root may ask", .enabled(if: geteuid() == 0))
    func otherUser() async throws {
        let collector = try await RunningCollector.start(folder: data)
        let mode = try FileManager.default.attributesOfItem(atPath: data + "/control")
        #expect((mode[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        // The folder would keep others out, too; what is proved is the socket.
        for path in [folder.path, data] {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: path)
        }
        let programs = try await UnprivilegedPrograms()
        for mode in [0o600, 0o666] {
            try FileManager.default.setAttributes(
                [.posixPermissions: mode], ofItemAtPath: data + "/control")
            let other = try programs.start("memcollector", ["purge", "--list", "--data-dir", data])
            #expect(try await other.waitForExit() == 1)
            #expect(other.errors.contains("root"), "\(other.errors)")
            #expect(other.output.isEmpty)
        }
        #expect(collector.program.status == nil)
    }
}
