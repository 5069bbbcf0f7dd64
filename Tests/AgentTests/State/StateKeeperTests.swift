import Foundation
import MemoryModel
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("When the state is kept")
struct StateKeeperTests {
    private typealias Moment = RunningMarker.Moment

    @Test("a collector that acknowledges nothing for ten seconds is none: the state is saved")
    func silence() async throws {
        let harness = try await KeeperHarness()
        try await harness.on {
            $0.pass(10, atMilliseconds: 1_000)
            $0.connect()
            _ = $0.tell()
            $0.waitsSinceMilliseconds = 1_500
        }
        for now in [2_000, 11_499] as [Int64] { try await harness.look(now) }
        #expect(harness.folder.size(of: harness.name) == nil)
        try await harness.look(11_500)
        let frames = try #require(
            try harness.fixture.frames(of: harness.name, in: harness.folder)
        ).frames
        #expect(frames.flatMap(\.exits).count == 10)
        // Once it is all acknowledged the file goes.
        try await harness.on {
            $0.waitsSinceMilliseconds = nil
            $0.outbox.hurry(atMilliseconds: 12_000)
            _ = $0.tell()
            $0.acknowledge()
        }
        try await harness.look(12_000)
        #expect(harness.folder.size(of: harness.name) == nil)
        try await harness.close()
    }

    @Test("the marker says no more to be safe than was, and with the count of no later moment")
    func safeMoment() async throws {
        let harness = try await KeeperHarness()
        try await harness.on { $0.connect() }
        try await harness.look(11_000)
        try await harness.on {
            _ = $0.tell()
            $0.keeper?.drained(sequence: $0.sequence)
        }
        try harness.tree.write("cpu 1 2 3\nprocesses 5000\n", to: "stat")
        // The count is read anew here, before the acknowledgement of what was told before.
        try await harness.look(21_000)
        try await harness.on { $0.acknowledge() }
        try harness.tree.write("cpu 1 2 3\nprocesses 9000\n", to: "stat")
        try await harness.look(31_000)
        let marker = try await harness.marker(31_000)
        #expect(marker.now.processCount == 9_000)
        #expect(marker.safe == Moment(atMilliseconds: 11_000, processCount: 1_000))
        try await harness.close()
    }

    /// Brings folds into being that stand in no file, and a file with the runs before.
    private func holdFold(_ harness: KeeperHarness) async throws {
        try await harness.on { $0.pass(3_000, atMilliseconds: 1_000) }
        try await harness.look(2_000)
        try await harness.look(8_000)
        #expect(harness.folder.size(of: harness.name) != nil)
        let marker = try await harness.marker(2_000)
        #expect(marker.safe.atMilliseconds == 1_000)
        try await harness.on {
            $0.pass(3_000, atMilliseconds: 9_000)
            #expect($0.outbox.isStateFileAwaited)
        }
    }

    @Test("while a fold is held back, nothing is safe by what was told beside it")
    func heldFold() async throws {
        let harness = try await KeeperHarness()
        try await holdFold(harness)
        try await harness.look(10_000)
        try await harness.on {
            $0.connect()
            _ = $0.tell()
            #expect($0.outbox.isStateFileAwaited)
            $0.keeper?.drained(sequence: $0.sequence)
            $0.acknowledge()
        }
        try await harness.on { $0.isWelcomed = false }
        // Offline, the file is not written anew for a fold that nobody could be sent.
        try await harness.look(12_000)
        let marker = try await harness.marker(12_000)
        #expect(marker.safe.atMilliseconds == 8_000)
        try await harness.close()
    }

    @Test("where a full disk holds a fold back, the file goes, which the marker says")
    func fullDisk() async throws {
        let isFull = Atomic(false)
        let attempts = Atomic(0)
        let harness = try await KeeperHarness(
            HookedCalls { call throws(FileFailure) in
                guard call == .create, isFull.load(ordering: .relaxed) else { return }
                attempts.add(1, ordering: .relaxed)
                throw FileFailure("cannot make it", code: ENOSPC)
            })
        try await holdFold(harness)
        isFull.store(true, ordering: .relaxed)
        // Offline it is tried, and then once in a minute, whatever waits for it.
        for now in stride(from: Int64(70_000), through: 128_000, by: 2_000) {
            try await harness.look(now)
        }
        #expect(attempts.load(ordering: .relaxed) == 1)
        #expect(harness.folder.size(of: harness.name) != nil)
        let before = try await harness.on {
            $0.connect()
            return $0.tell()
        }
        try await harness.look(140_000)
        #expect(attempts.load(ordering: .relaxed) == 2)
        #expect(harness.folder.size(of: harness.name) == nil)
        let after = try await harness.on { owner in
            #expect(!owner.outbox.isStateFileAwaited)
            return owner.tell()
        }
        #expect(after > 0)
        print("folded runs told before \(before), once the file is gone \(after)")
        // What only the file had is not safe any more, as no collector acknowledged it.
        try await harness.look(151_000)
        let start = Moment(atMilliseconds: 1_000, processCount: 1_000)
        #expect(try await harness.marker(151_000).safe == start)
        try await harness.on {
            $0.keeper?.drained(sequence: $0.sequence)
            $0.acknowledge()
        }
        try await harness.look(162_000)
        #expect(try await harness.marker(162_000).safe.atMilliseconds == 151_000)
        try await harness.close()
    }
}
