import CLinux
import Glibc

/// The kernel's own events and marks, as far as this program is let to have them.
///
/// They speak of this host's processes, whatever tree of processes is looked at: so they are used
/// only if the tree is this host's own procfs, seen from the namespaces that the kernel began with.
/// It belongs to one thread at a time; the listening happens on threads of its own.
public final class KernelEventSource {
    /// Why exit records do not come; nil if they do.
    public let exitRecordProblem: KernelSourceProblem?
    /// Why forks and execs are not told; nil if they are.
    public let processEventProblem: KernelSourceProblem?
    /// Why marks of living processes cannot be asked for; nil if they can.
    public let markProblem: KernelSourceProblem?

    /// What asks for marks; nil where there is a problem.
    let marks: TaskMarkReader?

    private let queue: KernelEventQueue
    private let exitRecords: ExitRecordListener?
    private let processEvents: ProcessEventListener?

    /// Starts what can be started.
    ///
    /// - Parameters:
    ///   - root: The tree that is looked at.
    ///   - policy: What of command lines is let out.
    ///   - usersPath: A file in the form of `/etc/passwd`.
    ///   - options: How much it may take.
    /// - Returns: The sources, each of which works or says why it does not.
    public static func start(
        root: ProcRoot = ProcRoot(), policy: CommandLinePolicy = .script,
        usersPath: String = "/etc/passwd", options: KernelEventOptions = KernelEventOptions()
    ) -> KernelEventSource {
        KernelEventSource(root, policy, usersPath, options)
    }

    private init(
        _ root: ProcRoot, _ policy: CommandLinePolicy, _ usersPath: String,
        _ options: KernelEventOptions
    ) {
        let queue = KernelEventQueue(limit: options.maximumWaitingEvents)
        self.queue = queue
        if let problem = NamespaceCheck.problem(root) {
            (exitRecords, processEvents, marks) = (nil, nil, nil)
            (exitRecordProblem, processEventProblem, markProblem) = (problem, problem, problem)
            return
        }
        (marks, markProblem) = KernelEventSource.attempt { () throws(KernelSourceProblem) in
            try TaskMarkReader()
        }
        let version = marks?.statistics(of: getpid())?.version ?? TaskStatistics.groupVersion
        let notes = version < TaskStatistics.groupVersion ? ProcessNotes() : nil
        (processEvents, processEventProblem) = KernelEventSource.attempt {
            () throws(KernelSourceProblem) in
            try ProcessEventListener(
                root: root, policy: policy, usersPath: usersPath, options: options, queue: queue,
                notes: notes)
        }
        (exitRecords, exitRecordProblem) = KernelEventSource.attempt {
            () throws(KernelSourceProblem) in
            try ExitRecordListener(root: root, options: options, queue: queue, notes: notes)
        }
    }

    deinit { stop() }

    /// Takes out what came since the last time, every fork and exec until now included.
    public func drain() -> KernelEvents {
        processEvents?.takeNow()
        return queue.drain()
    }

    /// Stops listening, and waits until the threads have ended; does nothing the second time.
    public func stop() {
        exitRecords?.stop()
        processEvents?.stop()
    }

    private static func attempt<Source>(
        _ make: () throws(KernelSourceProblem) -> Source
    ) -> (Source?, KernelSourceProblem?) {
        do { return (try make(), nil) } catch { return (nil, error) }
    }
}
