import MemoryModel

// Peaks and ends in whole words, where a page has room for them.

extension PeakSource {
    /// By what it is known.
    var phrase: String {
        switch self {
        case .sampled: "the largest of the samples (sampled)"
        case .cgroup: "the kernel's mark of its cgroup (cgroup)"
        case .hwm: "the kernel's mark while it lived (hwm)"
        case .exit: "the kernel's record of its exit (exit)"
        }
    }
}

/// What stands for the source of a peak that its program may have told of.
enum ToldPeak {
    static let word = "told"
    static let phrase = "what its program told of itself, or its mark if that was more (told)"
}

extension Peak {
    /// The word for its source; `isTold` says that its program may have told of it.
    func sourceWord(isTold: Bool) -> String { isTold ? ToldPeak.word : source.word }

    /// By what it is known, likewise.
    func sourcePhrase(isTold: Bool) -> String { isTold ? ToldPeak.phrase : source.phrase }
}

extension TimeBracket {
    /// A point, or the stretch that it lies in; within a second is a point.
    func text(_ style: TextStyle) -> String {
        let end = style.fullTime(notAfterMilliseconds)
        guard notAfterMilliseconds.subtractingClamped(notBeforeMilliseconds) > 1_000 else {
            return end
        }
        return "between \(style.fullTime(notBeforeMilliseconds)) and \(end)"
    }
}

extension Peak {
    /// When it was reached.
    func timeText(_ style: TextStyle) -> String {
        guard let bracket else { return "reached at an unknown time" }
        let length = bracket.notAfterMilliseconds.subtractingClamped(bracket.notBeforeMilliseconds)
        return "reached \(length > 1_000 ? "" : "by ")\(bracket.text(style))"
    }
}

extension RunFlags {
    /// What is to be known beside the figures, a phrase each.
    ///
    /// What a page says elsewhere is left out: kills, and estimated starts.
    var phrases: [String] {
        let all: [(RunFlags, String)] = [
            (.peakIsFinal, "the record of its exit confirms that nothing greater was missed"),
            (.firstSeenAtExit, "first seen at its exit: only the kernel's record tells of it"),
            (.markFell, "the kernel's mark fell while it lived; the greatest one was kept"),
            (.markReset, "it reset its own mark, and told of the greatest before"),
        ]
        let shown = isPeakConfirmed ? self : subtracting(.peakIsFinal)
        return all.filter { shown.contains($0.0) }.map(\.1)
    }

    /// The words for all of them in JSON.
    var words: [String] {
        let all: [(RunFlags, String)] = [
            (.peakIsFinal, "peak_is_final"), (.startIsEstimated, "start_is_estimated"),
            (.firstSeenAtExit, "first_seen_at_exit"), (.killedForMemory, "killed_for_memory"),
            (.markFell, "mark_fell"), (.markReset, "mark_reset"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}

/// Signals by name (`signal(7)`), the numbers of x86 and ARM.
enum SignalName {
    private static let names: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
        7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2",
        13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
    ]

    static func text(_ number: Int32) -> String {
        names[number].map { "signal \(number) (\($0))" } ?? "signal \(number)"
    }
}

extension ReportedKill {
    /// Whose want of memory it was and how that is known.
    func sentence(_ style: TextStyle) -> String {
        var text = "killed by the kernel"
        switch kill.constraint {
        case .host: text += " because the host had no memory left"
        case .cgroup: text += " at the limit of its cgroup"
        case .nodes: text += " because its memory nodes were used up"
        case nil: text += " for want of memory"
        }
        if let path = kill.limitCgroup { text += " \(style.name(CgroupText.label(path)))" }
        if let limit = kill.limitBytes { text += " (\(ByteSize(limit).text))" }
        if let held = kill.residentBytes { text += "; it held \(ByteSize(held).text)" }
        let evidence = kill.evidence.sentences
        return evidence.isEmpty ? text : text + "; known by \(evidence.joined(separator: ", "))"
    }
}

extension KillEvidence {
    fileprivate var sentences: [String] {
        let all: [(KillEvidence, String)] = [
            (.kernelLog, "the kernel's log"), (.cgroupEvents, "the count of its cgroup"),
            (.killedByExitRecord, "the record of its exit"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
