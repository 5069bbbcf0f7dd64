import MemoryModel

extension ReportedHost {
    /// Whether its agent cannot see every process that is there when it looks.
    ///
    /// Being without exit records is another matter: then it is what comes and goes between two
    /// looks that is missed.
    var isViewRestricted: Bool {
        !description.restrictions.subtracting([.withoutExitRecords, .withoutPython]).isEmpty
    }

    /// Whether its agent is waited for; where only commands were told of there is none.
    var isAwaited: Bool { !description.restrictions.contains(.commandsOnly) }

    /// Whether it is heard of, in a word.
    var stateWord: String { isAwaited || state == .up ? state.rawValue : "commands" }

    /// The colour of that word.
    var stateRole: TextRole { isAwaited || state == .up ? state.role : .secondary }

    /// Whether the kernel tells its agent of every exit.
    ///
    /// An agent that has said nothing of itself yet is taken by its description alone.
    var hasExitRecords: Bool {
        !description.restrictions.contains(.withoutExitRecords)
            && health?.sources.contains(.exitRecords) ?? true
    }

    /// Whether its agent learns of kills for want of memory.
    var seesKills: Bool {
        let sources: AgentSources = [.kernelLog, .cgroupVersion1, .cgroupVersion2]
        return !(health?.sources.isDisjoint(with: sources) ?? true)
    }

    /// Whether its agent looks less often than it was asked to.
    var isAgentStretched: Bool {
        guard let health else { return false }
        return health.intervalMilliseconds > health.askedIntervalMilliseconds
    }

    /// Whether its agent uses more processor time than an agent should.
    var isAgentOverBudget: Bool { health?.isOverBudget ?? false }
}

extension AgentHealth {
    /// The share of a processor that an agent may use whatever it watches: 1 %, in parts of a
    /// thousand millions.
    private static let leastBudget: UInt64 = 10_000_000
    /// What it may use for each run: 15 us a second, likewise.
    private static let runBudget: UInt64 = 15_000
    /// Before this the cost of starting is most of what is seen, in milliseconds.
    private static let judgedAfterMilliseconds: Int64 = 60_000

    /// How long it has run, in milliseconds; 0 where the clock says that it has not started yet.
    private var uptimeMilliseconds: UInt64 {
        UInt64(clamping: atMilliseconds.subtractingClamped(startedAtMilliseconds))
    }

    /// Its share of one processor since its start, in thousandths of a percent; nil before it
    /// ran for a second.
    var processorThousandths: UInt64? {
        guard knowsShare else { return nil }
        let share = Double(processorMilliseconds) / Double(uptimeMilliseconds) * 100_000
        return UInt64(min(share, Double(Permille.maximum) * 100).rounded())
    }

    /// Whether it used more than an agent may since its start: 1 % of a processor, or 15 us a
    /// run and second where that is more.
    var isOverBudget: Bool {
        guard uptimeMilliseconds >= UInt64(AgentHealth.judgedAfterMilliseconds) else {
            return false
        }
        let used = Double(processorMilliseconds) / Double(uptimeMilliseconds)
        let runs = Double(runCount) * Double(AgentHealth.runBudget)
        return used * 1e9 > max(Double(AgentHealth.leastBudget), runs)
    }
}

extension AgentSources {
    /// The words for them in JSON and CSV.
    var words: [String] {
        let all: [(AgentSources, String)] = [
            (.exitRecords, "exit_records"), (.processEvents, "process_events"),
            (.batchedMarks, "batched_marks"), (.kernelLog, "kernel_log"),
            (.cgroupVersion1, "cgroup_v1"), (.cgroupVersion2, "cgroup_v2"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
