import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("State files of agents that are gone")
struct PastFolderTests {
    private let fixture: StateFixture

    init() throws { fixture = try StateFixture() }

    private func past(_ folder: StateFolder, limitBytes: Int = 64 << 20) -> PastFolder {
        PastFolder(folder: folder, ownEpoch: 99, limitBytes: limitBytes)
    }

    private func stateNames(_ folder: StateFolder) throws -> [String] {
        try folder.names().filter { $0 != "lock" }.sorted()
    }

    @Test(
        "the oldest comes first, one's own is passed over, and what was cut short is cleared away")
    func order() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 4)
        for (epoch, saved) in [(5, 3_000), (6, 1_000), (99, 500), (7, 2_000)] as [(UInt64, Int64)] {
            _ = try fixture.save(
                outbox, in: folder, epoch: epoch, savedAtMilliseconds: saved)
        }
        try Data("x".utf8).write(
            to: URL(fileURLWithPath: fixture.path + "/state-0000000000000008.new"))
        let finding = try past(folder).find()
        #expect(finding.files.map(\.header.epoch) == [6, 7, 5])
        #expect(finding.damageCount == 0)
        #expect(finding.files.allSatisfy { $0.runs.live.count == 4 && $0.damage == nil })
        #expect(try stateNames(folder).allSatisfy { !$0.hasSuffix(".new") })
    }

    @Test("of files that cannot be told four are kept, and each is named with the reason")
    func setAside() throws {
        let folder = try fixture.open()
        for epoch in 1...7 as ClosedRange<UInt64> {
            try Data("hello \(epoch)".utf8).write(
                to: URL(fileURLWithPath: fixture.path + "/" + StateFileName.state(epoch: epoch)))
        }
        let finding = try past(folder).find()
        #expect(finding.files.isEmpty)
        #expect(finding.damageCount == 7)
        #expect(finding.notes.count == 7)
        #expect(finding.notes.allSatisfy { $0.reason.contains("begin") })
        let names = try stateNames(folder)
        #expect(names.count == PastFolder.maximumSetAside)
        #expect(names.allSatisfy { $0.hasSuffix(".damaged") })
    }

    @Test("what is too much for the limit goes: first what cannot be told, then the latest")
    func limit() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 300, names: true)
        var bytes = 0
        for epoch in 1...5 as ClosedRange<UInt64> {
            bytes = try fixture.save(
                outbox, in: folder, epoch: epoch, savedAtMilliseconds: Int64(epoch) * 1_000
            ).byteCount
        }
        try Data(count: 10_000).write(
            to: URL(fileURLWithPath: fixture.path + "/state-00000000000000aa.damaged"))
        // A quarter of the room is for the agent that runs.
        let finding = try past(folder, limitBytes: bytes * 4).find()
        #expect(finding.files.map(\.header.epoch) == [1, 2, 3])
        #expect(finding.removed.map(\.epoch) == [5, 4])
        #expect(try stateNames(folder) == (1...3).map { StateFileName.state(epoch: $0) })
        #expect(try past(folder, limitBytes: bytes * 4).roomBytes() >= bytes)
    }

    @Test("a file that is closed has the ends and gaps that were added, and all that was before")
    func close() throws {
        let folder = try fixture.open()
        let outbox = StateFixture.outbox(liveCount: 5)
        _ = try fixture.save(outbox, in: folder)
        let name = StateFileName.state(epoch: 7)
        let file = try #require(try PastFile.read(name, in: folder))
        let end = RunEnd(
            bracket: TimeBracket(notBeforeMilliseconds: 5_000, notAfterMilliseconds: 9_000),
            reason: .unobserved)
        let gap = Gap(
            ordinal: PastClosing.downGapOrdinal, reason: .agentDown, bracket: end.bracket,
            missedCount: nil)
        let gone = file.runs.live.keys.sorted().prefix(3)
        let closing = PastClosing(
            file: file, ends: Dictionary(uniqueKeysWithValues: gone.map { ($0, end) }),
            gaps: [gap])
        let report = try closing.write(in: folder)
        let closed = try #require(try PastFile.read(name, in: folder))
        #expect(closed.damage == nil)
        #expect(closed.header.isClosed)
        #expect(closed.runs.live.count == 2)
        #expect(closed.frameCount == report.frameCount)
        let read = try #require(try fixture.frames(in: folder))
        #expect(read.frames == outbox.stateFrames + closing.frames)
        let ends = read.frames.flatMap(\.exits).filter { $0.end.reason == .unobserved }
        #expect(ends.map(\.end) == [end, end, end])
    }

    @Test("a run that lived is taken over with its peak, as far as the file is sound")
    func liveRecords() throws {
        let folder = try fixture.open()
        _ = try fixture.save(StateFixture.outbox(liveCount: 5), in: folder)
        let file = try #require(try PastFile.read(StateFileName.state(epoch: 7), in: folder))
        let peaks = file.runs.live.values.sorted { $0.key < $1.key }.map(\.peak?.bytes)
        #expect(peaks == (1...5).map { UInt64($0) << 20 })
    }

    @Test("where there is no room for the ends, they are told from memory behind the file")
    func noRoomToClose() throws {
        do { _ = try fixture.save(StateFixture.outbox(liveCount: 5), in: fixture.open()) }
        let name = StateFileName.state(epoch: 7)
        let folder = try fixture.open(FaultyCalls(.fullDisk, after: 0))
        let file = try #require(try PastFile.read(name, in: folder))
        let closing = PastClosing(file: file)
        #expect(throws: FileFailure.self) { try closing.write(in: folder) }
        let report = closing.unwrittenReport
        let frames = try PastFrames(of: name, count: report.frameCount, in: folder)
        var read: [Frame] = []
        while case let batch = frames.next(), !batch.isEmpty {
            #expect(batch.count <= PastFrames.batchCount)
            read += batch
        }
        #expect(read.count == file.frameCount)
    }
}
