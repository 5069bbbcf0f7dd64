import MemoryModel

/// A host and boot as rows take them in.
struct BootPlace {
    /// Its number in the tally.
    var index: Int
    /// The number of its host in the tally.
    var host: Int
    var hostID: HostID
    var hostName: RawText
    var labels: [HostLabel]
    /// The same for equal names, and for equal labels.
    var nameNumber: Int64
    var labelsNumber: Int64
    /// The number of the value of the label that the report is by.
    var groupNumber: Int64
    var boot: BootID
    /// Whether nothing is known of the host's present.
    var isGone: Bool
    /// Whether its agent learns of kills for want of memory.
    var seesKills: Bool
}

/// A value that some runs share, or not.
struct SharedNumber {
    private var value: Int64 = 0
    private var state: UInt8 = 0

    /// What stands for a value that is not known.
    static let unknown = Int64.min

    mutating func add(_ other: Int64) {
        if state == 0 {
            value = other
            state = 1
        } else if value != other {
            state = 2
        }
    }

    /// The value of all; nil where they differ or do not know it.
    var shared: Int64? { state == 1 && value != SharedNumber.unknown ? value : nil }
}

/// Runs that become one row.
///
/// It grows with the peaks of its runs alone, eight bytes each.
struct RunGroup {
    /// What has the largest peak of a group.
    struct Holder {
        /// The number of its boot in the tally.
        var place: Int
        /// nil for folded runs.
        var key: ProcessKey?
        var program: Int64
        var isLowerBound: Bool?
        var isInherited: Bool
        /// Whether its program tells of its peak itself.
        var isTold = false
        var basis = RangedPeak.Basis.life
    }

    /// The number of the name of the group.
    let number: Int64
    private(set) var runCount = 0
    private(set) var peak: Peak?
    private(set) var holder: Holder
    private(set) var processorMilliseconds: UInt64?
    /// The 95th percentile of the peaks, where rows are ordered by it.
    private(set) var p95Bytes: UInt64?
    private(set) var hosts: Set<Int> = []
    /// The most that a run of the group is known to have held in the range by itself.
    private var heldBytes: UInt64?

    private var lastHost = -1
    private var foldedRuns = 0
    private var liveRuns = 0
    private var killedRuns = 0
    private var hasUnknownKill = false
    private var peaks: [UInt64] = []
    private var steps: [UInt64: UInt64] = [:]
    private var sumOfPeaksBytes: UInt64?
    private var swapPeakBytes: UInt64?
    private var residentBytes: UInt64?
    private var shared = SharedFields()

    init(number: Int64, first: Holder) {
        self.number = number
        holder = first
    }

    /// Counts a run; its peak comes by `addPeak`.
    mutating func add(_ run: RunFigures, _ place: BootPlace) {
        runCount = runCount.addingClamped(1)
        note(host: place.host)
        addProcessorTime(run.processorMilliseconds)
        if let swap = run.swapPeakBytes { swapPeakBytes = max(swapPeakBytes ?? 0, swap) }
        if run.end == nil, !place.isGone {
            liveRuns += 1
            if let resident = run.residentBytes {
                residentBytes = (residentBytes ?? 0).addingClamped(resident)
            }
        }
        if run.flags.contains(.killedForMemory) {
            killedRuns = killedRuns.addingClamped(1)
        } else if !hasUnknownKill {
            hasUnknownKill =
                RunJudgement.wasKilledForMemory(run.flags, run.end, isKillSeen: place.seesKills)
                == nil
        }
        shared.add(run, place)
    }

    /// Counts the peak of one of its runs, by itself, or else in a step of a histogram.
    mutating func addPeak(_ peak: Peak, _ candidate: Holder, isKept: Bool) {
        raise(peak, candidate)
        addSum(peak.bytes)
        if isKept {
            peaks.append(peak.bytes)
        } else {
            let step = PeakHistogram.step(ofBytes: peak.bytes)
            steps[PeakHistogram.greatestBytes(ofStep: step), default: 0] += 1
        }
    }

    mutating func add(_ fold: Fold, _ holder: Holder, _ place: BootPlace, _ names: FoldNames) {
        let count = Int(clamping: fold.runCount)
        runCount = runCount.addingClamped(count)
        foldedRuns = foldedRuns.addingClamped(count)
        note(host: place.host)
        addProcessorTime(fold.processorMilliseconds)
        killedRuns = killedRuns.addingClamped(Int(clamping: fold.killCount))
        if fold.killCount == 0, !place.seesKills { hasUnknownKill = true }
        shared.add(names, place)
        guard let peak = fold.peak else { return }
        raise(peak, holder)
        addSum(fold.sumOfPeaksBytes)
        for (step, count) in fold.histogram.counts {
            // No run of a fold had more than the greatest of them.
            let bytes = min(PeakHistogram.greatestBytes(ofStep: step), peak.bytes)
            steps[bytes] = (steps[bytes] ?? 0).addingClamped(count)
        }
    }

    private mutating func note(host: Int) {
        guard host != lastHost else { return }
        lastHost = host
        hosts.insert(host)
    }

    private mutating func addProcessorTime(_ time: UInt64?) {
        guard let time else { return }
        processorMilliseconds = (processorMilliseconds ?? 0).addingClamped(time)
    }

    private mutating func addSum(_ bytes: UInt64) {
        sumOfPeaksBytes = (sumOfPeaksBytes ?? 0).addingClamped(bytes)
    }

    private mutating func raise(_ candidate: Peak, _ theirs: Holder) {
        if theirs.basis != .lifeAtMost, !theirs.isInherited {
            heldBytes = max(heldBytes ?? 0, candidate.bytes)
        }
        guard peak.map({ $0 < candidate }) ?? true else { return }
        peak = candidate
        holder = theirs
    }

    /// Works the 95th percentile out, so that groups can be ordered by it.
    mutating func measureQuantile() {
        p95Bytes = quantiles.nearestRank(percent: 95)
    }

    private var quantiles: Quantiles { Quantiles(sorted: peaks.sorted(), steps: steps) }

    /// The row; `name` tells what a number stands for.
    func row<Failure: Error>(
        _ places: [BootPlace], name: (Int64) throws(Failure) -> RawText
    ) throws(Failure) -> ReportRow {
        var row = ReportRow(runs: runCount)
        row.hosts = hosts.count
        row.foldedRuns = foldedRuns
        row.liveRuns = liveRuns
        row.killedRuns = killedRuns
        try shared.describe(&row, isSingle: runCount == 1 && foldedRuns == 0, places, name: name)
        if let peak {
            let place = places[holder.place]
            row.peak = peak
            row.peakHolder = PeakHolder(
                hostName: place.hostName, hostID: place.hostID, pid: holder.key?.pid,
                program: try name(holder.program))
            row.isPeakLowerBound = holder.isLowerBound
            row.isPeakInherited = holder.isInherited
            row.isPeakTold = holder.isTold && peak.source == .hwm
            switch holder.basis {
            case .life: row.isPeakUpperBound = false
            case .windows: (row.isPeakLowerBound, row.isPeakUpperBound) = (false, false)
            case .windowsAtLeast: (row.isPeakLowerBound, row.isPeakUpperBound) = (true, false)
            case .lifeAtMost: row.isPeakUpperBound = true
            }
            row.isPeakOfWindows = holder.basis == .windows || holder.basis == .windowsAtLeast
        }
        let quantiles = quantiles
        row.peakP95Bytes = quantiles.nearestRank(percent: 95)
        row.peakMedianBytes = quantiles.nearestRank(percent: 50)
        row.areQuantilesUpperBounds = quantiles.areUpperBounds
        row.sumOfPeaksBytes = sumOfPeaksBytes
        row.heldBytes = heldBytes
        row.peakSwapBytes = swapPeakBytes
        row.currentResidentBytes = residentBytes
        row.processorMilliseconds = processorMilliseconds
        row.wasOutOfMemoryKilled = killedRuns > 0 ? true : hasUnknownKill ? nil : false
        return row
    }
}

/// The numbers of the names that folded runs have.
struct FoldNames {
    var program: Int64
    var user: Int64
    var cgroup: Int64
}

/// What all runs of a row have in common.
private struct SharedFields {
    private var place = SharedNumber()
    private var host = SharedNumber()
    private var hostName = SharedNumber()
    private var labels = SharedNumber()
    private var pid = SharedNumber()
    private var started = SharedNumber()
    private var ended = SharedNumber()
    private var program = SharedNumber()
    private var comm = SharedNumber()
    private var executable = SharedNumber()
    private var command = SharedNumber()
    private var user = SharedNumber()
    private var cgroup = SharedNumber()
    private var unit = SharedNumber()
    private var container = SharedNumber()
    private var reason = SharedNumber()
    private var exitCode = SharedNumber()
    private var exitSignal = SharedNumber()
    /// The key of the last run, and where some place with the shared values is.
    private var key: ProcessKey?
    private var lastPlace = 0

    private mutating func add(_ at: BootPlace) {
        place.add(Int64(at.index))
        host.add(Int64(at.host))
        hostName.add(at.nameNumber)
        labels.add(at.labelsNumber)
        lastPlace = at.index
    }

    mutating func add(_ run: RunFigures, _ at: BootPlace) {
        let unknown = SharedNumber.unknown
        add(at)
        key = run.key
        pid.add(Int64(run.key.pid))
        started.add(run.startedAtMilliseconds ?? unknown)
        ended.add(run.end?.bracket?.notAfterMilliseconds ?? unknown)
        program.add(run.program)
        comm.add(run.comm)
        executable.add(run.executable)
        command.add(run.command)
        user.add(run.user)
        cgroup.add(run.cgroup)
        unit.add(run.unit)
        container.add(run.container)
        reason.add(run.end.map { Int64($0.reason.rawValue) } ?? unknown)
        exitCode.add(run.end?.exitCode.map(Int64.init) ?? unknown)
        exitSignal.add(run.end?.exitSignal.map(Int64.init) ?? unknown)
    }

    /// What folded runs do not tell is shared by nobody.
    mutating func add(_ fold: FoldNames, _ at: BootPlace) {
        add(at)
        program.add(fold.program)
        user.add(fold.user)
        cgroup.add(fold.cgroup)
        for field in [\SharedFields.pid, \.started, \.ended, \.reason, \.exitCode, \.exitSignal] {
            self[keyPath: field].add(SharedNumber.unknown)
        }
        for field in [\SharedFields.comm, \.executable, \.command, \.unit, \.container] {
            self[keyPath: field].add(RunFigures.noName)
        }
    }

    func describe<Failure: Error>(
        _ row: inout ReportRow, isSingle: Bool, _ places: [BootPlace],
        name: (Int64) throws(Failure) -> RawText
    ) throws(Failure) {
        func text(_ field: SharedNumber) throws(Failure) -> RawText? {
            guard let number = field.shared, number != RunFigures.noName else { return nil }
            return try name(number)
        }
        let at = places[lastPlace]
        if hostName.shared != nil { row.hostName = at.hostName }
        if labels.shared != nil { row.labels = at.labels }
        if host.shared != nil { row.hostID = at.hostID }
        if place.shared != nil {
            row.boot = at.boot
            // A pid means something only within one boot of one host.
            row.pid = pid.shared.flatMap { Int32(exactly: $0) }
        }
        if isSingle, let key {
            row.runID = RunKey(host: at.hostID, boot: at.boot, process: key).shortID
        }
        row.startedAtMilliseconds = started.shared
        row.endedAtMilliseconds = ended.shared
        row.program = try text(program)
        row.comm = try text(comm)
        row.executable = try text(executable)
        row.command = try text(command)
        row.user = try text(user)
        row.cgroup = try text(cgroup)
        row.unit = try text(unit)
        row.container = try text(container)
        row.endReason = reason.shared.flatMap {
            UInt8(exactly: $0).flatMap(RunEndReason.init(rawValue:))
        }
        row.exitCode = exitCode.shared.flatMap { Int32(exactly: $0) }
        row.exitSignal = exitSignal.shared.flatMap { Int32(exactly: $0) }
    }
}
