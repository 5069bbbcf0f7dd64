import Glibc
public import MemoryModel
public import ProcessSampler

/// Runs a command and finds out what it and its descendants need of memory.
///
/// It looks at them from time to time, takes what the kernel tells of their ends, and waits for
/// them as their parent. It works on the thread that calls it.
public final class CommandWatch {
    private let settings: CommandSettings
    private let sampler: Sampler
    private let kernel: KernelEventSource
    private let hostMemoryBytes: UInt64
    private var ledger: PeakLedger
    private var tree = CommandTree()
    private let python: CommandPython?
    private var losses: UInt64 = 0
    private var leftOutCount: UInt64 = 0
    private var kills: [OutOfMemoryKill] = []
    private var adopted = CommandTotals()
    private var waitBytes: [ProcessKey: UInt64] = [:]
    private var beganAtMilliseconds: Int64 = 0
    private let teller: CommandTeller?
    /// Runs of which the teller does not know what is known by now.
    private var untold: Set<ProcessKey> = []
    private var untoldKills: [OutOfMemoryKill] = []
    private var toldAtMilliseconds: Int64 = 0

    /// How many runs are kept at most; beyond it the smaller half of those that ended goes.
    private static let maximumRuns = 8_000
    /// How long the kernel's word of what has ended is waited for at the end.
    private static let patienceMilliseconds: Int64 = 2_000
    /// How often a collector is told.
    private static let tellMilliseconds: Int64 = 1_000
    /// How long looks follow each other closely.
    private static let closeMilliseconds: Int64 = 1_000

    /// Prepares for a command; throws where this host's processes cannot be read.
    ///
    /// What is found out is told by `teller` as well, if there is one.
    package init(
        _ settings: CommandSettings, teller: CommandTeller? = nil
    ) throws(SamplerError) {
        self.settings = settings
        self.teller = teller
        let root = ProcRoot()
        hostMemoryBytes =
            try HostFacts(root: root).description(intervalMilliseconds: 0).memoryTotalBytes
        sampler = try Sampler(root: root, policy: settings.commandLine)
        var options = KernelEventOptions()
        options.gatherMilliseconds = 2
        kernel = KernelEventSource.start(
            root: root, policy: settings.commandLine, options: options)
        sampler.use(kernel)
        sampler.followOnly(descendantsOf: getpid())
        _ = sampler.watchMemory(cgroupRoot: nil, hostMemoryBytes: hostMemoryBytes)
        python =
            settings.watchesPython
            ? CommandPython(root: root, tell: teller.map { teller in { teller.tell($0, of: $1) } })
            : nil
        ledger = PeakLedger(limits: PeakLimits(memoryTotalBytes: hostMemoryBytes))
    }

    deinit { kernel.stop() }

    /// Runs `arguments`, words that end with nil as `main` gets them, until it has ended.
    ///
    /// - Parameters:
    ///   - arguments: The command.
    ///   - cgroup: The cgroup to run it in; nil for this program's own. It is removed at the end.
    /// - Returns: What became known.
    /// - Throws: Why it does not run.
    public func run(
        _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>, in cgroup: TransientCgroup?
    ) throws(CommandStartFailure) -> CommandRun {
        defer { cgroup?.remove() }
        // Takes what only a first look takes time for, such as what the kernel's log has of old.
        look(at: BootClock.nowMilliseconds())
        let startedAt = BootClock.nowMilliseconds() + BootClock.wallMinusBootMilliseconds()
        let clock = ContinuousClock()
        let began = clock.now
        beganAtMilliseconds = BootClock.nowMilliseconds()
        let command = try CommandProcess.start(arguments, in: cgroup)
        let (end, ended) = wait(for: command, clock)
        let growth = python?.finish()
        awaitEnds()
        tell(at: BootClock.nowMilliseconds())
        var run = CommandRun(
            arguments: CommandWatch.words(arguments), pid: command.pid,
            startedAtMilliseconds: startedAt,
            elapsedMicroseconds: CommandWatch.microseconds(ended - began), end: end,
            floorBytes: command.floorBytes, runs: Array(ledger.runs.values))
        run.python = growth
        run.adopted = adopted
        run.waitBytes = waitBytes
        run.leftOutCount = leftOutCount
        run.sum = tree.sum
        run.curve = tree.curve
        run.intervalsMilliseconds = [closeInterval, settings.intervalMilliseconds]
        run.cgroup = cgroup?.figures()
        run.recordProblem = kernel.exitRecordProblem.map { problem in
            // What is said of it elsewhere is for an agent that is a service.
            problem == .missingCapability
                ? "the kernel tells more with CAP_NET_ADMIN" : "\(problem)"
        }
        run.lostCount = losses
        run.delivery = teller?.finish {
            switch CommandProcess.wait(milliseconds: 20) {
            case .forCommand, .interrupt: true
            case .child, .stop, nil: false
            }
        }
        run.kills = kills.filter { $0.run.map { ledger[$0] != nil } ?? false }
        return run
    }

    private var closeInterval: Int64 { min(10, settings.intervalMilliseconds) }

    /// Looks, waits and forwards until the command has ended, and with `waitsForAll` until nobody
    /// is left.
    private func wait(
        for command: CommandProcess, _ clock: ContinuousClock
    ) -> (CommandEnd, ContinuousClock.Instant) {
        var outcome: (CommandEnd, ContinuousClock.Instant)?
        var nextLook = BootClock.nowMilliseconds()
        while true {
            while let pid = CommandProcess.endedChild() {
                guard let end = take(pid) else { break }
                if pid == command.pid {
                    outcome = (end, clock.now)
                } else {
                    adopted.add(end)
                }
            }
            if let outcome, !settings.waitsForAll || !CommandProcess.hasChildren {
                return outcome
            }
            if outcome == nil { command.stopAlong() }
            var now = BootClock.nowMilliseconds()
            if now >= nextLook {
                look(at: now)
                let isClose = now - beganAtMilliseconds < CommandWatch.closeMilliseconds
                now = BootClock.nowMilliseconds()
                nextLook = now + (isClose ? closeInterval : settings.intervalMilliseconds)
            }
            let pythonWait = python?.turn()
            if pythonWait != nil { now = BootClock.nowMilliseconds() }
            let patience = min(max(0, nextLook - now), pythonWait ?? .max)
            switch CommandProcess.wait(milliseconds: patience) {
            case .forCommand(let signal) where outcome == nil: command.send(signal)
            case .forCommand, .interrupt:
                // Nobody wants to wait any more for what the command left behind.
                if let outcome { return outcome }
            case .child, .stop, nil: break
            }
        }
    }

    /// Learns what can be learned of a child that has ended, and lets the kernel forget it.
    private func take(_ pid: Int32) -> CommandEnd? {
        let process = sampler.endedProcess(pid)
        guard let end = CommandProcess.reap(pid) else { return nil }
        guard let process else { return end }
        let known = ledger.runs.values.filter {
            $0.key.pid == pid && $0.key.startTicks == process.startTicks
        }.max { $0.key.image < $1.key.image }
        let key: ProcessKey
        if let known {
            key = known.key
        } else if kernel.exitRecordProblem != nil {
            key = ProcessKey(pid: pid, startTicks: process.startTicks)
            ledger.start(key, RunDescription(program: process.name, comm: process.name))
            ledger.add(.firstSeenAtExit, to: key)
        } else {
            // The kernel's record of it is under way and says more.
            return end
        }
        waitBytes[key] = end.largestBytes
        guard kernel.exitRecordProblem != nil else { return end }
        let now = BootClock.nowMilliseconds()
        untold.insert(key)
        ledger.end(
            key,
            RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: now, notAfterMilliseconds: now),
                reason: .exited, exitCode: end.exitCode, exitSignal: end.signal))
        ledger.raiseFaults(key, to: process.faults)
        if let milliseconds = process.processorMilliseconds {
            ledger.raiseProcessorTime(key, toMilliseconds: milliseconds)
        }
        tree.end(key)
        return end
    }

    /// Takes in what is still under way of processes that have ended.
    private func awaitEnds() {
        let deadline = BootClock.nowMilliseconds() + CommandWatch.patienceMilliseconds
        while true {
            let now = BootClock.nowMilliseconds()
            look(at: now)
            guard sampler.awaitsEnds, now < deadline else { break }
            _ = CommandProcess.wait(milliseconds: 2)
        }
        take(sampler.killsKnown())
    }

    private func take(_ more: [OutOfMemoryKill]) {
        // Without a beginning there is no kill of its own either.
        guard beganAtMilliseconds > 0 else { return }
        for kill in more where kill.atMilliseconds >= beganAtMilliseconds - 1_000 {
            if let run = kill.run { ledger.add(.killedForMemory, to: run) }
            kills.removeAll { $0.pid == kill.pid && $0.atMilliseconds == kill.atMilliseconds }
            kills.append(kill)
            if teller != nil { untoldKills.append(kill) }
        }
    }

    /// Has the teller know what is known by now.
    private func tell(at now: Int64) {
        guard let teller, !untold.isEmpty || !untoldKills.isEmpty else { return }
        toldAtMilliseconds = now
        teller.tell(untold.compactMap { ledger[$0] }, untoldKills, atMilliseconds: now)
        untold = []
        untoldKills = []
    }

    private func look(at now: Int64) {
        let snapshot = sampler.sample(atMilliseconds: now)
        for run in snapshot.ended {
            ledger.end(run)
            tree.end(run.key)
            untold.insert(run.key)
        }
        for run in snapshot.started + snapshot.renamed {
            ledger.start(run.key, run.description)
            ledger.add(run.flags, to: run.key)
            untold.insert(run.key)
        }
        for run in snapshot.completed {
            ledger.complete(run)
            untold.insert(run.start.key)
        }
        for observation in snapshot.observed {
            if !ledger.observe(observation, atMilliseconds: now).isDisjoint(with: .peak) {
                untold.insert(observation.key)
            }
            // What ended meanwhile has nothing any more.
            guard !ledger.hasEnded(observation.key) else { continue }
            if let bytes = observation.residentBytes { tree.set(observation.key, to: bytes) }
        }
        for loss in snapshot.losses { losses &+= loss.count ?? 1 }
        take(snapshot.kills)
        python?.noted(snapshot)
        if beganAtMilliseconds > 0 { tree.note(atMilliseconds: now - beganAtMilliseconds) }
        if teller == nil {
            untold = []
        } else if now - toldAtMilliseconds >= CommandWatch.tellMilliseconds {
            tell(at: now)
        }
        makeRoom()
    }

    /// Drops the smaller half of what ended where that is too much.
    private func makeRoom() {
        guard ledger.runs.count > CommandWatch.maximumRuns else { return }
        tell(at: BootClock.nowMilliseconds())
        let ended = ledger.runs.values.filter { $0.end != nil }
        let smaller = ended.sorted { ($0.peak?.bytes ?? 0) < ($1.peak?.bytes ?? 0) }
            .prefix(ended.count / 2)
        for record in smaller {
            ledger.forget(record.key)
            waitBytes[record.key] = nil
        }
        leftOutCount += UInt64(smaller.count)
    }

    private static func words(
        _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>
    ) -> [RawText] {
        var words: [RawText] = []
        while let word = arguments[words.count] {
            let bytes = UnsafeBufferPointer(start: word, count: strlen(word))
            words.append(RawText(bytes.map { UInt8(bitPattern: $0) }))
        }
        return words
    }

    private static func microseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(clamping: seconds) &* 1_000_000
            &+ UInt64(clamping: attoseconds / 1_000_000_000_000)
    }
}
