import MemoryModel

/// On which hosts programs that grew were not watched for which of their Python lines ran: what a
/// report of lines and a host's page say, and no other view.
enum PythonCoverage {
    /// What is said in words of its own, by hosts, and not as one more counter.
    static let reasons: Set<CounterReason> = [
        .pythonRefused, .pythonUnsupported, .pythonWithoutRoom,
    ]

    /// The facts of hosts that are not watched whole.
    static func facts(_ hosts: [ReportedHost], _ names: HostNames) -> [Coverage.HostFact] {
        func fact(
            _ one: String, _ many: String, _ isTrue: (ReportedHost) -> Bool
        ) -> Coverage.HostFact {
            Coverage.HostFact(
                hosts: NamedHosts(hosts.filter(isTrue), names), one: one, many: many)
        }
        func told(_ reason: CounterReason) -> (ReportedHost) -> Bool {
            { $0.counters[reason] ?? 0 > 0 }
        }
        return [
            fact(
                "host does not watch Python programs", "hosts do not watch Python programs",
                \.isWithoutPython),
            fact(
                "host where programs grew that the agent may not read without CAP_SYS_PTRACE",
                "hosts where programs grew that the agent may not read without CAP_SYS_PTRACE",
                told(.pythonRefused)),
            fact(
                "host where programs grew of Python versions or builds that are not read",
                "hosts where programs grew of Python versions or builds that are not read",
                told(.pythonUnsupported)),
            fact(
                "host where more programs grew than are watched at a time",
                "hosts where more programs grew than are watched at a time",
                told(.pythonWithoutRoom)),
        ]
    }

    /// The same of one host, for its page.
    static func phrases(_ host: ReportedHost) -> [String] {
        var phrases: [String] = []
        func add(_ reason: CounterReason, _ text: String) {
            guard let count = host.counters[reason], count > 0 else { return }
            phrases.append("\(reason.fact(count)): \(text)")
        }
        if host.isWithoutPython { phrases.append("does not watch Python programs (--python)") }
        add(.pythonRefused, "of their Python lines nothing is known (CAP_SYS_PTRACE)")
        add(.pythonUnsupported, "of their lines nothing is known")
        add(.pythonWithoutRoom, "what they grew by meanwhile is in no line (--python all)")
        return phrases
    }
}

extension ReportedHost {
    /// Whether its agent is told, or has to, leave Python programs alone.
    fileprivate var isWithoutPython: Bool { description.restrictions.contains(.withoutPython) }
}
