import ArgumentParser
import CommandLineProgram
import Glibc
import MemoryModel
import ProcessSampler
import PythonStacks
import Report
import Terminal
import UnixSignals

/// The command `memagent python`.
struct PythonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "python",
        abstract: "Shows which lines of a running Python program ran while its memory grew.",
        discussion: """
            It reads the program's stack from outside while its resident memory grows; the program \
            is not stopped, not changed and needs no preparation. CPython 3.8 to 3.13 can be read, \
            by its own user or by root. In a terminal the page is drawn anew each second until \
            Ctrl-C; else it is printed once, when the program ends or --seconds are over.

            A line that 'grew' is one that ran while memory grew. It need not be the one that keeps \
            the memory.

            EXAMPLES:
              memagent python 4711
              memagent python 4711 --seconds 60 --json
            """)

    @Argument(help: ArgumentHelp("The process.", valueName: "pid"))
    var pid: Int32

    @Option(help: ArgumentHelp("Stop after so many seconds.", valueName: "count"))
    var seconds: Int?

    @Flag(help: "Print JSON, with whole paths and all stacks that are kept.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "auto: sample page faults where the kernel permits it; off: only look at its size.",
            valueName: "when"))
    var faultSamples = FaultSamples.auto

    /// When page faults are sampled.
    enum FaultSamples: String, ExpressibleByArgument, CaseIterable {
        case auto
        case off
    }

    @Option(
        help: ArgumentHelp("The most lines, functions and callers to show.", valueName: "count"))
    var top = 15

    @Option(
        help: ArgumentHelp(
            "The tree of processes to read, for a view from a container.", valueName: "path"))
    var procfs: String?

    func validate() throws {
        try ViewsOfThisHost.checkIsMeant()
        guard procfs?.isEmpty != true else {
            throw ValidationError("--procfs is empty; give it a value, or leave it out")
        }
        guard pid > 0 else { throw ValidationError("\(pid) is no process id") }
        guard (1...31_536_000).contains(seconds ?? 1) else {
            throw ValidationError("--seconds takes 1 to 31536000")
        }
        guard (1...1_000).contains(top) else { throw ValidationError("--top takes 1 to 1000") }
    }

    func run() async throws {
        let root = procfs.map { ProcRoot(path: $0) } ?? ProcRoot()
        let (pid, top) = (pid, top)
        var settings = GrowthLedger.Settings()
        settings.faultSamples = faultSamples == .auto ? .auto : .off
        let rows = json ? nil : OutputTerminal.rows
        let milliseconds = seconds.map { Int64($0) * 1_000 }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let watching = Task.detached { [settings] in
            try await PythonCommand.watch(
                pid: pid, root: root, settings: settings, milliseconds: milliseconds,
                show: { growth in
                    guard let rows else { return }
                    let text = PythonGrowthView(growth, top: top).text(style: OutputTerminal.style)
                    try OutputTerminal.write(LiveText.page(text, rows: rows))
                })
        }
        let stopping = Task {
            for await _ in signals { watching.cancel() }
        }
        defer { stopping.cancel() }
        do {
            let (growth, problem) = try await watching.value
            let view = PythonGrowthView(growth, top: top)
            if rows != nil { try OutputTerminal.write(LiveText.cleared) }
            let text = json ? view.json() : view.text(style: OutputTerminal.style)
            try OutputTerminal.write(Array(text.utf8))
            if let problem { throw ProgramFailure("process \(pid) is left alone: \(problem)") }
        } catch let error as GrowthWatchError {
            throw ProgramFailure(PythonCommand.sentence(error))
        } catch let problem as TerminalProblem {
            throw ProgramFailure(problem.description)
        }
    }

    /// Watches so long, or until the process's end or cancellation, and shows each second.
    ///
    /// Returns what was found, and why watching ended early if it did.
    private static func watch(
        pid: Int32, root: ProcRoot, settings: GrowthLedger.Settings, milliseconds: Int64?,
        show: @Sendable (PythonGrowth) throws -> Void
    ) async throws -> (PythonGrowth, String?) {
        let watch = try GrowthWatch(pid: pid, root: root, settings: settings)
        let end = milliseconds.map { BootClock.nowMilliseconds() + $0 }
        var problem: String?
        var shownAt: Int64 = 0
        watching: while !Task.isCancelled {
            let now = BootClock.nowMilliseconds()
            if let end, now >= end { break }
            switch watch.look() {
            case .ended: break watching
            case .unwatchable(let reason):
                problem = reason
                break watching
            case .goesOn(let wait):
                if now - shownAt >= 1_000 {
                    try show(watch.result())
                    shownAt = now
                }
                let rest = end.map { max(1, $0 - now) } ?? wait
                // It waits in the kernel, for page faults; a signal has its turn in between.
                watch.wait(milliseconds: min(wait, rest))
                await Task.yield()
            }
        }
        // What grew since the last look counts, too.
        if problem == nil { _ = watch.look() }
        return (watch.result(), problem)
    }

    private static func sentence(_ error: GrowthWatchError) -> String {
        switch error {
        case .gone(let pid):
            return "there is no process \(pid)"
        case .refused(let pid):
            guard geteuid() != 0 else {
                return "even root may not read the memory of process \(pid) from here: "
                    + "CAP_SYS_PTRACE is missing (as in a container), the process belongs to "
                    + "another user namespace, or a security module forbids it"
            }
            return "the kernel does not let this user read the memory of process \(pid); run "
                + "memagent as that process's user or as root (where kernel.yama.ptrace_scope is 1 "
                + "or more, as root or with CAP_SYS_PTRACE)"
        case .withoutMemory(let pid):
            return "process \(pid) has no memory of its own: it is a thread of the kernel, or it "
                + "has ended"
        case .noPython(let pid, let name):
            let shown = name.map { " (\(DisplayText.escaped($0)))" } ?? ""
            return "process \(pid)\(shown) is no Python program: there is no CPython in it; "
                + "'memagent ps' lists processes"
        case .unsupported(let pid, let reason):
            return "process \(pid) cannot be read: \(reason)"
        case .failed(let pid, let code):
            return "process \(pid) cannot be read: error \(code)"
        }
    }
}
