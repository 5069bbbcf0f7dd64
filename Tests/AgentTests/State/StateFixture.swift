import Foundation
import MemoryModel
import TestSupport
import Wire

@testable import Agent

/// A state directory and what is saved in it.
struct StateFixture {
    let folder: TemporaryFolder
    let host: HostID
    let boot = BootID(high: 1, low: 2)

    init() throws {
        folder = try TemporaryFolder()
        guard let host = HostID("one") else {
            throw Program.Failure(description: "one is a host id")
        }
        self.host = host
        chmod(folder.path, 0o700)
    }

    var path: String { folder.path }

    func open(_ calls: any StateFileCalls = SystemFileCalls()) throws -> StateFolder {
        try StateFolder(path: folder.path, calls: calls)
    }

    func header(
        epoch: UInt64 = 7, savedAtMilliseconds: Int64 = 5_000
    ) -> StateFileHeader {
        StateFileHeader(
            host: host, boot: boot, epoch: epoch, savedAtMilliseconds: savedAtMilliseconds,
            wallMinusBootMilliseconds: 1_700_000_000_000)
    }

    /// An outbox with so many runs that live, and half as many that ended.
    static func outbox(liveCount: Int32, names: Bool = false) -> Outbox {
        var outbox = Outbox(host: TrueHost.description)
        var random = SeededGenerator(seed: 1)
        var snapshot = HostSnapshot(takenAtMilliseconds: 1_000)
        for pid in 1...(liveCount + liveCount / 2) {
            let name = names ? "p\(random.next() as UInt64)" : "p"
            snapshot.started.append(
                StartedRun(
                    key: run(pid), description: RunDescription(program: RawText(name), comm: "c")))
            var observation = RunObservation(key: run(pid))
            observation.residentBytes = UInt64(pid) << 20
            observation.markBytes = UInt64(pid) << 20
            snapshot.observed.append(observation)
        }
        outbox.apply(snapshot)
        if liveCount >= 2 {
            outbox.apply(.ending((liveCount + 1)...(liveCount + liveCount / 2)))
        }
        return outbox
    }

    func save(
        _ outbox: Outbox, in folder: StateFolder, epoch: UInt64 = 7,
        savedAtMilliseconds: Int64 = 5_000, maximumBytes: Int = .max
    ) throws -> StateSave.Outcome {
        try StateSave(
            outbox: outbox,
            header: header(epoch: epoch, savedAtMilliseconds: savedAtMilliseconds),
            maximumRuns: 65_536, maximumBytes: maximumBytes
        ).run(in: folder)
    }

    /// All frames of a file that are sound, and what is wrong with the rest.
    func frames(
        of name: String = StateFileName.state(epoch: 7), in folder: StateFolder
    ) throws -> (frames: [Frame], damage: String?)? {
        guard let reader = try StateFileReader.open(name, in: folder) else { return nil }
        var frames: [Frame] = []
        while let frame = reader.next() { frames.append(frame) }
        return (frames, reader.damage)
    }
}

extension Outbox {
    /// What a state file of it holds.
    var stateFrames: [Frame] {
        var frames: [Frame] = []
        stateFrames { frames.append($0) }
        return frames
    }
}
