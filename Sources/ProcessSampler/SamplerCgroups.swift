import Glibc
import MemoryModel

/// What became of looking for cgroups and for the kernel's log.
public struct MemoryWatchOutcome: Hashable, Sendable {
    /// Which version of the memory controller is read; nil if none is.
    public var cgroupVersion: UInt8?
    /// Why cgroups are not read; nil if they are.
    public var cgroupProblem: CgroupProblem?
    /// Why the kernel's log is not read; nil if it is.
    public var logProblem: KernelLogProblem?

    /// Nothing was looked for yet.
    public init() {}
}

/// Cgroups, and processes that the kernel killed for want of memory.
struct MemoryWatch {
    /// What reads cgroups; nil where there is no memory controller.
    var cgroups: CgroupSampler?
    /// What reads the kernel's log; nil where it may not be read.
    var log: KernelLog?
    /// What makes kills of both and of ends by SIGKILL.
    var correlator: KillCorrelator
    /// When cgroups are read next.
    var dueMilliseconds: Int64 = .min
    /// Processes that ended by SIGKILL since the look before, and when.
    var killed: [(process: FollowedProcess, atMilliseconds: Int64)] = []

    /// How often cgroups are read: the kernel keeps their marks meanwhile.
    static let intervalMilliseconds: Int64 = 10_000
    /// How many ends by SIGKILL one look takes in at most.
    static let maximumKilled = 4_096
}

extension Sampler {
    /// Watches cgroups and the kernel's log from the next look on, as far as they can be read.
    ///
    /// - Parameters:
    ///   - cgroupRoot: The folder of the hierarchy; nil for the one that is mounted, which is
    ///     looked for only if the tree is this host's own.
    ///   - hostMemoryBytes: The host's memory.
    /// - Returns: What is watched, and why the rest is not.
    public func watchMemory(cgroupRoot: String?, hostMemoryBytes: UInt64) -> MemoryWatchOutcome {
        var outcome = MemoryWatchOutcome()
        var cgroups: CgroupSampler?
        do throws(CgroupProblem) {
            let tree =
                if let cgroupRoot {
                    try CgroupTree.find(at: cgroupRoot, in: files.root)
                } else {
                    try CgroupTree.find(in: files.root)
                }
            cgroups = try CgroupSampler(tree: tree)
            outcome.cgroupVersion = tree.version
            descriptions.memoryVersion = tree.version
        } catch {
            outcome.cgroupProblem = error
        }
        var log: KernelLog?
        do throws(KernelLogProblem) {
            // The log has the host's own pids, and so must have what is followed.
            if let problem = NamespaceCheck.problem(files.root) {
                throw KernelLogProblem(description: problem.description)
            }
            log = try KernelLog()
        } catch {
            outcome.logProblem = error
        }
        guard cgroups != nil || log != nil else { return outcome }
        memoryWatch = MemoryWatch(
            cgroups: cgroups, log: log,
            correlator: KillCorrelator(
                hostMemoryBytes: hostMemoryBytes > 0 ? hostMemoryBytes : nil,
                countsAreLocal: cgroups?.tree.countsKillsLocally ?? true))
        return outcome
    }

    /// Takes note of a process that ended, for the kill that may have ended it.
    func noteEnd(_ process: FollowedProcess, _ end: EndedProcess) {
        guard end.exitSignal == SIGKILL, memoryWatch != nil,
            memoryWatch?.killed.count ?? 0 < MemoryWatch.maximumKilled
        else { return }
        memoryWatch?.killed.append((process, end.endedAtMilliseconds))
    }

    /// Reads what is due, and adds cgroups and kills to the snapshot.
    func watchMemory(into snapshot: inout HostSnapshot) {
        guard var watch = memoryWatch else { return }
        // Nobody else holds it meanwhile: it is copied back at the end.
        memoryWatch = nil
        defer { memoryWatch = watch }
        let now = snapshot.takenAtMilliseconds
        for event in watch.log?.read(atMilliseconds: now) ?? [] {
            watch.correlator.log(event) { pid in place(of: pid).map { followed(processes[$0]) } }
        }
        if let cgroups = watch.cgroups, watch.dueMilliseconds <= now || !watch.killed.isEmpty {
            watch.dueMilliseconds = now + MemoryWatch.intervalMilliseconds
            snapshot.cgroups = cgroups.sample(
                paths: processes.lazy.compactMap(\.memoryCgroup), atMilliseconds: now)
            watch.correlator.observed(snapshot.cgroups, atMilliseconds: now)
            counters.totalsOverLimit = max(
                counters.totalsOverLimit, UInt64(cgroups.skippedCount))
        }
        for (process, at) in watch.killed {
            watch.correlator.ended(process, signal: SIGKILL, atMilliseconds: at)
        }
        watch.killed = []
        snapshot.kills = watch.correlator.take(atMilliseconds: now)
    }

    /// What is known of a followed process, for the kill of it.
    func followed(_ process: TrackedProcess) -> FollowedProcess {
        FollowedProcess(
            run: process.state.key, cgroup: process.memoryCgroup,
            peakBytes: process.state.markBytes > 0 ? process.state.markBytes : nil)
    }
}
