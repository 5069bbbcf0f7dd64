import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("State files")
struct StateFileTests {
    private let fixture: StateFixture
    private let name = StateFileName.state(epoch: 7)

    init() throws { fixture = try StateFixture() }

    @Test("a saved state is read back as it was, with whose it is")
    func roundTrip() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 40)
        let outcome = try fixture.save(outbox, in: folder)
        #expect(outcome.droppedCount == 0)
        #expect(outcome.byteCount == folder.size(of: name))
        let read = try #require(try fixture.frames(in: folder))
        #expect(read.damage == nil)
        #expect(read.frames == outbox.stateFrames)
        let reader = try #require(try StateFileReader.open(name, in: folder))
        #expect(reader.header == fixture.header())
        #expect(try folder.names().sorted() == ["lock", name])
    }

    @Test("what is left of a torn file is read to its last whole frame, and never more")
    func tornAtEveryByte() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 6)
        _ = try fixture.save(outbox, in: folder)
        let url = URL(fileURLWithPath: fixture.path + "/" + name)
        let whole = try Data(contentsOf: url)
        let frames = outbox.stateFrames
        var lengths: Set<Int> = []
        for length in 0..<whole.count {
            try whole.prefix(length).write(to: url)
            guard length >= fixture.header().bytes.count else {
                #expect(throws: StateFileReader.Failure.self) {
                    try StateFileReader.open(name, in: folder)
                }
                continue
            }
            let read = try #require(try fixture.frames(in: folder))
            #expect(read.damage != nil, "\(length) of \(whole.count)")
            #expect(read.frames == Array(frames.prefix(read.frames.count)))
            lengths.insert(read.frames.count)
        }
        #expect(lengths == Set(0...frames.count))
    }

    @Test("a byte that changed ends the reading where it is, wherever it is")
    func flippedBytes() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 6)
        _ = try fixture.save(outbox, in: folder)
        let url = URL(fileURLWithPath: fixture.path + "/" + name)
        let whole = try Data(contentsOf: url)
        let frames = outbox.stateFrames
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= 0x10
            try damaged.write(to: url)
            do {
                let read = try #require(try fixture.frames(in: folder))
                #expect(read.damage != nil, "byte \(index)")
                #expect(read.frames == Array(frames.prefix(read.frames.count)))
            } catch is StateFileReader.Failure {
                #expect(index < fixture.header().bytes.count)
            }
        }
    }

    @Test("bytes behind the end are damage, and frames before it are read")
    func longer() throws {
        let folder = try fixture.open()
        _ = try fixture.save(StateFixture.outbox(liveCount: 6), in: folder)
        let url = URL(fileURLWithPath: fixture.path + "/" + name)
        try (try Data(contentsOf: url) + Data([0])).write(to: url)
        let read = try #require(try fixture.frames(in: folder))
        #expect(read.damage == "more follows its end")
        #expect(!read.frames.isEmpty)
    }

    // MARK: Faults

    @Test("an agent that is killed between any two calls of a save leaves the old file or the new")
    func killedAnywhere() throws {
        let old = StateFixture.outbox(liveCount: 20)
        let new = StateFixture.outbox(liveCount: 900, names: true)
        var seen: Set<Int> = []
        for place in 0..<1_000 {
            _ = try fixture.save(old, in: fixture.open())
            let calls = FaultyCalls(.death, after: place)
            var isSaved = true
            do { _ = try fixture.save(new, in: fixture.open(calls)) } catch { isSaved = false }
            let folder = try fixture.open()
            let read = try #require(try fixture.frames(in: folder))
            #expect(read.damage == nil)
            let isNew = read.frames == new.stateFrames
            #expect(isNew || read.frames == old.stateFrames, "\(place)")
            seen.insert(isNew ? 1 : 0)
            // What the killed one left is cleared away by the next save.
            _ = try fixture.save(old, in: folder)
            #expect(try folder.names().sorted() == ["lock", name])
            guard !isSaved else {
                #expect(place > 5)
                #expect(seen == [0, 1])
                return
            }
        }
        Issue.record("the save never came to its end")
    }

    @Test("a disk that is full at any write leaves the file of before and nothing else")
    func fullAnywhere() throws {
        let old = StateFixture.outbox(liveCount: 20)
        let new = StateFixture.outbox(liveCount: 900, names: true)
        for place in 0..<1_000 {
            _ = try fixture.save(old, in: fixture.open())
            let calls = FaultyCalls(.fullDisk, after: place)
            let folder = try fixture.open(calls)
            do { _ = try fixture.save(new, in: folder) } catch {
                let read = try #require(try fixture.frames(in: folder))
                // Only the sync of the folder comes after the rename.
                #expect([old.stateFrames, new.stateFrames].contains(read.frames))
                #expect(try folder.names().sorted() == ["lock", name])
                continue
            }
            #expect(place > 5)
            return
        }
        Issue.record("the save never came to its end")
    }

    // MARK: Limits

    @Test("a state that is too large is cut: the largest peaks stay, the rest is counted in a gap")
    func cut() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 2_000, names: true)
        let whole = try fixture.save(outbox, in: folder).byteCount
        let outcome = try fixture.save(outbox, in: folder, maximumBytes: whole / 3)
        #expect(outcome.byteCount <= whole / 3)
        #expect(outcome.byteCount > whole / 8)
        let file = try #require(try PastFile.read(name, in: folder))
        #expect(file.damage == nil)
        let read = try #require(try fixture.frames(in: folder))
        let defined = read.frames.flatMap(\.defines).map(\.key.pid)
        #expect(UInt64(3_000 - defined.count) == outcome.droppedCount)
        // Peaks grow with the pid.
        #expect(defined.sorted() == Array((3_000 - Int32(defined.count) + 1)...3_000))
        guard case .gap(let gap) = read.frames.last else {
            Issue.record("no gap tells of what is left out")
            return
        }
        #expect(gap.gaps.map(\.reason) == [.dropped])
        #expect(gap.gaps.map(\.missedCount) == [outcome.droppedCount])
    }

    @Test("a limit that leaves no room for anything is said, and the file of before stays")
    func noRoom() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 20)
        _ = try fixture.save(outbox, in: folder)
        #expect(throws: StateSave.NoRoom.self) {
            try fixture.save(outbox, in: folder, maximumBytes: 100)
        }
        #expect(try fixture.frames(in: folder)?.frames == outbox.stateFrames)
    }
}
