import MemoryModel
import TestSupport

@testable import ProcessSampler

/// What the tests on a tree of files share.
protocol FixtureSampling {
    /// The tree.
    var tree: ProcTree { get }
}

extension FixtureSampling {
    /// A sampler of the tree.
    func sampler(
        _ policy: CommandLinePolicy = .script, heldFiles: Int = 100, processes: Int = 100,
        arrivals: Int = 100, markInterval: Int64 = 0,
        images: ImageNumbers = ImageNumbers()
    ) throws -> Sampler {
        try Sampler(
            root: ProcRoot(path: tree.path), policy: policy,
            limits: SamplerLimits(
                maximumHeldFiles: heldFiles, maximumProcesses: processes,
                maximumArrivals: arrivals, markIntervalMilliseconds: markInterval),
            images: images)
    }

    /// What a snapshot says of the start of a process.
    func started(_ snapshot: HostSnapshot, _ pid: Int32) -> StartedRun? {
        snapshot.started.first { $0.key.pid == pid }
    }

    /// What a snapshot says of a process's memory.
    func observed(_ snapshot: HostSnapshot, _ pid: Int32) -> RunObservation? {
        snapshot.observed.first { $0.key.pid == pid }
    }
}
