import Agent
import ArgumentParser
import CommandLineProgram
import Glibc
import MemoryModel
import ProcessSampler
import Report
import Terminal

/// The command `memagent run`.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a command and tells the peak memory of it and of all that it starts.",
        usage: "memagent run [<options>] [--] <command> [<arguments> ...]",
        discussion: """
            The command has this terminal, standard files, group and signals, and its exit status \
            is this one's: a signal that ends it ends memagent by the same. 127: not found, 126: \
            not executable, 125: memagent itself failed, 2: wrong usage. At the end one block goes \
            to standard error. No privilege is needed; with CAP_NET_ADMIN the kernel tells the \
            exact peak of every process, however short it lived.

            EXAMPLES:
              memagent run -- make -j4
              memagent run --plot -- python3 train.py
              memagent run --json run.json --label job=42 -- ./job
              memagent run --limit 8G -- ./job
              memagent run --collector collector.example:7000 -- ./job
              memagent run --python -- python3 train.py
            """)

    @Option(
        help: ArgumentHelp(
            "Write a JSON document to this file, beside the block; - is standard output.",
            valueName: "file"))
    var json: String?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp(
            "Write the block to this file and not to standard error.", valueName: "file"))
    var output: String?

    @Flag(name: [.short, .long], help: "Print no block.")
    var quiet = false

    @Option(
        help: ArgumentHelp(
            "The most processes to list, the largest first.", valueName: "count"))
    var top = 10

    @Option(
        help: ArgumentHelp(
            "Time between two looks; in the first second it is 10ms.", valueName: "duration"))
    var interval = "100ms"

    @Option(help: ArgumentHelp("A label of this run; repeatable.", valueName: "key=value"))
    var label: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Run it in a memory cgroup of its own with this limit, such as 8G. Where that is not \
            permitted, nothing is run.
            """, valueName: "size"))
    var limit: String?

    @Flag(help: "Make no cgroup for it, even where that is permitted.")
    var noCgroup = false

    @Option(
        help: ArgumentHelp(
            """
            Tell this collector of it while it runs, beside the agent of this host if there is one; \
            repeat for more, the first is preferred.
            """, valueName: "host:port"))
    var collector: [String] = []

    @Option(
        help: ArgumentHelp(
            "What this host is known by to the collector; its machine-id by default.",
            valueName: "id"))
    var hostID: String?

    @Option(
        help: ArgumentHelp(
            """
            How much of command lines is read: none, script, redacted or full. By default script \
            with --collector, as it leaves this host, else full.
            """, valueName: "policy"))
    var commandLine: String?

    @Flag(help: "Draw memory over time.")
    var plot = false

    @Flag(
        help: """
            Tell which lines of Python programs ran while their memory grew, of the command and all \
            that it starts.
            """)
    var python = false

    @Option(
        help: ArgumentHelp(
            """
            What a collector is told of the names of their files and functions: full, base (the \
            default) or hash.
            """, valueName: "policy"))
    var pythonNames: String?

    @Flag(help: "Wait for what it leaves behind, too, before the block.")
    var waitAll = false

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func validate() throws {
        guard !words.isEmpty else {
            throw ValidationError("which command? Name it behind --, as in 'memagent run -- make'")
        }
        if let word = command.first, word != "--", word.hasPrefix("-") {
            throw ValidationError("there is no option \(word); a command stands behind --")
        }
        guard (0...100_000).contains(top) else {
            throw ValidationError("--top \(top) is out of range; it is from 0 to 100000")
        }
        guard limit == nil || !noCgroup else {
            throw ValidationError("--limit needs a cgroup; leave out --no-cgroup")
        }
        for (name, path) in [("--json", json), ("--output", output)] where path?.isEmpty == true {
            throw ValidationError("\(name) is empty; give it a value, or leave it out")
        }
        _ = try settings()
        _ = try limitBytes()
        _ = try AgentArguments.labels(label)
        _ = try tellerSettings()
        guard pythonNames == nil || python else {
            throw ValidationError("--python-names is for --python; give both, or neither")
        }
    }

    /// Whom to tell; nil for nobody.
    private func tellerSettings() throws -> CommandTellerSettings? {
        guard !collector.isEmpty else {
            guard hostID == nil else {
                throw ValidationError("--host-id is for a collector; name one with --collector")
            }
            guard pythonNames == nil else {
                throw ValidationError(
                    "--python-names is for a collector; name one with --collector")
            }
            return nil
        }
        return CommandTellerSettings(
            collectors: try AgentArguments.addresses(collector),
            hostID: try ViewsOfThisHost.hostID(hostID), labels: try AgentArguments.labels(label),
            intervalMilliseconds: try settings().intervalMilliseconds,
            pythonNames: try pythonNames.map(AgentArguments.pythonNames) ?? .base)
    }

    /// The command's own words.
    private var words: ArraySlice<String> {
        command.first == "--" ? command.dropFirst() : command[...]
    }

    private func settings() throws -> CommandSettings {
        do {
            let milliseconds = try DurationText.parse(interval)
            guard (10...3_600_000).contains(milliseconds) else {
                throw ValidationError(
                    "--interval \(interval) is out of range; it is from 10ms to 1h")
            }
            let usual = collector.isEmpty ? CommandLinePolicy.full : .script
            return CommandSettings(
                intervalMilliseconds: milliseconds, waitsForAll: waitAll,
                commandLine: try commandLine.map(AgentArguments.commandLine) ?? usual,
                watchesPython: python)
        } catch let error as InputError {
            throw ValidationError("--interval: \(error)")
        }
    }

    private func limitBytes() throws -> UInt64? {
        guard let limit else { return nil }
        do {
            let bytes = try ByteSize(parsing: limit).bytes
            guard (1 << 20...1 << 50).contains(bytes) else {
                throw ValidationError("--limit \(limit) is out of range; it is from 1M to 1024T")
            }
            return bytes
        } catch let error as InputError {
            throw ValidationError("--limit: \(error)")
        }
    }

    /// Runs it and tells of it.
    private func perform() throws -> CommandEnd {
        try checkFiles()
        let teller = try tellerSettings().map { try CommandTeller($0) }
        let watch = try CommandWatch(try settings(), teller: teller)
        let (cgroup, problem) = try makeCgroup()
        var (run, refusal) = try start(watch, in: cgroup)
        run.cgroupProblem = refusal ?? problem
        run.labels = try AgentArguments.labels(label)
        try tell(CommandReport(run: run, top: top))
        return run.end
    }

    /// Runs it in the cgroup; where it cannot enter one that nobody asked for, it is run without,
    /// and the reason is given as well.
    private func start(
        _ watch: CommandWatch, in cgroup: TransientCgroup?
    ) throws -> (run: CommandRun, refusal: String?) {
        do {
            return (try start(watch, words, in: cgroup), nil)
        } catch {
            guard case .failed(let reason) = error, cgroup != nil, limit == nil else {
                throw error
            }
            return (try start(watch, words, in: nil), reason)
        }
    }

    private func makeCgroup() throws -> (TransientCgroup?, problem: String?) {
        guard !noCgroup else { return (nil, nil) }
        do throws(CgroupProblem) {
            return (try TransientCgroup.make(limitBytes: limitBytesChecked()), nil)
        } catch {
            guard limit == nil else {
                throw ProgramFailure("--limit needs a cgroup, and there is none: \(error)")
            }
            return (nil, error.description)
        }
    }

    /// The same as `limitBytes`, after `validate` found it to be right.
    private func limitBytesChecked() -> UInt64? {
        do { return try limitBytes() } catch { preconditionFailure("it was validated") }
    }

    /// Starts the words as they were given, which need not be UTF-8.
    private func start(
        _ watch: CommandWatch, _ words: ArraySlice<String>, in cgroup: TransientCgroup?
    ) throws(CommandStartFailure) -> CommandRun {
        let first = Int(Swift.CommandLine.argc) - words.count
        return try watch.run(UnsafePointer(Swift.CommandLine.unsafeArgv + first), in: cgroup)
    }

    /// Finds out before anything is run whether files can be written.
    private func checkFiles() throws {
        for path in [json == "-" ? nil : json, output].compactMap({ $0 }) {
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            guard access(folder, W_OK) == 0 else {
                let reason = String(cString: strerror(errno))
                throw ProgramFailure("cannot write \(path): \(reason); name another file")
            }
        }
    }

    private func tell(_ report: CommandReport) throws {
        if let json {
            let bytes = Array(report.json.utf8)
            if json == "-" {
                try OutputTerminal.write(bytes)
            } else {
                try WholeFile.write(bytes, to: json)
            }
        }
        guard !quiet else { return }
        if let output {
            let style = TextStyle(utcOffsetSeconds: OutputTerminal.utcOffsetSeconds)
            try WholeFile.write(Array(report.text(style: style, hasPlot: plot).utf8), to: output)
        } else {
            try OutputTerminal.writeError(
                report.text(style: OutputTerminal.errorStyle, hasPlot: plot))
        }
    }
}

extension RunCommand {
    /// Whether this is what the command line asks for.
    static var isMeant: Bool { Swift.CommandLine.arguments.dropFirst().first == "run" }

    /// Parses the command line, runs the command and ends the process as the command ended.
    ///
    /// To be called before this program has a second thread.
    static func runAsProgram() -> Never {
        CommandProcess.prepare()
        do {
            if let word = Swift.CommandLine.arguments.dropFirst(2).first,
                ["-h", "--help"].contains(word)
            {
                let help = ViewsOfThisHost.helpMessage(for: RunCommand.self, columns: nil)
                try OutputTerminal.write(Array((help + "\n").utf8))
                Glibc.exit(0)
            }
            let command = try ViewsOfThisHost.parseNegativesAsRoot()
            guard let run = command as? RunCommand else {
                preconditionFailure("the first word is run")
            }
            run.performAndEnd()
        } catch {
            let code = ViewsOfThisHost.exitCode(for: error)
            guard code == .validationFailure else { end(125, "\(error)") }
            end(2, nil, ViewsOfThisHost.fullMessage(for: error) + "\n")
        }
    }

    private func performAndEnd() -> Never {
        do {
            let end = try perform()
            if let signal = end.signal { CommandProcess.end(bySignal: signal) }
            Glibc.exit(end.exitCode ?? 0)
        } catch let failure as CommandStartFailure {
            guard case .cannotExecute = failure else { RunCommand.end(125, failure.reason) }
            let name = DisplayText.escaped(RawText(words.first ?? ""))
            RunCommand.end(
                failure.isNotFound ? 127 : 126, "cannot run '\(name)': \(failure.reason)")
        } catch {
            RunCommand.end(125, "\(error)")
        }
    }

    private static func end(_ status: Int32, _ line: String?, _ text: String = "") -> Never {
        do {
            try OutputTerminal.writeError(line.map { "memagent: \($0)\n" } ?? text)
        } catch {
            // There is nowhere left to say so.
        }
        Glibc.exit(status)
    }
}
