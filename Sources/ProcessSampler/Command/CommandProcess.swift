import CLinux
import Glibc
public import MemoryModel

/// Why a command does not run.
public enum CommandStartFailure: Error, Hashable, Sendable {
    /// There is no such program, or it cannot be executed; the number is the kernel's `errno`.
    case cannotExecute(code: Int32)
    /// Nothing became of it for another reason, in one sentence without a period.
    case failed(String)

    /// Whether the program was not found.
    public var isNotFound: Bool { self == .cannotExecute(code: ENOENT) }

    /// The reason in words.
    public var reason: String {
        switch self {
        case .cannotExecute(let code): KernelError.phrase(of: code)
        case .failed(let sentence): sentence
        }
    }
}

/// What a program that runs a command waits for.
public enum CommandSignal: Hashable, Sendable {
    /// A child ended or stopped.
    case child
    /// Somebody wants the command to have this signal.
    case forCommand(Int32)
    /// Somebody at the terminal wants the command to end, and it has the signal, too.
    case interrupt
    /// The terminal stops the command; there is nothing to do before that.
    case stop
}

/// A command that this program started: it has this program's terminal, group, files, limits and
/// signals as this program was started with them.
public struct CommandProcess: Sendable {
    /// Its process.
    public let pid: Int32
    /// The size of the copy of this program in which it was executed; no `largestBytes` of its
    /// end is below.
    public let floorBytes: UInt64

    /// Keeps how this program was started, and begins to hold back signals for `wait`; to be
    /// called before this program has a second thread.
    public static func prepare() { clinux_command_prepare() }

    /// Starts `arguments`, words that end with nil as `main` gets them, and takes over what it
    /// leaves behind.
    public static func start(
        _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>, in cgroup: TransientCgroup?
    ) throws(CommandStartFailure) -> CommandProcess {
        // What is not taken over then is only not followed once its parent has ended.
        _ = clinux_command_adopt_orphans()
        var start = clinux_command_start()
        clinux_command_run(arguments, cgroup?.processesFile ?? -1, &start)
        let reason = KernelError.phrase(of: start.reason)
        switch UInt32(start.step) {
        case CLINUX_COMMAND_RUNS.rawValue:
            return CommandProcess(pid: start.pid, floorBytes: start.floor_bytes)
        case CLINUX_COMMAND_EXECUTE.rawValue: throw .cannotExecute(code: start.reason)
        case CLINUX_COMMAND_CGROUP.rawValue:
            throw .failed("the command cannot enter its cgroup: \(reason)")
        default: throw .failed("no process can be made: \(reason)")
        }
    }

    /// Waits for a signal, at most so long; nil if none came.
    public static func wait(milliseconds: Int64) -> CommandSignal? {
        switch clinux_command_wait(milliseconds) {
        case 0: nil
        case SIGCHLD: .child
        case let signal where [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2].contains(signal):
            .forCommand(signal)
        case SIGINT, SIGQUIT: .interrupt
        default: .stop
        }
    }

    /// A child that has ended, the command or one that was taken over; nil if there is none now.
    public static func endedChild() -> Int32? {
        let pid = clinux_command_ended_child()
        return pid > 0 ? pid : nil
    }

    /// Whether this program has any children.
    public static var hasChildren: Bool { clinux_command_ended_child() >= 0 }

    /// Lets the kernel forget a child that has ended; nil if it is none.
    public static func reap(_ pid: Int32) -> CommandEnd? {
        var usage = clinux_command_usage()
        guard clinux_command_reap(pid, &usage) == 0 else { return nil }
        return CommandEnd(
            exitCode: usage.signal == 0 ? usage.code : nil,
            signal: usage.signal != 0 ? usage.signal : nil, hasDumpedCore: usage.dumped_core,
            largestBytes: usage.largest_bytes, userMicroseconds: usage.user_microseconds,
            systemMicroseconds: usage.system_microseconds,
            faults: FaultCounts(minor: usage.minor_faults, major: usage.major_faults))
    }

    /// Sends it a signal.
    public func send(_ signal: Int32) { kill(pid, signal) }

    /// Stops with it if it was stopped so that a shell takes the terminal back, and lets it go on
    /// when this program does.
    ///
    /// By SIGSTOP anybody can stop it anywhere; that is the shell's only in the foreground of a
    /// terminal.
    public func stopAlong() {
        let signal = clinux_command_stopped(pid)
        let isOfShell =
            [SIGTSTP, SIGTTIN, SIGTTOU].contains(signal)
            || signal == SIGSTOP && clinux_command_is_foreground()
        guard isOfShell else { return }
        clinux_command_stop_self()
        send(SIGCONT)
    }

    /// Ends this program by the signal that ended the command, without a core of its own.
    public static func end(bySignal signal: Int32) -> Never { clinux_command_end_by(signal) }
}
