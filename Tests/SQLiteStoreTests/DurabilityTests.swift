import Foundation
import MemoryModel
import PeakStore
import TestSupport
import Testing

@testable import SQLiteStore

@Suite struct DurabilityTests {
    @Test("Every batch that was acknowledged before a kill -9 is there afterwards")
    func killed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryFolder()
        var acknowledged = 0
        for round in 0..<12 {
            let child = try Child(["commit", directory.data, "\(acknowledged + 1)"])
            for _ in 0..<Int.random(in: 1...60, using: &generator) {
                let line = try child.nextLine()
                let number = try #require(line.flatMap { Int($0) }, "seed \(seed): \(line ?? "")")
                #expect(number == acknowledged + 1)
                acknowledged = number
            }
            for line in try child.kill() {
                acknowledged = try #require(Int(line), "seed \(seed): \(line)")
            }
            let store = try SQLiteStore(dataDirectory: directory.data)
            let runs = try everyRun(of: store)
            let pids = Set(runs.map(\.record.key.pid))
            let missing = (1...acknowledged).filter { !pids.contains(Int32($0) + 1) }
            #expect(missing.isEmpty, "seed \(seed), round \(round)")
            let raised = runs.first { $0.record.key.pid == 1 }?.record.peak?.bytes ?? 0
            // The last batch may be there without the word having got out.
            #expect(
                [acknowledged, acknowledged + 1].contains(Int(raised)),
                "seed \(seed), round \(round)")
            let facts = try Facts(store)
            #expect(
                facts.totals.map(\.peak.bytes) == [raised] && facts.gaps.count == Int(raised),
                "seed \(seed), round \(round)")
            acknowledged = Int(raised)
            try store.close()
        }
        #expect(acknowledged >= 12)
    }

    @Test("When files may not grow the store says full, still reads, and goes on when they may")
    func fileSizeLimit() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["fill", directory.data, "600000"]).allLines()
        try #require(lines.count == 3, "\(lines)")
        let count = try #require(Int(lines[0].dropFirst("full after ".count)), "\(lines)")
        #expect(count > 5)
        #expect(lines[1] == "read \(count + 1)")
        #expect(lines[2] == "recovered with \(count + 1)")
        let store = try SQLiteStore(dataDirectory: directory.data)
        let pids = Set(try everyRun(of: store).map(\.record.key.pid))
        #expect(pids == Set(1...Int32(count) + 2))
    }

    @Test(
        "On a full disk the store says full, still reads, and goes on when there is room again",
        .enabled(if: canMount()))
    func fullDisk() throws {
        let directory = try TemporaryFolder()
        #expect(mkdir(directory.data, 0o700) == 0)
        try mount(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", directory.data])
        defer { unmount(directory.data) }
        let ballast = URL(fileURLWithPath: directory.data + "/ballast")
        try Data(repeating: 1, count: 1 << 20).write(to: ballast)
        let store = try SQLiteStore(dataDirectory: directory.data)
        var kept: Int32 = 0
        var failures = 0
        // Far more than fits; each batch is new names of 20 KB.
        while failures == 0, kept < 500 {
            do {
                try store.commit(batch([largeRun(kept + 1)]))
                kept += 1
            } catch PeakStoreError.full {
                failures += 1
            }
        }
        #expect(failures == 1)
        #expect(kept > 5)
        #expect(throws: PeakStoreError.self) { try store.commit(batch([largeRun(kept + 1)])) }
        #expect(try everyRun(of: store).count == Int(kept))
        try FileManager.default.removeItem(at: ballast)
        try store.commit(batch([largeRun(kept + 1)]))
        #expect(try everyRun(of: store) == (1...kept + 1).map(largeRun))
        try store.close()
        let again = try SQLiteStore(dataDirectory: directory.data)
        #expect(try everyRun(of: again) == (1...kept + 1).map(largeRun))
        try again.close()
    }

    @Test("A transaction that failed leaves no numbers of names behind that were undone")
    func namesAfterFailure() throws {
        let directory = try TemporaryFolder()
        let lines = try Child(["fill", directory.data, "600000"]).allLines()
        #expect(lines.last?.hasPrefix("recovered") == true, "\(lines)")
        let store = try SQLiteStore(dataDirectory: directory.data)
        let runs = try everyRun(of: store).filter { $0.record.key.pid > 1 }
        #expect(runs.count > 5)
        for run in runs {
            let number = run.record.key.pid - 1
            #expect(run.record.description.program == RawText("crash-\(number)"))
        }
    }

    @Test("The write-ahead log is cut when it is large, and nothing of it is lost")
    func boundedLog() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(
            dataDirectory: directory.data, steps: Schema.steps, maximumLogBytes: 200_000)
        var largest: UInt64 = 0
        for pid in Int32(1)...200 {
            try store.commit(batch([largeRun(pid)]))
            largest = max(largest, try logBytes(directory))
        }
        #expect(largest > 0)
        #expect(largest <= 200_000)
        #expect(try everyRun(of: store) == (1...200).map(largeRun))
    }

    private func largeRun(_ pid: Int32) -> StoredRun {
        var run = plainRun(pid: pid)
        let text = "\(pid)" + String(repeating: "y", count: 20_000)
        run.record.description.command = RawText(text)
        return run
    }

    private func logBytes(_ directory: TemporaryFolder) throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(
            atPath: directory.database + "-wal")
        return (attributes[.size] as? UInt64) ?? .max
    }
}
