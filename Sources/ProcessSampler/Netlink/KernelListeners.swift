import Glibc
import Synchronization

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

    /// The most batches that are taken in one go by who cannot wait.
    private static let hurriedBatches = 64

    private let thread: ListenerThread
    private let inlet: ProcessEventInlet

    /// Starts listening; what comes goes to the queue.
    init(
        root: ProcRoot, policy: CommandLinePolicy, usersPath: String,
        options: KernelEventOptions, queue: KernelEventQueue,
        notes: ProcessNotes?
    ) throws(KernelSourceProblem) {
        let collector = try ProcessEventCollector(
            root: root, policy: policy, usersPath: usersPath, options: options, notes: notes)
        let waiter = Handover(collector)
        let inlet = ProcessEventInlet(collector, queue)
        self.inlet = inlet
        do {
            thread = try ListenerThread { stopFile in
                ProcessEventListener.run(waiter.value, inlet, stopFile)
            }
        } catch {
            throw KernelSourceProblem(error)
        }
    }

    /// Takes what the kernel has told until now, if the thread has not come to it yet.
    ///
    /// The kernel tells of an exec before the new program runs. So who calls this after reading a
    /// process has every exec that can have been before that reading.
    func takeNow() {
        for _ in 0..<ProcessEventListener.hurriedBatches where !inlet.takeBatch() { return }
    }

    /// Stops listening; does nothing the second time.
    func stop() {
        thread.stop()
        inlet.close()
    }

    private static func run(
        _ collector: ProcessEventCollector, _ inlet: ProcessEventInlet, _ stopFile: Int32
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
            while inlet.takeBatch() {}
            passedAt = ClockPair.now().monotonic
        }
    }
}

/// Lets two threads take events one after the other, each batch as a whole, so that they reach the
/// queue in the order in which the kernel told of them.
private final class ProcessEventInlet: Sendable {
    /// nil once nothing is to be taken any more.
    private let collector: Mutex<Handover<ProcessEventCollector>?>
    private let queue: KernelEventQueue

    init(_ collector: ProcessEventCollector, _ queue: KernelEventQueue) {
        self.collector = Mutex(Handover(collector))
        self.queue = queue
    }

    /// Takes nothing any more.
    func close() {
        collector.withLock { $0 = nil }
    }

    /// Takes as many events as one call gives; returns whether there may be more.
    func takeBatch() -> Bool {
        collector.withLock { collector in
            guard let collector else { return false }
            let hasMore = collector.value.takeBatch()
            queue.append(collector.value.takeEvents(), atMilliseconds: ClockPair.now().boot)
            return hasMore
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
