import Agent
import MemoryModel
import ProcessSampler
import Report

/// This host, looked at by this program itself and kept in a ledger of its own.
///
/// It belongs to one thread at a time, as its sampler does.
final class LocalHost {
    /// How many runs that ended are kept at most; then the smaller half goes.
    private static let maximumEndedRuns = 4_000
    /// How many kills are kept at most; the oldest go first.
    private static let maximumKills = 1_000

    private let sampler: Sampler
    private let facts: HostFacts
    /// What tells of exits; nil where only one look is taken.
    private let kernel: KernelEventSource?
    private var watched = MemoryWatchOutcome()
    private let id: HostID
    private let boot: BootID
    private var description: HostDescription
    private var ledger: PeakLedger
    private var kills: [OutOfMemoryKill] = []
    private var availableBytes: UInt64?
    private var counters = SamplerCounters()
    private var droppedRunCount: UInt64 = 0

    /// Opens the tree of processes at `procfs`, or this host's own.
    ///
    /// - Parameters:
    ///   - procfs: A folder as `--procfs` names it.
    ///   - hostID: What the host is known by, of which the ids of runs are made; nil for its
    ///     machine id.
    ///   - intervalMilliseconds: The time between two looks; nil for one look alone, which needs
    ///     nothing that tells of what happens between two.
    /// - Throws: `SamplerError` where it cannot be read.
    init(procfs: String?, hostID: HostID? = nil, intervalMilliseconds: Int64?) throws {
        let root = procfs.map { ProcRoot(path: $0) } ?? ProcRoot()
        facts = try HostFacts(root: root)
        // What a user asks for on the own terminal does not leave the host.
        sampler = try Sampler(root: root, policy: .full)
        boot = try facts.bootID()
        id = hostID ?? LocalHost.identity(facts)
        description = try facts.description(
            intervalMilliseconds: UInt32(clamping: intervalMilliseconds ?? 0))
        ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: description.memoryTotalBytes))
        guard intervalMilliseconds != nil else {
            kernel = nil
            return
        }
        let kernel = KernelEventSource.start(root: root, policy: .full)
        self.kernel = kernel
        sampler.use(kernel)
        if kernel.exitRecordProblem != nil {
            description.restrictions.insert(.withoutExitRecords)
        }
        watched = sampler.watchMemory(
            cgroupRoot: nil, hostMemoryBytes: description.memoryTotalBytes)
    }

    /// What this host is known by: here it only has to be some name.
    private static func identity(_ facts: HostFacts) -> HostID {
        guard let id = facts.machineID() ?? HostID("this-host") else {
            preconditionFailure("a word of letters is a host id")
        }
        return id
    }

    /// Looks at everything once.
    func look() {
        let snapshot = sampler.sample(atMilliseconds: BootClock.nowMilliseconds())
        for run in snapshot.ended { ledger.end(run) }
        for run in snapshot.started + snapshot.renamed {
            ledger.start(run.key, run.description)
            ledger.add(run.flags, to: run.key)
        }
        for run in snapshot.completed { ledger.complete(run) }
        for observation in snapshot.observed {
            ledger.observe(observation, atMilliseconds: snapshot.takenAtMilliseconds)
        }
        for kill in snapshot.kills {
            kills.append(kill)
            if let run = kill.run { ledger.add(.killedForMemory, to: run) }
        }
        kills.removeFirst(max(0, kills.count - LocalHost.maximumKills))
        availableBytes = snapshot.memoryAvailableBytes ?? availableBytes
        counters = snapshot.counters
        description.wallMinusBootMilliseconds = BootClock.wallMinusBootMilliseconds()
        makeRoom()
    }

    /// Drops the smaller half of what ended where that is too much.
    private func makeRoom() {
        guard ledger.runs.count > LocalHost.maximumEndedRuns else { return }
        let ended = ledger.runs.values.filter { $0.end != nil }
        guard ended.count > LocalHost.maximumEndedRuns else { return }
        let smaller = ended.sorted { ($0.peak?.bytes ?? 0) < ($1.peak?.bytes ?? 0) }
            .prefix(ended.count / 2)
        for record in smaller { ledger.forget(record.key) }
        droppedRunCount += UInt64(smaller.count)
    }

    // MARK: As views take it in

    /// The time of day now, in milliseconds since the epoch in UTC.
    var nowMilliseconds: Int64 { utc(BootClock.nowMilliseconds()) }

    /// The host.
    var host: ReportedHost {
        ReportedHost(
            id: id, description: description, agentVersion: RawText(Version.text), state: .up,
            lastHeardAtMilliseconds: nowMilliseconds, memoryAvailableBytes: availableBytes,
            counters: [
                .unreadable: counters.unreadable, .malformed: counters.malformed,
                .refused: counters.refused + ledger.refusedCount,
                .runsOverLimit: counters.overLimit, .exitRecordsLost: counters.exitRecordsLost,
                .processEventsLost: counters.processEventsLost,
                .namesNotRead: counters.namesNotRead, .runsDropped: droppedRunCount,
            ].filter { $0.value > 0 })
    }

    /// The runs that live, and those that ended while this program looked.
    var runs: [ReportedRun] {
        ledger.runs.values.map { record in
            ReportedRun(
                host: id, hostName: description.name, labels: [], boot: boot,
                record: inUTC(record))
        }
    }

    /// The kills for want of memory.
    var reportedKills: [ReportedKill] {
        kills.map { kill in
            ReportedKill(
                host: id, hostName: description.name, boot: boot, kill: kill,
                atMilliseconds: utc(kill.atMilliseconds),
                run: kill.run.flatMap { ledger[$0] }.map(inUTC))
        }
    }

    /// What cannot be seen here and why, a short phrase each.
    var limits: [String] {
        var limits: [String] = []
        if description.restrictions.contains(.hiddenProcesses) {
            limits.append("other users' processes (hidepid)")
        }
        if description.restrictions.contains(.pidNamespace) {
            limits.append("processes outside of this container")
        }
        if let problem = kernel?.exitRecordProblem {
            limits.append("what lives shorter than a look (\(problem))")
        }
        if watched.logProblem != nil, watched.cgroupVersion == nil {
            limits.append("kills for want of memory")
        }
        return limits
    }

    private func utc(_ bootTime: Int64) -> Int64 {
        bootTime + description.wallMinusBootMilliseconds
    }

    private func inUTC(_ record: RunRecord) -> RunRecord {
        let offset = description.wallMinusBootMilliseconds
        var record = record
        record.description.startedAtMilliseconds = record.description.startedAtMilliseconds
            .map(utc)
        let (peaked, ended) = (record.peak?.bracket, record.end?.bracket)
        record.peak?.bracket = peaked?.shifted(byMilliseconds: offset)
        record.end?.bracket = ended?.shifted(byMilliseconds: offset)
        if let current = record.current {
            record.current?.atMilliseconds = utc(current.atMilliseconds)
        }
        return record
    }
}
