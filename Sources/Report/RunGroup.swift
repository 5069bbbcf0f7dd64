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

/// Runs that become one row, as places in the list of all of them.
struct RunGroup {
    private(set) var members: [Int]
    /// The run with the largest peak, or the first where nothing was measured.
    private(set) var peakHolder: Int
    /// The largest peak, kept beside the runs because rows are ordered by it.
    private(set) var peak: Peak?
    private(set) var processorMilliseconds: UInt64?

    init(first index: Int, of runs: [ReportedRun]) {
        members = [index]
        peakHolder = index
        peak = runs[index].record.peak
        processorMilliseconds = runs[index].record.processorMilliseconds
    }

    mutating func add(_ index: Int, of runs: [ReportedRun]) {
        members.append(index)
        if let time = runs[index].record.processorMilliseconds {
            processorMilliseconds = (processorMilliseconds ?? 0).addingClamped(time)
        }
        guard let candidate = runs[index].record.peak else { return }
        guard peak.map({ $0 < candidate }) ?? true else { return }
        peak = candidate
        peakHolder = index
    }

    /// The row, with regard to what is known of `hosts`.
    func row(of runs: [ReportedRun], hosts: KnownHosts) -> ReportRow {
        var row = ReportRow(runs: members.count)
        describe(&row, runs)
        measure(&row, runs, hosts)
        return row
    }

    /// What all members share; nil where one differs.
    private func shared<Value: Equatable>(
        _ runs: [ReportedRun], _ value: (ReportedRun) -> Value?
    ) -> Value? {
        let first = value(runs[members[0]])
        return members.dropFirst().allSatisfy { value(runs[$0]) == first } ? first : nil
    }

    private func describe(_ row: inout ReportRow, _ runs: [ReportedRun]) {
        row.runID = shared(runs) { $0.key.shortID }
        row.hostName = shared(runs) { $0.hostName }
        row.hostID = shared(runs) { $0.host }
        row.boot = shared(runs) { $0.boot }
        // A pid means something only within one boot of one host.
        row.pid = row.hostID == nil || row.boot == nil ? nil : shared(runs) { $0.record.key.pid }
        row.startedAtMilliseconds = shared(runs) { $0.record.description.startedAtMilliseconds }
        row.endedAtMilliseconds = shared(runs) { $0.record.end?.bracket?.notAfterMilliseconds }
        row.program = shared(runs) { $0.record.description.program }
        row.comm = shared(runs) { $0.record.description.comm }
        row.executable = shared(runs) { $0.record.description.executable }
        row.command = shared(runs) { $0.record.description.command }
        row.user = shared(runs) { $0.user }
        row.cgroup = shared(runs) { $0.record.description.cgroup }
        row.unit = shared(runs) { $0.record.description.unit }
        row.container = shared(runs) { $0.record.description.container }
        row.labels = shared(runs) { $0.labels }
        row.endReason = shared(runs) { $0.record.end?.reason }
        row.exitCode = shared(runs) { $0.record.end?.exitCode }
        row.exitSignal = shared(runs) { $0.record.end?.exitSignal }
    }

    private func measure(
        _ row: inout ReportRow, _ runs: [ReportedRun], _ hosts: KnownHosts
    ) {
        let holder = runs[peakHolder]
        if let peak = holder.record.peak {
            row.peak = peak
            row.peakHolder = PeakHolder(
                hostName: holder.hostName, hostID: holder.host, pid: holder.record.key.pid,
                program: holder.record.description.program)
            row.isPeakLowerBound = holder.isPeakLowerBound(
                isHostGone: hosts.gone.contains(holder.host))
            row.isPeakInherited = holder.record.isPeakInherited
        }
        let peaks = members.compactMap { runs[$0].record.peak?.bytes }.sorted()
        row.peakP95Bytes = Quantile.nearestRank(peaks, percent: 95)
        row.peakMedianBytes = Quantile.nearestRank(peaks, percent: 50)
        row.sumOfPeaksBytes = sum(peaks)
        row.peakSwapBytes = members.compactMap { runs[$0].record.swapPeakBytes }.max()
        let live = members.filter {
            runs[$0].record.end == nil && !hosts.gone.contains(runs[$0].host)
        }
        row.liveRuns = live.count
        row.currentResidentBytes = sum(live.compactMap { runs[$0].record.current?.residentBytes })
        row.processorMilliseconds = processorMilliseconds
        let kills = members.map {
            runs[$0].wasOutOfMemoryKilled(isKillSeen: hosts.seeingKills.contains(runs[$0].host))
        }
        if kills.contains(true) {
            row.wasOutOfMemoryKilled = true
        } else {
            row.wasOutOfMemoryKilled = kills.contains(nil) ? nil : false
        }
    }

    private func sum(_ values: [UInt64]) -> UInt64? {
        values.isEmpty ? nil : values.reduce(0) { $0.addingClamped($1) }
    }
}
