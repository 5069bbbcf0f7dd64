import Glibc

/// Listens to exit records on a thread of its own.
final class ExitRecordListener: Sendable {
    /// How long a thread may take to wake.
    private static let wakingMilliseconds: Int64 = 20

    private let thread: ListenerThread

    /// Starts listening; what comes goes to the queue.
    init(
        root: ProcRoot, options: KernelEventOptions, queue: KernelEventQueue,
        notes: ProcessNotes?
    ) throws(KernelSourceProblem) {
        let handover = Handover(
            try ExitRecordCollector(
                root: root, receiveBytes: options.receiveBytes, notes: notes))
        let gather = options.gatherMilliseconds
        do {
            thread = try ListenerThread { stopFile in
                ExitRecordListener.run(handover.value, stopFile, gather, queue)
            }
        } catch {
            throw KernelSourceProblem(error)
        }
    }

    /// Stops listening; does nothing the second time.
    func stop() { thread.stop() }

    private static func run(
        _ collector: ExitRecordCollector, _ stopFile: Int32, _ gather: Int32,
        _ queue: KernelEventQueue
    ) {
        do { try collector.alsoWait(for: stopFile) } catch { return }
        while true {
            var quietUntil: Int64?
            if !collector.isHolding {
                let before = ClockPair.now().monotonic
                guard collector.wait(milliseconds: 60_000) else { return }
                // Where it slept, nothing was there until it woke, but for the time that waking
                // takes.
                let woken = ClockPair.now().monotonic - wakingMilliseconds
                if woken > before { quietUntil = woken }
            }
            // More will come, and all of it costs one wake-up.
            if isStopped(stopFile, within: gather) { return }
            collector.pass(quietUntilMilliseconds: quietUntil)
            let now = ClockPair.now().boot
            queue.append(collector.takeEvents(), atMilliseconds: now)
        }
    }

    private static func isStopped(_ stopFile: Int32, within milliseconds: Int32) -> Bool {
        var stop = pollfd(fd: stopFile, events: Int16(POLLIN), revents: 0)
        return poll(&stop, 1, max(milliseconds, 0)) > 0
    }
}

/// Listens to forks and execs on a thread of its own.
final class ProcessEventListener: Sendable {
    /// Events that follow each other so soon, and so often, make a storm; one program that starts
    /// another makes two or three.
    private static let stormMilliseconds: Int64 = 2
    private static let stormPasses = 8
    private static let stormPatienceMicroseconds: useconds_t = 200

    private let thread: ListenerThread

    /// Starts listening; what comes goes to the queue.
    init(
        root: ProcRoot, policy: CommandLinePolicy, usersPath: String,
        options: KernelEventOptions, queue: KernelEventQueue,
        notes: ProcessNotes?
    ) throws(KernelSourceProblem) {
        let handover = Handover(
            try ProcessEventCollector(
                root: root, policy: policy, usersPath: usersPath, options: options,
                notes: notes))
        do {
            thread = try ListenerThread { stopFile in
                ProcessEventListener.run(handover.value, stopFile, queue)
            }
        } catch {
            throw KernelSourceProblem(error)
        }
    }

    /// Stops listening; does nothing the second time.
    func stop() { thread.stop() }

    private static func run(
        _ collector: ProcessEventCollector, _ stopFile: Int32, _ queue: KernelEventQueue
    ) {
        do { try collector.alsoWait(for: stopFile) } catch { return }
        var passedAt = ClockPair.now().monotonic
        var passesInStorm = 0
        while collector.wait() {
            let isSoon = ClockPair.now().monotonic - passedAt <= stormMilliseconds
            passesInStorm = isSoon ? min(passesInStorm + 1, stormPasses) : 0
            // In a storm a little patience saves most of the wake-ups, which cost more than events.
            // More of it would save more, and find fewer processes still alive to read names of.
            if passesInStorm == stormPasses { usleep(stormPatienceMicroseconds) }
            collector.pass()
            let now = ClockPair.now()
            queue.append(collector.takeEvents(), atMilliseconds: now.boot)
            passedAt = now.monotonic
        }
    }
}

/// Hands a value to the one thread that uses it from then on.
private struct Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
