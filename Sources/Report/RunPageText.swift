import MemoryModel

extension RunPage {
    /// One page.
    public func text(style: TextStyle) -> String {
        var page = TextPage(style: style)
        let description = run.record.description
        page.addHeading(
            style.name(description.program),
            facts: [
                "run \(run.key.shortID)", "pid \(run.record.key.pid)",
                "on \(style.name(run.hostName))", state.text,
            ])
        page.addBlankLine()
        addPeak(to: &page)
        addPresent(to: &page)
        addLife(to: &page)
        addSurroundings(to: &page)
        addPlot(to: &page)
        addSections(to: &page)
        addGrowth(to: &page)
        page.addBlankLine()
        addIdentity(to: &page)
        addSiblings(to: &page)
        page.add(coverage)
        return page.text
    }

    private func addPeak(to page: inout TextPage) {
        let style = page.style
        guard let peak = run.record.peak else {
            page.addFact("Peak", "nothing was measured", role: .secondary)
            return
        }
        let size = "\(row.isPeakLowerBound == true ? ">= " : "")\(ByteSize(peak.bytes).text)"
        let memory = host?.description.memoryTotalBytes ?? 0
        let share = Permille.of(peak.bytes, memory)
        let ofHost = share.map {
            " (\(DecimalText.tenths($0)) % of the host's \(ByteSize(memory).text))"
        }
        page.addFact("Peak", size + (ofHost ?? ""), barPermille: share, role: .emphasis)
        page.addFact("", "\(peak.timeText(style)), by \(peak.sourcePhrase(isTold: run.isPeakTold))")
        if row.isPeakLowerBound == true {
            page.addFact("", lowerBoundReason(peak.source), role: .warning)
        }
        if let inherited = description.inheritedBytes {
            page.addFact(
                "Inherited",
                run.record.isPeakInherited
                    ? "all of it: it was forked with \(ByteSize(inherited).text) of its parent's"
                    : "\(ByteSize(inherited).text) of its parent's at fork; it rose above that",
                role: run.record.isPeakInherited ? .warning : .plain)
        }
        if let bound = counterBound {
            page.addFact("Accuracy", bound.words(source: peak.source), role: .secondary)
        }
        for phrase in run.record.flags.phrases { page.addFact("", phrase, role: .secondary) }
        if let swap = run.record.swapPeakBytes {
            page.addFact(
                "Swap",
                swap == 0
                    ? "none was seen" : "\(ByteSize(swap).text) at most, by the samples")
        }
    }

    private func lowerBoundReason(_ source: PeakSource) -> String {
        if run.record.flags.contains(.markReset), source != .sampled {
            return "it may have been more, as what it told last may be lost"
        }
        return source == .sampled
            ? "it may have been more between two samples"
            : run.record.end != nil
                ? "it may have risen after its mark was last read, before its end"
                : "its host is gone, and it may have risen since"
    }

    private func addPresent(to page: inout TextPage) {
        guard let current = run.record.current, row.liveRuns > 0 else { return }
        var facts: [String] = []
        if let bytes = current.residentBytes { facts.append("\(ByteSize(bytes).text) resident") }
        if let bytes = current.proportionalBytes {
            facts.append("\(ByteSize(bytes).text) of that its proportional share")
        }
        if let bytes = current.fileBytes {
            facts.append("\(ByteSize(bytes).text) file-backed or shared")
        }
        if let bytes = current.swapBytes { facts.append("\(ByteSize(bytes).text) in swap") }
        facts.append("at \(page.style.time(current.atMilliseconds, now: madeAtMilliseconds))")
        page.addFact("Now", facts.joined(separator: ", "))
    }

    private var description: RunDescription { run.record.description }

    /// Whether it lives, or how it ended.
    private var state: (text: String, role: TextRole) {
        if row.wasOutOfMemoryKilled == true { return ("killed for want of memory", .problem) }
        guard let end = run.record.end else {
            return row.liveRuns > 0 ? ("live", .good) : ("host gone", .warning)
        }
        if let signal = end.exitSignal { return ("killed by \(SignalName.text(signal))", .problem) }
        if let code = end.exitCode { return ("exit \(code)", code == 0 ? .plain : .warning) }
        return (end.reason.sentence, .plain)
    }

    private func addLife(to page: inout TextPage) {
        let style = page.style
        page.addFact("State", state.text, role: state.role)
        let started = description.startedAtMilliseconds
        let ended = row.endedAtMilliseconds
        var life = "started " + (started.map(style.fullTime) ?? "at an unknown time")
        if run.record.flags.contains(.startIsEstimated) { life += " (estimated)" }
        if let bracket = run.record.end?.bracket { life += ", ended \(bracket.text(style))" }
        if let started, let end = ended ?? (row.liveRuns > 0 ? madeAtMilliseconds : nil) {
            let length = end.subtractingClamped(started)
            life += "; ran \(DurationText.approximate(milliseconds: length))"
        }
        page.addFact("Life", life)
        if let time = run.record.processorMilliseconds {
            var text = DurationText.approximate(milliseconds: Int64(clamping: time))
            if let started, let end = ended ?? (row.liveRuns > 0 ? madeAtMilliseconds : nil),
                let share = Permille.of(time, UInt64(max(end.subtractingClamped(started), 1_000)))
            {
                text += " of processor time, \(DecimalText.tenths(share)) % of one"
            }
            page.addFact("CPU", text)
        }
        if let faults = run.record.faults {
            page.addFact(
                "Faults",
                "\(DecimalText.grouped(Int(clamping: faults.minor))) minor,"
                    + " \(DecimalText.grouped(Int(clamping: faults.major))) that waited for a disk")
        }
        for kill in facts.kills {
            let at = kill.atMilliseconds.map(style.fullTime) ?? "at an unknown time"
            page.addFact("OOM", "\(at): \(kill.sentence(style))", role: .problem)
        }
    }

    private func addSurroundings(to page: inout TextPage) {
        let style = page.style
        if let moment = facts.hostMoment {
            let memory = host?.description.memoryTotalBytes ?? 0
            let used = "\(ByteSize(moment.peak.bytes).text) of \(ByteSize(memory).text)"
            let at = moment.peak.atMilliseconds.map(style.fullTime) ?? "an unknown time"
            page.addFact(
                "Host",
                isMomentInLife
                    ? "fullest in its life with \(used) at \(at): \(shareText(moment.peak.bytes))"
                    : "fullest in those hours with \(used) at \(at), which is not in its life")
        }
        if let cgroup {
            let record = cgroup.record
            var facts: [String] = []
            if let peak = record.peak {
                var text = "peak \(ByteSize(peak.bytes).text)"
                if let file = peak.fileBytes {
                    text += " (\(ByteSize(file).text) of it page cache)"
                }
                facts.append(text)
            }
            facts.append(
                (record.peak?.limitBytes ?? record.limitBytes)
                    .map { "limit \(ByteSize($0).text)" } ?? "no limit of its own")
            if let kills = record.killCount, kills > 0 {
                facts.append("\(DecimalText.grouped(Int(clamping: kills))) killed in it")
            }
            page.addFact(
                "Its cgroup",
                facts.joined(separator: ", ")
                    + (record.isPeakAtLimit ? ": at its limit, it would have used more" : ""),
                role: record.isPeakAtLimit ? .warning : .plain)
        }
    }

    private func addPlot(to page: inout TextPage) {
        guard let points = facts.history else { return }
        let style = page.style
        var plot = HistoryPlot(trimming: points, to: range)
        plot.mark = run.record.peak.flatMap { peak in
            peak.bracket.map {
                HistoryPlot.Mark(
                    atMilliseconds: $0.notAfterMilliseconds, bytes: peak.bytes,
                    text: "PEAK \(ByteSize(peak.bytes).text)")
            }
        }
        page.add(
            plot, title: "Resident memory over time",
            facts: plot.facts(asked: range, style),
            otherwise: "What it held minute by minute is not known.")
    }

    private func shareText(_ usedBytes: UInt64) -> String {
        guard let share = shareOfMoment else {
            return "it was not among the \(TotalPeak.maximumShares) largest"
        }
        let part = Permille.of(share, usedBytes).map { ", \(DecimalText.tenths($0)) % of that" }
        return "it held \(ByteSize(share).text)\(part ?? "")"
    }

    private func addIdentity(to page: inout TextPage) {
        let style = page.style
        let labels = LabelText.joined(run.labels, ascii: !style.unicode)
        let names: [(String, String?)] = [
            ("Command", description.command.map(style.name)),
            ("Executable", description.executable.map(style.name)),
            ("Name", style.name(description.comm)),
            (
                "User",
                run.user.map { user in
                    let number = description.user == nil ? nil : description.userID
                    return style.name(user) + (number.map { " (\($0))" } ?? "")
                }
            ),
            ("Cgroup", description.cgroup.map(style.name)),
            ("Unit", description.unit.map(style.name)),
            ("Container", description.container.map(style.name)),
            ("Parent", parentText(style)),
            ("Host", "\(style.name(run.hostName)), id \(run.host.text)"),
            ("Boot", run.boot.description),
            ("Labels", labels.isEmpty ? nil : labels),
            ("Image", imageText),
        ]
        for (label, text) in names { if let text { page.addFact(label, text) } }
    }

    private var imageText: String? {
        let image = run.record.key.image
        return image == 0 ? nil : "after \(image) \(image == 1 ? "exec" : "execs") of its process"
    }

    private func parentText(_ style: TextStyle) -> String? {
        description.parentPid.map { pid in
            let parent = facts.parent.map {
                ", \(style.name($0.record.description.program)), run \($0.key.shortID)"
            }
            return "pid \(pid)\(parent ?? "")"
        }
    }

    private func addSiblings(to page: inout TextPage) {
        let style = page.style
        let program = style.name(description.program)
        let hostNames = HostNames(facts.hosts)
        if !lastRuns.isEmpty {
            page.addBlankLine()
            page.addHeading("Other runs of \(program) on this host, the latest peaks")
            page.add(
                ReportTable(
                    rows: lastRuns, grouping: .run, hostNames: hostNames,
                    nowMilliseconds: madeAtMilliseconds
                ).table(style: style))
        }
        if !siblingHosts.isEmpty {
            page.addBlankLine()
            page.addHeading("\(program) by host, the largest peaks")
            page.add(
                ReportTable(
                    rows: siblingHosts, grouping: .host, hostNames: hostNames,
                    nowMilliseconds: madeAtMilliseconds
                ).table(style: style))
        }
        let marks = PeakMark.legend((lastRuns + siblingHosts).map(\.peakMark))
        if let marks { page.add(marks, role: .secondary) }
    }
}

extension RunEndReason {
    /// How it ended, where neither code nor signal says it.
    fileprivate var sentence: String {
        switch self {
        case .exited: "exited, nobody could learn how"
        case .executed: "executed another program"
        case .unobserved: "ended while no agent looked"
        case .rebooted: "ended with its host"
        }
    }
}
