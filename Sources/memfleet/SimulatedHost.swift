import MemoryModel

/// One simulated host: its processes live, change and end by chance that its seed repeats.
///
/// A value without clocks: the caller says what time it is, and gets what a sampler would have
/// found. It takes about 100 bytes a living process; what ended is handed out and not kept.
struct SimulatedHost {
    let id: HostID
    let boot: BootID
    let description: HostDescription

    private let mix: ProgramMix
    private let changingShare: Double
    private let isSteady: Bool
    private let exitsPerSecond: Double
    private var random: FleetGenerator
    /// Those that live.
    private(set) var processes: [SimulatedProcess] = []
    /// Those that ended since the look before.
    private(set) var justEnded: [SimulatedProcess] = []
    private var nextPid: Int32 = 300
    private var residentKibibytes: UInt64 = 0
    private var latestLookMilliseconds: Int64 = 0
    /// What of changes and ends was less than a whole one so far.
    private var restOfChanges = 0.0
    private var restOfEnds = 0.0
    private var cgroupMarkBytes: [UInt64]
    private var cgroupsDueMilliseconds: Int64 = 0

    /// How often cgroups are read, as agents do it.
    private static let cgroupIntervalMilliseconds: Int64 = 10_000
    private static let greatestPid: Int32 = 4_194_303

    /// The host of this number, counted from 1, as `settings` want it, with the clock of its boot.
    init(number: Int, id: HostID, settings: FleetSettings, wallMinusBootMilliseconds: Int64) {
        self.id = id
        random = FleetGenerator(seed: settings.seed, host: number)
        boot = BootID.random(using: &random)
        mix = ProgramMix(for: &random)
        changingShare = settings.changingShare
        isSteady = settings.isSteady
        exitsPerSecond = settings.exitsPerSecond
        cgroupMarkBytes = Array(repeating: 0, count: mix.cgroups.count)
        let gibibytes = [8, 16, 32, 64, 128, 256].randomElement(using: &random) ?? 8
        description = HostDescription(
            name: RawText("\(id).example"), kernelRelease: "6.12.0-simulated",
            memoryTotalBytes: UInt64(gibibytes) << 30, swapTotalBytes: 0,
            processorCount: UInt32(gibibytes / 4), ticksPerSecond: 100,
            wallMinusBootMilliseconds: wallMinusBootMilliseconds,
            intervalMilliseconds: UInt32(settings.intervalMilliseconds), restrictions: [],
            labels: [HostLabel(key: "rack", value: RawText("r\(number / 40)"))])
    }

    /// The first look, which finds `count` processes that have run for a while.
    mutating func begin(processCount count: Int, atMilliseconds now: Int64) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: now)
        for _ in 0..<count {
            let started = now - Int64.random(in: 0...min(3_600_000, now), using: &random)
            var process = newProcess(startedAtMilliseconds: started)
            process.age(using: &random)
            add(process)
            snapshot.started.append(start(of: process, atMilliseconds: started))
            snapshot.observed.append(process.observation)
        }
        latestLookMilliseconds = now
        finish(&snapshot)
        return snapshot
    }

    /// The next look.
    ///
    /// - Parameters:
    ///   - now: When it is, after the one before.
    ///   - mayEnd: Whether processes may have ended since then.
    /// - Returns: What a sampler would have found.
    mutating func look(atMilliseconds now: Int64, mayEnd: Bool) -> HostSnapshot {
        justEnded.removeAll(keepingCapacity: true)
        var snapshot = HostSnapshot(takenAtMilliseconds: now)
        let time = now - latestLookMilliseconds
        if mayEnd { end(&snapshot, sinceMilliseconds: latestLookMilliseconds) }
        change(&snapshot, overMilliseconds: time)
        latestLookMilliseconds = now
        finish(&snapshot)
        return snapshot
    }

    /// The name of what a process runs.
    func program(of process: SimulatedProcess) -> RawText {
        mix.kinds[process.kind].description.program
    }

    // MARK: Processes

    private mutating func newProcess(startedAtMilliseconds started: Int64) -> SimulatedProcess {
        let kind = mix.choose(&random)
        let pid = nextPid
        nextPid = nextPid == SimulatedHost.greatestPid ? 300 : nextPid + 1
        return SimulatedProcess(
            key: ProcessKey(pid: pid, startTicks: UInt64(max(0, started) / 10)), kind: kind,
            usualKibibytes: mix.kinds[kind].usualKibibytes, using: &random)
    }

    private mutating func add(_ process: SimulatedProcess) {
        residentKibibytes += process.residentKibibytes
        processes.append(process)
    }

    private func start(of process: SimulatedProcess, atMilliseconds at: Int64) -> StartedRun {
        var description = mix.kinds[process.kind].description
        description.parentPid = 1
        description.startedAtMilliseconds = at
        return StartedRun(key: process.key, description: description)
    }

    private mutating func end(of process: SimulatedProcess, in bracket: TimeBracket) -> EndedRun {
        let luck = Int.random(in: 0..<100, using: &random)
        var end = RunEnd(bracket: bracket, reason: .exited)
        if luck < 2 {
            end.exitSignal = 15
        } else {
            end.exitCode = luck < 8 ? 1 : 0
        }
        return EndedRun(key: process.key, end: end, record: process.exitFigures)
    }

    /// Ends some processes and begins as many; every other one lives only between two looks.
    private mutating func end(
        _ snapshot: inout HostSnapshot, sinceMilliseconds then: Int64
    ) {
        let now = snapshot.takenAtMilliseconds
        restOfEnds += exitsPerSecond * Double(now - then) / 1_000
        let count = Int(restOfEnds)
        restOfEnds -= Double(count)
        for _ in 0..<count {
            let at = Int64.random(in: then...now, using: &random)
            let bracket = TimeBracket(notBeforeMilliseconds: at, notAfterMilliseconds: at)
            var process = newProcess(startedAtMilliseconds: at)
            let start = start(of: process, atMilliseconds: at)
            if random.happens(0.5) || processes.isEmpty {
                process.burst(using: &random)
                justEnded.append(process)
                snapshot.completed.append(
                    CompletedRun(start: start, end: end(of: process, in: bracket)))
            } else {
                let place = Int.random(in: processes.indices, using: &random)
                // The place is taken over at once, so nothing ends that began in this look.
                guard processes[place].key.startTicks < UInt64(then / 10) else { continue }
                var old = processes[place]
                if random.happens(0.2) { old.burst(using: &random) }
                residentKibibytes -= min(old.residentKibibytes, residentKibibytes)
                residentKibibytes += process.residentKibibytes
                processes[place] = process
                justEnded.append(old)
                snapshot.ended.append(end(of: old, in: bracket))
                snapshot.started.append(start)
                snapshot.observed.append(process.observation)
            }
        }
    }

    private mutating func change(
        _ snapshot: inout HostSnapshot, overMilliseconds time: Int64
    ) {
        let new = Set(snapshot.started.map(\.key))
        restOfChanges += changingShare * Double(processes.count)
        let count = min(Int(restOfChanges), processes.count)
        restOfChanges -= Double(count)
        for place in 0..<count {
            // The first `count` of a random order: each at most once.
            if !isSteady {
                let other = Int.random(in: place..<processes.count, using: &random)
                processes.swapAt(place, other)
            }
            guard new.isEmpty || !new.contains(processes[place].key) else { continue }
            residentKibibytes -= min(processes[place].residentKibibytes, residentKibibytes)
            processes[place].change(overMilliseconds: time, using: &random)
            residentKibibytes += processes[place].residentKibibytes
            snapshot.observed.append(processes[place].observation)
        }
    }

    // MARK: The host itself

    private mutating func finish(_ snapshot: inout HostSnapshot) {
        let total = description.memoryTotalBytes
        let used = residentKibibytes << 10
        snapshot.memoryAvailableBytes = max(total / 16, total > used ? total - used : 0)
        guard snapshot.takenAtMilliseconds >= cgroupsDueMilliseconds else { return }
        cgroupsDueMilliseconds =
            snapshot.takenAtMilliseconds + SimulatedHost.cgroupIntervalMilliseconds
        let share = used / UInt64(max(1, mix.cgroups.count))
        for (place, path) in mix.cgroups.enumerated() {
            let current = share / 2 + UInt64.random(in: 0...share, using: &random)
            cgroupMarkBytes[place] = max(cgroupMarkBytes[place], current)
            var seen = CgroupObservation(path: path, inode: UInt64(1_000 + place), version: 2)
            seen.markBytes = cgroupMarkBytes[place]
            seen.currentBytes = current
            seen.anonymousBytes = current / 4 * 3
            seen.fileBytes = current / 4
            snapshot.cgroups.append(seen)
        }
    }
}
