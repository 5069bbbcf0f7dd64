import MemoryModel
import Wire

@testable import Agent

extension HostSnapshot {
    /// A look at `at` that found these runs for the first time, by pid, each of so many KiB.
    static func starting(
        _ pids: some Sequence<Int32>, atMilliseconds at: Int64 = 1_000, kibibytes: UInt64 = 100
    ) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: at)
        for pid in pids {
            snapshot.started.append(
                StartedRun(key: run(pid), description: RunDescription(program: "p", comm: "c")))
            snapshot.observed.append(observation(pid, kibibytes: kibibytes))
        }
        return snapshot
    }

    /// A look at `at` that found these runs with so many KiB.
    static func observing(
        _ pids: some Sequence<Int32>, atMilliseconds at: Int64, kibibytes: UInt64
    ) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: at)
        snapshot.observed = pids.map { observation($0, kibibytes: kibibytes) }
        return snapshot
    }

    /// A look at `at` that found these runs gone.
    static func ending(
        _ pids: some Sequence<Int32>, atMilliseconds at: Int64 = 2_000
    ) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: at)
        snapshot.ended = pids.map { EndedRun(key: run($0), end: .sample) }
        return snapshot
    }

    private static func observation(_ pid: Int32, kibibytes: UInt64) -> RunObservation {
        var observation = RunObservation(key: run(pid))
        observation.residentBytes = kibibytes << 10
        observation.markBytes = kibibytes << 10
        observation.swapBytes = 0
        observation.processorMilliseconds = kibibytes
        return observation
    }
}

extension RunEnd {
    static let sample = RunEnd(
        bracket: TimeBracket(notBeforeMilliseconds: 1_000, notAfterMilliseconds: 2_000),
        reason: .exited)
}

/// The run of a process that is known by its pid alone.
func run(_ pid: Int32) -> ProcessKey { ProcessKey(pid: pid, startTicks: 100) }

/// An outbox, and the frames that it gives out.
final class OutboxHarness {
    var outbox: Outbox
    var sequence: UInt64 = 0

    /// With a session of so many slots.
    init(
        maximumRuns: UInt32 = 1_000, maximumWireBytes: Int = WireLimits.maximumWireBytes,
        host: HostDescription = TrueHost.description,
        memoryLimitBytes: Int = Outbox.defaultMemoryLimitBytes
    ) {
        outbox = Outbox(host: host, memoryLimitBytes: memoryLimitBytes)
        outbox.sessionOpened(maximumRuns: maximumRuns, maximumWireBytes: maximumWireBytes)
    }

    /// Every frame that is due, each reported as sent.
    func frames() -> [Frame] {
        var frames: [Frame] = []
        while let frame = next() { frames.append(frame) }
        return frames
    }

    /// The next frame that is due, reported as sent.
    func next() -> Frame? {
        guard let frame = outbox.nextFrame() else { return nil }
        sequence += 1
        outbox.sent(sequence: sequence)
        return frame
    }

    /// Takes in a snapshot and gives the frames that follow from it.
    func frames(after snapshot: HostSnapshot) -> [Frame] {
        outbox.apply(snapshot)
        return frames()
    }
}

extension Frame {
    var defines: [DefineFrame.Definition] {
        if case .define(let frame) = self { frame.runs } else { [] }
    }

    var ticks: [SamplesFrame.Tick] {
        if case .samples(let frame) = self { frame.ticks } else { [] }
    }

    var exits: [ExitFrame.Entry] {
        if case .exit(let frame) = self { frame.entries } else { [] }
    }

    var counters: [CounterReason: UInt64] {
        if case .counters(let frame) = self { frame.values } else { [:] }
    }
}
