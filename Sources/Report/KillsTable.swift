import MemoryModel

extension ReportedKill {
    /// The name people know the victim by, else the kernel's; nil where neither is known.
    var victim: RawText? { run?.description.program ?? kill.comm ?? run?.description.comm }

    /// The name of its user, or the number where there is no name.
    var user: RawText? {
        run?.description.user ?? run?.description.userID.map { RawText(String($0)) }
    }

    /// The victim's peak by its run, once that is over; nil before.
    var finalPeak: Peak? { run?.end == nil ? nil : run?.peak }

    /// A peak that was last known before the kill may have been passed.
    var peakMark: PeakMark? {
        guard let run, let peak = finalPeak else {
            return kill.lastPeakBytes == nil ? nil : .lowerBound
        }
        return PeakMark(
            peak,
            isLowerBound: RunJudgement.isLowerBound(
                peak, run.flags, hasEnd: true, isHostGone: false),
            isInherited: run.isPeakInherited, isTold: RunJudgement.isTold(peak, run.flags))
    }

    func matches(_ query: RangeQuery) -> Bool {
        if let atMilliseconds, !query.range.contains(atMilliseconds) { return false }
        if let program = query.program {
            let names = [run?.description.program, kill.comm ?? run?.description.comm]
            guard names.contains(where: { $0.map(program.matches) ?? false }) else {
                return false
            }
        }
        if let glob = query.user, !(user.map(glob.matches) ?? false) { return false }
        return true
    }

    static let columns = [
        "killed_at", "host", "host_id", "boot_id", "run_id", "pid", "program", "comm", "user",
        "cgroup", "last_peak_rss_bytes", "final_peak_rss_bytes", "held_bytes", "limit_bytes",
        "limit_owner", "limit_cgroup", "evidence",
    ]

    private var comm: RawText? { kill.comm ?? run?.description.comm }
    private var cgroup: RawText? { kill.cgroup ?? run?.description.cgroup }
    private var pid: Int32? { kill.pid ?? kill.run?.pid }

    var json: JSONValue {
        let values: [JSONValue] = [
            .time(atMilliseconds), .name(hostName), .text(host.text), .text(boot.description),
            .optional(runKey?.shortID), .optional(pid), .optional(run?.description.program),
            .optional(comm), .optional(user), .optional(cgroup), .optional(kill.lastPeakBytes),
            .optional(finalPeak?.bytes), .optional(kill.residentBytes),
            .optional(kill.limitBytes), .optional(kill.constraint?.word),
            .optional(kill.limitCgroup), .array(kill.evidence.words.map { .text($0) }),
        ]
        return .object(zip(ReportedKill.columns, values).map { JSONValue.Member($0, $1) })
    }

    var csv: [CSVText.Field] {
        [
            .time(atMilliseconds), .name(hostName), .text(host.text), .literal(boot.description),
            .literal(runKey?.shortID), .number(pid), .name(run?.description.program),
            .name(comm), .name(user), .name(cgroup), .number(kill.lastPeakBytes),
            .number(finalPeak?.bytes), .number(kill.residentBytes), .number(kill.limitBytes),
            .literal(kill.constraint?.word), .name(kill.limitCgroup),
            .literal(kill.evidence.words.joined(separator: " ")),
        ]
    }
}

extension KillEvidence {
    private var known: [(KillEvidence, word: String, phrase: String)] {
        [
            (.kernelLog, "kernel_log", "log"), (.cgroupEvents, "cgroup_count", "cgroup"),
            (.killedByExitRecord, "exit_record", "exit"),
        ]
    }

    /// The words for it in JSON and CSV.
    var words: [String] { known.filter { contains($0.0) }.map(\.word) }

    /// The words for it in a table.
    var phrases: [String] { known.filter { contains($0.0) }.map(\.phrase) }
}

/// Kills as a table.
struct KillsTable {
    var rows: [ReportedKill]
    var hostNames: HostNames
    var nowMilliseconds: Int64

    private typealias Column = TextTable.Column
    private typealias Cell = TextTable.Cell

    func table(_ style: TextStyle) -> TextTable {
        var table = TextTable(columns: [
            Column(title: "WHEN", importance: 95),
            Column(title: "VICTIM", minimumWidth: 10, comfortableWidth: 15, importance: 100),
            Column(title: "PID", isRightAligned: true, importance: 65),
            Column(title: "HOST", minimumWidth: 8, comfortableWidth: 10, importance: 90),
            Column(title: "USER", minimumWidth: 6, comfortableWidth: 8, importance: 40),
            Column(title: "PEAK ", isRightAligned: true, importance: 80),
            Column(title: "HELD", isRightAligned: true, importance: 60),
            Column(title: "LIMIT", isRightAligned: true, importance: 70),
            Column(
                title: "WHOSE LIMIT", minimumWidth: 16, comfortableWidth: 26, importance: 75),
            Column(title: "KNOWN BY", importance: 62),
            Column(title: "RUN", importance: 20),
        ])
        table.rows = rows.map { row in
            [
                Cell(
                    row.atMilliseconds.map { style.time($0, now: nowMilliseconds) } ?? "unknown",
                    .secondary),
                TableCell.name(row.victim, style, .problem),
                (row.kill.pid ?? row.kill.run?.pid).map { Cell(String($0)) } ?? TableCell.unknown,
                Cell(style.name(hostNames.text(row.hostName, row.host))),
                TableCell.name(row.user, style),
                peak(row),
                TableCell.size(row.kill.residentBytes),
                TableCell.size(row.kill.limitBytes),
                owner(row.kill, style),
                Cell(row.kill.evidence.phrases.joined(separator: ", "), .secondary),
                row.runKey.map { Cell($0.shortID, .secondary) } ?? TableCell.unknown,
            ]
        }
        return table
    }

    private func peak(_ row: ReportedKill) -> TextTable.Cell {
        guard let bytes = row.finalPeak?.bytes ?? row.kill.lastPeakBytes else {
            return Cell("- ", .secondary)
        }
        return Cell(ByteSize(bytes).text + (row.peakMark?.character ?? " "))
    }

    /// The container or unit where the path tells one; the whole path for a pipe.
    private func owner(_ kill: OutOfMemoryKill, _ style: TextStyle) -> TextTable.Cell {
        if let path = kill.limitCgroup {
            return TableCell.name(style.width == nil ? path : CgroupText.label(path), style)
        }
        return kill.constraint.map { Cell($0.word) } ?? TableCell.unknown
    }
}
