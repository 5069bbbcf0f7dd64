import Foundation
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

/// Disks that fail at every place of a commit.
@Suite struct FaultTests {
    @Test("Whatever a commit may still write, it is whole or nothing, and goes on with room")
    func everyPlaceOfACommit() throws {
        let directory = try TemporaryFolder()
        let child = try Child(["commit-by-limits", directory.data, "0"])
        var lines: [String] = []
        while let line = try child.nextLine(), line != "waiting" { lines.append(line) }
        #expect(try child.kill().isEmpty)
        // A commit of 40 KB of names writes more than ten pages.
        try #require(lines.count > 10, "\(lines)")
        for (index, line) in lines.dropLast().enumerated() {
            #expect(line == "full in \(index + 1), kept: false, then: true")
        }
        #expect(lines.last == "enough in \(lines.count), kept: true")
        // What was acknowledged before the kill is there: round 0 and each of the others.
        let store = try SQLiteStore(dataDirectory: directory.data)
        #expect(try everyRun(of: store).count == 40 * (lines.count + 1))
        #expect(try Facts(store).folds.count == 20 * (lines.count + 1))
    }

    @Test("Whatever a purge may still write, the next one finishes it, and an undo misses nothing")
    func everyPlaceOfAPurge() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["purge-by-limits", directory.data, "0"]).allLines()
        try #require(lines.count > 5, "\(lines)")
        for (index, line) in lines.dropLast().enumerated() {
            #expect(line == "full in \(index + 1), left: 0, then: 60")
        }
        #expect(lines.last == "enough in \(lines.count), left: 0, then: 60")
    }

    @Test(
        "Whatever packing may still write, no minute is lost or changed, and it goes on with room")
    func everyPlaceOfPacking() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["pack-by-limits", directory.data, "0"]).allLines()
        try #require(lines.count > 5, "\(lines)")
        for (index, line) in lines.dropLast().enumerated() {
            #expect(line == "full in \(index + 1), same: true, then: true")
        }
        #expect(lines.last == "enough in \(lines.count), same: true, then: true")
    }

    @Test("Whatever folding may still write, no run is lost or counted twice, and it goes on")
    func everyPlaceOfFolding() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["fold-by-limits", directory.data, "0"]).allLines()
        try #require(lines.count > 5, "\(lines)")
        for (index, line) in lines.dropLast().enumerated() {
            #expect(line == "full in \(index + 1), same: true, then: true")
        }
        #expect(lines.last == "enough in \(lines.count), same: true, then: true")
    }

    @Test(
        "After a write that failed otherwise nothing is acknowledged, though writes would succeed")
    func otherFailure() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["break-log", directory.data, "0"]).allLines()
        try #require(lines.count >= 2, "\(lines)")
        for line in lines {
            #expect(line.hasPrefix("failed(reason: ") || line == "another descriptor", "\(line)")
        }
        #expect(lines.last?.hasPrefix("failed(reason: ") == true, "\(lines)")
        let store = try SQLiteStore(dataDirectory: directory.data)
        #expect(try Facts(store).totals.map(\.peak.bytes) == [1])
    }

    @Test(
        "A file system that cannot be written is refused at the start, in words that help",
        .enabled(if: canMount(), "mounting takes privilege"))
    func readOnly() throws {
        let directory = try TemporaryFolder()
        #expect(mkdir(directory.data, 0o700) == 0)
        try mount(["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", directory.data])
        defer { unmount(directory.data) }
        func expectRefusal() {
            do {
                _ = try SQLiteStore(dataDirectory: directory.data)
                Issue.record("opened")
            } catch PeakStoreError.notWritable(let path, let reason) {
                #expect(path.hasPrefix(directory.data))
                #expect(reason.contains("Read-only file system"))
            } catch {
                Issue.record(error)
            }
        }
        try mount(["-o", "remount,ro", directory.data])
        expectRefusal()
        try mount(["-o", "remount,rw", directory.data])
        try commitAndClose(directory)
        try mount(["-o", "remount,ro", directory.data])
        expectRefusal()
        try mount(["-o", "remount,rw", directory.data])
        let again = try SQLiteStore(dataDirectory: directory.data)
        #expect(try everyRun(of: again) == [plainRun()])
        try again.close()
    }

    /// By itself, so that the lock's file is closed when it returns.
    private func commitAndClose(_ directory: TemporaryFolder) throws {
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([plainRun()]))
        try store.close()
    }
}
