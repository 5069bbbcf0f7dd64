import Foundation
import MemoryModel
import Synchronization
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
        let gaps = StateFileName.gaps(epoch: 5)
        #expect(try stateNames(folder) == (1...3).map { StateFileName.state(epoch: $0) } + [gaps])
        // The gap of both stands in their place, whatever boot they are of.
        #expect(finding.gaps.map(\.name) == [gaps])
        let frames = try #require(try fixture.frames(of: gaps, in: folder)).frames
        #expect(frames.map(\.type) == [.host, .stateEnd, .gap])
        guard case .gap(let gap) = frames.last else { return }
        #expect(gap.gaps.map(\.reason) == [.dropped])
        #expect(gap.gaps.map(\.missedCount) == [nil])
        #expect(
            gap.gaps.map(\.bracket)
                == [TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: 5_000)])
        // Its own file and the one in whose place it comes have the rest.
        let rest = bytes - (folder.size(of: gaps) ?? 0)
        #expect(try past(folder, limitBytes: bytes * 4).roomBytes() == rest / 2)
    }

    @Test("what all files take together stays within the limit while they are replaced")
    func mostBytes() throws {
        let outbox = StateFixture.outbox(liveCount: 600, names: true)
        let whole: Int
        do {
            let folder = try fixture.open()
            whole = try fixture.save(outbox, in: folder, epoch: 1).byteCount
            _ = try fixture.save(outbox, in: folder, epoch: 2)
        }
        let path = fixture.path
        let most = Mutex(0)
        let measure: @Sendable () -> Void = {
            do {
                let bytes = try FileManager.default.contentsOfDirectory(atPath: path)
                    .filter { $0.hasPrefix("state-") }
                    .reduce(0) { sum, name in
                        var status = stat()
                        return lstat(path + "/" + name, &status) == 0
                            ? sum + Int(status.st_size) : sum
                    }
                most.withLock { $0 = max($0, bytes) }
            } catch { Issue.record(error) }
        }
        let folder = try fixture.open(HookedCalls { _ throws(FileFailure) in measure() })
        let limit = whole * 7 / 2
        let past = past(folder, limitBytes: limit)
        let finding = try past.find()
        #expect(finding.files.count == 2)
        for epochs in 0..<2 {
            for file in finding.files where epochs == 0 {
                let report = try past.write(PastClosing(file: file))
                #expect(report.header.isClosed)
            }
            let outcome = try past.save(
                outbox, fixture.header(epoch: 99), maximumRuns: 65_536)
            #expect(outcome.byteCount > whole / 3)
            measure()
        }
        #expect(most.withLock { $0 } <= limit)
        #expect(most.withLock { $0 } > limit * 4 / 5)
        // A file for whose copy there is no room stays as it is, and is told from memory.
        #expect(throws: StateSave.NoRoom.self) {
            try past.write(PastClosing(file: finding.files[0]))
        }
        #expect(most.withLock { $0 } <= limit)
    }

    @Test("a file that gives less than was read of it before stays as it is")
    func readError() throws {
        let outbox = StateFixture.outbox(liveCount: 9_000, names: true)
        _ = try fixture.save(outbox, in: fixture.open())
        let name = StateFileName.state(epoch: 7)
        let url = URL(fileURLWithPath: fixture.path + "/" + name)
        let whole = try Data(contentsOf: url)
        #expect(whole.count > 3 << 16)
        let isBroken = Atomic(false)
        let count = Atomic(0)
        let folder = try fixture.open(
            HookedCalls { call throws(FileFailure) in
                guard call == .read, isBroken.load(ordering: .relaxed) else { return }
                if count.wrappingAdd(1, ordering: .relaxed).newValue > 2 {
                    throw FileFailure("cannot read", code: EIO)
                }
            })
        let file = try #require(try PastFile.read(name, in: folder))
        #expect(file.damage == nil)
        isBroken.store(true, ordering: .relaxed)
        let closing = PastClosing(file: file)
        #expect(throws: MissingFrames.self) { try closing.write(in: folder) }
        #expect(try Data(contentsOf: url) == whole)
        #expect(try stateNames(folder) == [name])

        count.store(0, ordering: .relaxed)
        let frames = try PastFrames(of: name, count: file.frameCount, in: folder)
        var read = 0
        #expect(throws: MissingFrames.self) {
            while true { read += try frames.next().count }
        }
        #expect(read > 0 && read < file.frameCount)
        // One that is gone is no end either.
        try folder.remove(name)
        #expect(throws: MissingFrames.self) {
            try PastFrames(of: name, count: 1, in: folder).next()
        }
    }

    @Test("of what nobody can read a gap is told, of the boot of its time as far as that is known")
    func lost() throws {
        let folder = try fixture.open()
        try Data("hello".utf8).write(
            to: URL(fileURLWithPath: fixture.path + "/" + StateFileName.state(epoch: 0xAB)))
        let lost = try #require(try past(folder).find().lost.first)
        #expect(lost.name == StateFileName.state(epoch: 0xAB) && lost.header == nil)
        let changed = try #require(lost.changedAtWallMilliseconds)

        let other = BootID(high: 9, low: 9)
        func beginning(wallMinusBoot: Int64, hasMarker: Bool) -> PastAgents.Beginning {
            PastAgents.Beginning(
                boot: fixture.boot, atMilliseconds: 50_000, living: [],
                wallMinusBootMilliseconds: wallMinusBoot,
                marker: hasMarker
                    ? RunningMarker(
                        boot: other, epoch: 3, host: fixture.host,
                        now: .init(atMilliseconds: 9_000), safe: .init(atMilliseconds: 8_000),
                        wallMinusBootMilliseconds: changed - 7_000) : nil,
                gapBefore: nil, hostID: fixture.host, host: TrueHost.description)
        }
        let cases: [(beginning: PastAgents.Beginning, boot: BootID, until: Int64)] = [
            (beginning(wallMinusBoot: changed - 20_000, hasMarker: true), fixture.boot, 20_000),
            (beginning(wallMinusBoot: changed - 60_000, hasMarker: true), fixture.boot, 50_000),
            (beginning(wallMinusBoot: changed + 1_000, hasMarker: true), other, 7_000),
            (beginning(wallMinusBoot: changed + 1_000, hasMarker: false), fixture.boot, 50_000),
        ]
        for (beginning, boot, until) in cases {
            let closing = beginning.closing(of: lost, ownEpoch: 99)
            #expect(closing.file.header.boot == boot)
            #expect(closing.file.header.epoch == 0xAB)
            #expect(closing.frames.map(\.type) == [.host, .stateEnd, .gap])
            let gap = try #require(closing.gaps.first)
            #expect(gap.reason == .dropped && gap.missedCount == nil)
            #expect(
                gap.bracket
                    == TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: until))
        }
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
        while case let batch = try frames.next(), !batch.isEmpty {
            #expect(batch.count <= PastFrames.batchCount)
            read += batch
        }
        #expect(read.count == file.frameCount)
    }
}
