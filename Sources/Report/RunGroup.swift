import MemoryModel

/// What of hosts matters to a row.
struct KnownHosts {
    /// Those of whose present nothing is known.
    var gone: Set<HostID>
    /// Those whose agent learns of kills for want of memory.
    var seeingKills: Set<HostID>

    init(_ hosts: [ReportedHost]) {
        gone = Set(hosts.filter { $0.state == .gone }.map(\.id))
        seeingKills = Set(hosts.filter(\.seesKills).map(\.id))
    }
}

/// What rows are made of: runs, and folded runs that nobody can tell apart any more.
struct ReportedPeaks {
    var runs: [ReportedRun]
    var folds: [ReportedFold]
}

/// Runs that become one row, as places in the lists of all of them.
struct RunGroup {
    /// One thing that a row is made of.
    enum Member {
        case run(Int)
        case fold(Int)
    }

    private(set) var runs: [Int] = []
    private(set) var folds: [Int] = []
    /// What has the largest peak, or the first where nothing was measured.
    private(set) var peakHolder: Member
    /// The largest peak, kept beside the runs because rows are ordered by it.
    private(set) var peak: Peak?
    private(set) var processorMilliseconds: UInt64?
    /// How many runs there are, folded ones included.
    private(set) var runCount = 0

    /// A group of `first` alone.
    init(first: Member, of all: ReportedPeaks) {
        peakHolder = first
        add(first, of: all)
    }

    mutating func add(_ member: Member, of all: ReportedPeaks) {
        switch member {
        case .run(let index):
            runs.append(index)
            runCount = runCount.addingClamped(1)
            add(all.runs[index].record.processorMilliseconds)
            raise(all.runs[index].record.peak, of: member)
        case .fold(let index):
            let fold = all.folds[index].fold
            folds.append(index)
            runCount = runCount.addingClamped(Int(clamping: fold.runCount))
            add(fold.processorMilliseconds)
            raise(fold.peak, of: member)
        }
    }

    private mutating func add(_ time: UInt64?) {
        guard let time else { return }
        processorMilliseconds = (processorMilliseconds ?? 0).addingClamped(time)
    }

    private mutating func raise(_ candidate: Peak?, of member: Member) {
        guard let candidate, peak.map({ $0 < candidate }) ?? true else { return }
        peak = candidate
        peakHolder = member
    }

    /// The hosts of all of it.
    func hosts(of all: ReportedPeaks) -> Set<HostID> {
        Set(runs.map { all.runs[$0].host } + folds.map { all.folds[$0].host })
    }

    /// The row, with regard to what is known of `hosts`.
    func row(of all: ReportedPeaks, hosts: KnownHosts) -> ReportRow {
        var row = ReportRow(runs: runCount)
        row.foldedRuns = folds.reduce(0) {
            $0.addingClamped(Int(clamping: all.folds[$1].fold.runCount))
        }
        describe(&row, all)
        describePeak(&row, all, hosts)
        measure(&row, all, hosts)
        return row
    }

    /// What all members share; nil where one differs.
    ///
    /// `ofFold` is nil for what folded runs do not tell.
    private func shared<Value: Equatable>(
        _ all: ReportedPeaks, _ ofRun: (ReportedRun) -> Value?,
        _ ofFold: ((ReportedFold) -> Value?)? = nil
    ) -> Value? {
        let first: Value?
        if let run = runs.first {
            first = ofRun(all.runs[run])
        } else {
            first = folds.first.flatMap { ofFold?(all.folds[$0]) }
        }
        guard let first else { return nil }
        guard runs.allSatisfy({ ofRun(all.runs[$0]) == first }) else { return nil }
        guard !folds.isEmpty else { return first }
        return folds.allSatisfy { ofFold?(all.folds[$0]) == first } ? first : nil
    }

    private func describe(_ row: inout ReportRow, _ all: ReportedPeaks) {
        row.runID = shared(all) { $0.key.shortID }
        row.hostName = shared(all, { $0.hostName }, { $0.hostName })
        row.hostID = shared(all, { $0.host }, { $0.host })
        row.boot = shared(all, { $0.boot }, { $0.boot })
        // A pid means something only within one boot of one host.
        row.pid = row.hostID == nil || row.boot == nil ? nil : shared(all) { $0.record.key.pid }
        row.startedAtMilliseconds = shared(all) { $0.record.description.startedAtMilliseconds }
        row.endedAtMilliseconds = shared(all) { $0.record.end?.bracket?.notAfterMilliseconds }
        row.program = shared(
            all, { $0.record.description.program }, { $0.fold.subject.program })
        row.comm = shared(all) { $0.record.description.comm }
        row.executable = shared(all) { $0.record.description.executable }
        row.command = shared(all) { $0.record.description.command }
        row.user = shared(all, { $0.user }, { $0.fold.subject.user })
        row.cgroup = shared(all, { $0.record.description.cgroup }, { $0.fold.subject.cgroup })
        row.unit = shared(all) { $0.record.description.unit }
        row.container = shared(all) { $0.record.description.container }
        row.labels = shared(all, { $0.labels }, { $0.labels })
        row.endReason = shared(all) { $0.record.end?.reason }
        row.exitCode = shared(all) { $0.record.end?.exitCode }
        row.exitSignal = shared(all) { $0.record.end?.exitSignal }
    }

    private func describePeak(
        _ row: inout ReportRow, _ all: ReportedPeaks, _ hosts: KnownHosts
    ) {
        guard let peak else { return }
        row.peak = peak
        switch peakHolder {
        case .run(let index):
            let holder = all.runs[index]
            row.peakHolder = PeakHolder(
                hostName: holder.hostName, hostID: holder.host, pid: holder.record.key.pid,
                program: holder.record.description.program)
            row.isPeakLowerBound = holder.isPeakLowerBound(
                isHostGone: hosts.gone.contains(holder.host))
            row.isPeakInherited = holder.record.isPeakInherited
        case .fold(let index):
            let holder = all.folds[index]
            row.peakHolder = PeakHolder(
                hostName: holder.hostName, hostID: holder.host, pid: nil,
                program: holder.fold.subject.program)
            row.isPeakLowerBound = holder.isPeakLowerBound
            row.isPeakInherited = false
        }
    }

    private func measure(
        _ row: inout ReportRow, _ all: ReportedPeaks, _ hosts: KnownHosts
    ) {
        let peaks = runs.compactMap { all.runs[$0].record.peak?.bytes }.sorted()
        let quantiles = Quantiles(sorted: peaks, folds: folds.map { all.folds[$0].fold })
        row.peakP95Bytes = quantiles.nearestRank(percent: 95)
        row.peakMedianBytes = quantiles.nearestRank(percent: 50)
        row.areQuantilesUpperBounds = quantiles.areUpperBounds
        let folded = folds.filter { all.folds[$0].fold.peak != nil }
            .map { all.folds[$0].fold.sumOfPeaksBytes }
        row.sumOfPeaksBytes = sum(peaks + folded)
        row.peakSwapBytes = runs.compactMap { all.runs[$0].record.swapPeakBytes }.max()
        let live = runs.filter {
            all.runs[$0].record.end == nil && !hosts.gone.contains(all.runs[$0].host)
        }
        row.liveRuns = live.count
        row.currentResidentBytes = sum(
            live.compactMap { all.runs[$0].record.current?.residentBytes })
        row.processorMilliseconds = processorMilliseconds
        row.wasOutOfMemoryKilled = wasOutOfMemoryKilled(all, hosts)
    }

    private func wasOutOfMemoryKilled(_ all: ReportedPeaks, _ hosts: KnownHosts) -> Bool? {
        var kills = runs.map {
            all.runs[$0].wasOutOfMemoryKilled(
                isKillSeen: hosts.seeingKills.contains(all.runs[$0].host))
        }
        kills += folds.map {
            if all.folds[$0].fold.killCount > 0 { return true }
            return hosts.seeingKills.contains(all.folds[$0].host) ? false : nil
        }
        if kills.contains(true) { return true }
        return kills.contains(nil) ? nil : false
    }

    private func sum(_ values: [UInt64]) -> UInt64? {
        values.isEmpty ? nil : values.reduce(0) { $0.addingClamped($1) }
    }
}
