import Glibc
import MemoryModel
import ProcessSampler
import Report
import Terminal

/// Rows of live screens, as this program finds them on this host.
///
/// An actor, because a look may take as long as the kernel lets it.
actor LocalSource: FleetSource {
    nonisolated let name: String
    private let host: LocalHost

    /// How far back programs and kills are shown, in milliseconds: 24 hours, as of a collector.
    private static let rangeMilliseconds: Int64 = 86_400_000

    /// Opens the tree of processes at `procfs`, or this host's own; throws where it cannot.
    init(procfs: String?, hostID: HostID?, intervalMilliseconds: Int64) throws {
        name = procfs ?? "this host"
        host = try LocalHost(
            procfs: procfs, hostID: hostID, intervalMilliseconds: intervalMilliseconds)
    }

    func answer(_ request: FleetRequest) -> FleetAnswer {
        if !request.parts.isEmpty { host.look() }
        let now = host.nowMilliseconds
        let runs = host.runs
        var answer = FleetAnswer(atMilliseconds: now)
        answer.limits = host.limits
        if request.parts.contains(.processes) {
            var query = ReportQuery()
            query.top = request.processLimit
            let view = ProcessListView(
                hosts: [host.host], runs: runs, query: query, nowMilliseconds: now)
            answer.processes = view.rows.map(ProcessRow.init)
            answer.hiddenProcessCount = view.hiddenRowCount
        }
        if request.parts.contains(.hosts) {
            let view = HostsView(hosts: [host.host], runs: runs, nowMilliseconds: now)
            answer.hosts = view.rows.map(HostRow.init)
        }
        if request.parts.contains(.programs) { answer.programs = programs(runs, now) }
        if request.parts.contains(.kills) {
            answer.kills = host.reportedKills.filter {
                ($0.atMilliseconds ?? now) > now - LocalSource.rangeMilliseconds
            }.map(KillRow.init)
        }
        if let run = request.pageRunID {
            answer.page = runs.first { $0.key.shortID == run }.map(LocalSource.page) ?? []
        }
        return answer
    }

    private func programs(_ runs: [ReportedRun], _ now: Int64) -> [ProgramRow] {
        var query = ReportQuery()
        query.grouping = .program
        query.top = 1_000
        return ReportBuilder(query: query, nowMilliseconds: now)
            .result(of: runs, hosts: [host.host]).rows.map(ProgramRow.init)
    }

    /// What else is known of a run, line by line.
    private static func page(_ run: ReportedRun) -> [String] {
        let record = run.record
        let description = record.description
        func fact(_ name: String, _ value: RawText?) -> String? {
            value.map { "  \(name)" + String(decoding: $0.bytes, as: UTF8.self) }
        }
        return [
            fact("executable  ", description.executable),
            fact("cgroup      ", description.cgroup),
            fact("unit        ", description.unit),
            fact("container   ", description.container),
            description.parentPid.map { "  parent      \($0)" },
            record.faults.map { "  faults      \($0.minor) minor, \($0.major) major" },
            record.end.map { "  ended       \($0.reason.word)" },
        ].compactMap { $0 }
    }
}

// Report's rows as a screen takes them in.

extension HostRow {
    fileprivate init(_ row: HostsView.Row) {
        self.init(
            id: row.host.id.text, name: row.host.description.name.bytes, state: row.host.state)
        lastHeardAtMilliseconds = row.host.lastHeardAtMilliseconds
        memoryTotalBytes = row.host.description.memoryTotalBytes
        memoryUsedBytes = row.host.memoryUsedBytes
        liveRunCount = row.liveRunCount
        largestProgram = row.largestNow?.program.bytes
        largestBytes = row.largestNow?.bytes
        peakProgram = row.largestPeak?.program.bytes
        peakBytes = row.largestPeak?.bytes
        agentVersion = row.host.agentVersion.bytes
        isRestricted = !row.host.description.restrictions.isEmpty
    }
}

extension ProcessRow {
    fileprivate init(_ row: ProcessListView.Row) {
        let record = row.run.record
        self.init(
            runID: row.run.key.shortID, hostID: row.run.host.text, host: row.run.hostName.bytes,
            pid: Int(record.key.pid), program: record.description.program.bytes)
        user = row.run.user?.bytes
        command = record.description.command?.bytes
        processorPermille = row.processorPermille
        memoryPermille = row.memoryPermille
        residentBytes = record.current?.residentBytes
        swapBytes = record.current?.swapBytes
        proportionalBytes = record.current?.proportionalBytes
        peak = PeakCell(
            record.peak, isLowerBound: row.run.isPeakLowerBound(),
            isInherited: record.isPeakInherited)
        elapsedMilliseconds = row.elapsedMilliseconds
    }
}

extension PeakCell {
    fileprivate init?(_ peak: Peak?, isLowerBound: Bool?, isInherited: Bool?) {
        guard let peak else { return nil }
        self.init(
            bytes: peak.bytes, source: peak.source.word,
            notBeforeMilliseconds: peak.bracket?.notBeforeMilliseconds,
            notAfterMilliseconds: peak.bracket?.notAfterMilliseconds,
            isLowerBound: isLowerBound ?? false, isInherited: isInherited ?? false)
    }
}

extension ProgramRow {
    fileprivate init(_ row: ReportRow) {
        self.init(program: row.program?.bytes ?? [], runs: row.runs)
        peak = PeakCell(
            row.peak, isLowerBound: row.isPeakLowerBound, isInherited: row.isPeakInherited)
        peakP95Bytes = row.peakP95Bytes
        peakMedianBytes = row.peakMedianBytes
        peakOfSumBytes = row.peakOfSumBytes
        peakOfSumMark = row.peakOfSumMark ?? ""
        residentBytes = row.currentResidentBytes
        processorMilliseconds = row.processorMilliseconds
        wasOutOfMemoryKilled = row.wasOutOfMemoryKilled
    }
}

extension KillRow {
    fileprivate init(_ kill: ReportedKill) {
        self.init(host: kill.hostName.bytes, hostID: kill.host.text, evidence: kill.evidenceText)
        atMilliseconds = kill.atMilliseconds
        pid = (kill.kill.pid ?? kill.kill.run?.pid).map { Int($0) }
        victim = (kill.run?.description.program ?? kill.kill.comm)?.bytes
        user = kill.run?.description.user?.bytes
        peakBytes = kill.run?.peak?.bytes ?? kill.kill.lastPeakBytes
        residentBytes = kill.kill.residentBytes
        limitBytes = kill.kill.limitBytes
        limitOwner =
            kill.kill.limitCgroup?.bytes ?? kill.kill.constraint.map { Array($0.word.utf8) }
        runID = kill.runKey?.shortID
    }
}

extension ReportedKill {
    fileprivate var evidenceText: String {
        let evidence = kill.evidence
        return [
            evidence.contains(.kernelLog) ? "the kernel's log" : nil,
            evidence.contains(.cgroupEvents) ? "the count of its cgroup" : nil,
            evidence.contains(.killedByExitRecord) ? "its exit by SIGKILL" : nil,
        ].compactMap { $0 }.joined(separator: ", ")
    }
}
