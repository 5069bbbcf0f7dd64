import Agent
import ArgumentParser
import Glibc
import MemoryModel
import ProcessSampler
import Report

/// Turns what the user typed into settings, or into one line that says what to type instead.
struct AgentArguments {
    private let command: Memagent

    /// How long intervals may be, in milliseconds.
    private static let intervals: ClosedRange<Int64> = 10...3_600_000

    /// Where programs tell of their sections unless another path is named.
    static let usualSectionsSocket = AgentSettings.usualSectionsSocket

    init(_ command: Memagent) {
        self.command = command
    }

    /// The settings; throws a `ValidationError` for the first thing that is wrong.
    func settings() throws -> AgentSettings {
        try checkNotEmpty(command.procfs, "--procfs")
        try checkNotEmpty(command.stateDir, "--state-dir")
        try checkNotEmpty(command.cgroupRoot, "--cgroup-root")
        try checkNotEmpty(command.hostname, "--hostname")
        try checkNotEmpty(command.sectionsSocket, "--sections-socket")
        var settings = AgentSettings(
            collectors: try collectors(), stateDirectory: StateDirectory(path: statePath))
        settings.intervalMilliseconds = try interval(command.interval, "--interval")
        settings.reportIntervalMilliseconds = try reportInterval(
            atLeast: settings.intervalMilliseconds, usual: settings.reportIntervalMilliseconds)
        settings.processorBudget = try processorBudget(usual: settings.processorBudget)
        if let procfs = command.procfs { settings.root = ProcRoot(path: procfs) }
        settings.commandLine = try AgentArguments.commandLine(command.commandLine)
        settings.eventBufferBytes = try size(
            command.eventBuffer, "--event-buffer", in: 4_096...1 << 30, "4K to 1G")
        settings.memoryLimitBytes = try size(
            command.memoryLimit, "--memory-limit", in: 1 << 20...1 << 30, "1M to 1G")
        settings.stateLimitBytes = try size(
            command.stateLimit, "--state-limit", in: 1 << 20...64 << 30, "1M to 64G")
        settings.proportional = try proportional()
        settings.python = try python()
        settings.cgroupRoot = command.cgroupRoot
        settings.sectionsSocket =
            command.sectionsSocket == "none" ? nil : command.sectionsSocket
        settings.hostID = try ViewsOfThisHost.hostID(command.hostID)
        settings.hostName = command.hostname.map { RawText($0).clamped(toBytes: 255) }
        settings.labels = try AgentArguments.labels(command.label)
        return settings
    }

    private func collectors() throws -> [CollectorAddress] {
        let named = command.collector
        let given =
            named.isEmpty
            ? (environment("MEMAGENT_COLLECTOR") ?? "").split(separator: ",").map(String.init)
            : named
        guard !given.isEmpty else {
            throw ValidationError(
                """
                which collector? Name it with --collector host:7000, or in MEMAGENT_COLLECTOR; \
                'memcollector serve' starts one
                """)
        }
        return try AgentArguments.addresses(given)
    }

    /// The collectors of `texts`, each `HOST:PORT`.
    static func addresses(_ texts: [String]) throws -> [CollectorAddress] {
        try texts.map { text in
            guard let address = CollectorAddress(text) else {
                throw ValidationError(
                    "--collector '\(text)' is not an address; it looks like collector.example:7000")
            }
            return address
        }
    }

    private func interval(_ text: String, _ flag: String) throws -> Int64 {
        do {
            let milliseconds = try DurationText.parse(text)
            guard AgentArguments.intervals.contains(milliseconds) else {
                throw ValidationError("\(flag) \(text) is out of range; it is from 10ms to 1h")
            }
            return milliseconds
        } catch let error as InputError {
            throw ValidationError("\(flag): \(error)")
        }
    }

    private func reportInterval(atLeast interval: Int64, usual: Int64) throws -> Int64 {
        guard let text = command.reportInterval else { return max(usual, interval) }
        let milliseconds = try self.interval(text, "--report-interval")
        guard milliseconds >= interval else {
            throw ValidationError(
                """
                --report-interval \(text) is shorter than --interval \(command.interval); make it \
                at least as long
                """)
        }
        return milliseconds
    }

    private func proportional() throws -> ProportionalPolicy {
        let text = command.pss
        if text == "off" { return .none }
        guard text.hasPrefix("top:"), let count = Int(text.dropFirst(4)),
            (1...ProportionalPolicy.maximumProcessCount).contains(count)
        else {
            throw ValidationError(
                "--pss takes off, or top:N with N from 1 to 1000 such as top:10, not '\(text)'")
        }
        return ProportionalPolicy(processCount: count)
    }

    private func python() throws -> PythonSettings {
        guard let policy = PythonPolicy(rawValue: command.python) else {
            throw ValidationError("--python takes off, auto or all, not '\(command.python)'")
        }
        var settings = PythonSettings()
        settings.policy = policy
        settings.names = try AgentArguments.pythonNames(command.pythonNames)
        return settings
    }

    /// What of the names of Python programs' files and functions may leave the host.
    static func pythonNames(_ text: String) throws -> PythonNamePolicy {
        guard let names = PythonNamePolicy(rawValue: text) else {
            throw ValidationError("--python-names takes full, base or hash, not '\(text)'")
        }
        return names
    }

    private func size(
        _ text: String, _ flag: String, in range: ClosedRange<UInt64>, _ words: String
    ) throws -> Int {
        do {
            let bytes = try ByteSize(parsing: text).bytes
            guard range.contains(bytes) else {
                throw ValidationError("\(flag) \(text) is out of range; it is from \(words)")
            }
            return Int(bytes)
        } catch let error as InputError {
            throw ValidationError("\(flag): \(error)")
        }
    }

    private func processorBudget(usual: ProcessorBudget) throws -> ProcessorBudget {
        guard let text = command.cpuBudget else { return usual }
        guard let budget = ProcessorBudget(text) else {
            throw ValidationError(
                """
                --cpu-budget '\(text)' is not a budget; it is a share of one CPU such as 2% or \
                0.5%, from 0.01% to 100%, or none
                """)
        }
        return budget
    }

    /// An unset variable in a script gives an empty value, which nobody means.
    private func checkNotEmpty(_ value: String?, _ flag: String) throws {
        guard value?.isEmpty != true else {
            throw ValidationError("\(flag) is empty; give it a value, or leave it out")
        }
    }

    /// What of command lines may leave the host.
    static func commandLine(_ text: String) throws -> CommandLinePolicy {
        guard let policy = CommandLinePolicy(rawValue: text) else {
            throw ValidationError(
                "--command-line takes none, script, redacted or full, not '\(text)'")
        }
        return policy
    }

    /// The labels of `texts`, each `key=value`, by their keys.
    static func labels(_ texts: [String]) throws -> [HostLabel] {
        var labels: [HostLabel] = []
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, (1...64).contains(parts[0].utf8.count),
                parts[1].utf8.count <= 256
            else {
                throw ValidationError(
                    """
                    --label '\(text)' is not key=value, such as rack=b7; keys have up to 64 bytes, \
                    values up to 256
                    """)
            }
            let key = RawText(String(parts[0]))
            guard !labels.contains(where: { $0.key == key }) else {
                throw ValidationError("--label \(parts[0]) is given twice; name each key once")
            }
            labels.append(HostLabel(key: key, value: RawText(String(parts[1]))))
        }
        guard labels.count <= 32 else {
            throw ValidationError("at most 32 labels are taken; \(labels.count) were given")
        }
        return labels.sorted()
    }

    private var statePath: String {
        command.stateDir
            ?? StateDirectory.usualPath(environment: environment, isRoot: geteuid() == 0)
    }

    private func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
