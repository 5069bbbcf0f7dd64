import Logging
import MemoryModel
import NIOCore
import ProcessSampler
import PythonStacks
import Synchronization

/// A thread of its own that watches Python programs, so that reading their memory holds up neither
/// the agent's looks nor its event loop, however long it takes.
final class PythonThread: Sendable {
    private struct Mail {
        var sight = PythonSight()
        var hasSight = false
        /// What is to be done when the thread has ended; nil while it is to go on.
        var afterEnd: (@Sendable () -> Void)?
    }

    /// What the thread says of itself.
    struct State: Sendable {
        /// Processor time that it used.
        var processorMicroseconds: UInt64 = 0
        /// Since when it reads a process, and which; nil while it does not.
        var reading: (pid: Int32, sinceMilliseconds: Int64)?
        var isStuckTold = false
        var isRefusalTold = false
        /// What was not watched, by reason.
        var counts: [PythonRefusal: UInt64] = [:]
        /// How many runs were watched.
        var watchedCount: UInt64 = 0
    }

    private let mail = Mutex(Mail())
    private let shared = Mutex(State())
    private let bell: Bell
    private let logger: Logger

    /// Ends and starts that wait beyond this number are left out: what they are of is found out by
    /// looking.
    private static let maximumEvents = 8_192
    /// A process that holds up the thread for so long is named in the log.
    static let stuckMilliseconds: Int64 = 30_000

    /// Starts it.
    ///
    /// - Parameters:
    ///   - root: The tree of processes.
    ///   - settings: What to watch.
    ///   - loop: Where `deliver` is called.
    ///   - logger: What is said goes there.
    ///   - deliver: Gets what was found of a run whose growth changed, as it may leave the host.
    /// - Returns: The thread; nil where the system has no room for one.
    static func start(
        root: ProcRoot, settings: PythonSettings, loop: any EventLoop, logger: Logger,
        deliver: @escaping @Sendable (ProcessKey, PythonGrowth) -> Void
    ) -> PythonThread? {
        guard let bell = Bell() else { return nil }
        let thread = PythonThread(bell, logger)
        let body: @Sendable () -> Void = {
            let afterEnd = thread.run(root, settings) { key, growth in
                let named = growth.leaving(settings.names)
                loop.execute { deliver(key, named) }
            }
            // After all that was handed over on the same loop.
            loop.execute(afterEnd)
        }
        return QuietThread.startDetached(body) ? thread : nil
    }

    private init(_ bell: Bell, _ logger: Logger) {
        self.bell = bell
        self.logger = logger
    }

    /// What it says of itself.
    var state: State { shared.withLock { $0 } }

    /// Takes what a look found; never waits.
    func looked(_ snapshot: HostSnapshot) {
        let sight = PythonSight(snapshot)
        let wasEmpty = mail.withLock { mail in
            defer { mail.hasSight = true }
            if mail.sight.eventCount + sight.eventCount > PythonThread.maximumEvents {
                mail.sight = PythonSight()
                mail.sight.observed = sight.observed
                mail.sight.isCut = true
            } else {
                mail.sight.add(sight)
            }
            return !mail.hasSight
        }
        if wasEmpty { bell.ring() } else { warnIfStuck(at: snapshot.takenAtMilliseconds) }
    }

    /// Says once that a process keeps the thread waiting, as one can whose pages never come.
    private func warnIfStuck(at now: Int64) {
        let pid = shared.withLock { state -> Int32? in
            guard let reading = state.reading, !state.isStuckTold,
                now - reading.sinceMilliseconds >= PythonThread.stuckMilliseconds
            else { return nil }
            state.isStuckTold = true
            return reading.pid
        }
        guard let pid else { return }
        logger.warning(
            "a process keeps the watching of Python programs waiting, which goes on when it ends",
            metadata: ["pid": "\(pid)"])
    }

    /// Tells it to hand over what is left and to end; `afterEnd` is called on the loop when it has.
    ///
    /// A process can keep the thread waiting, so that this may take long, or never come.
    func stop(_ afterEnd: @escaping @Sendable () -> Void) {
        mail.withLock { $0.afterEnd = afterEnd }
        bell.ring()
    }

    /// Watches until it is told to end; returns what is to be done then.
    private func run(
        _ root: ProcRoot, _ settings: PythonSettings,
        _ deliver: @escaping (ProcessKey, PythonGrowth) -> Void
    ) -> @Sendable () -> Void {
        let watcher = PythonWatcher(
            root: root, plan: PythonPlan.Settings(settings.policy),
            ledger: PythonThread.ledgerSettings, maximumLines: settings.maximumLines,
            tell: deliver)
        watcher.isWhole = false
        watcher.note = { [self] in note($0) }
        watcher.willRead = { [self] pid in
            let now = BootClock.nowMilliseconds()
            shared.withLock { $0.reading = (pid, now) }
        }
        let afterEnd: @Sendable () -> Void
        while true {
            let (sight, end) = mail.withLock { mail in
                let sight = mail.hasSight ? mail.sight : nil
                mail.sight = PythonSight()
                mail.hasSight = false
                return (sight, mail.afterEnd)
            }
            if let end {
                afterEnd = end
                break
            }
            if let sight { watcher.noted(sight) }
            let wait = watcher.step()
            publish(watcher)
            if wait != 0 { bell.wait(milliseconds: wait) }
        }
        watcher.stop()
        var metadata: Logger.Metadata = ["watched": "\(watcher.watchedCount)"]
        for (reason, count) in watcher.counts { metadata[reason.rawValue] = "\(count)" }
        logger.info("Python programs that grew", metadata: metadata)
        return afterEnd
    }

    /// What of one process is kept is bounded more tightly than where one is watched alone, and the
    /// thread waits for the agent's looks and not for page faults.
    private static let ledgerSettings: GrowthLedger.Settings = {
        var settings = GrowthLedger.Settings()
        settings.faultSamples = .off
        settings.quietMilliseconds = 250
        settings.maximumStacks = 512
        settings.maximumFrames = 32_768
        settings.maximumLines = 2_048
        return settings
    }()

    private func publish(_ watcher: PythonWatcher) {
        shared.withLock { state in
            state.processorMicroseconds = UInt64(max(0, OwnProcessor.threadNanoseconds())) / 1_000
            state.reading = nil
            state.counts = watcher.counts
            state.watchedCount = watcher.watchedCount
        }
    }

    private func note(_ note: PythonWatcher.Note) {
        switch note {
        case .watching(let pid, let name, let version):
            logger.debug(
                "watching a Python program",
                metadata: [
                    "pid": "\(pid)", "python": "\(version)",
                    "name": "\(name.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "?")",
                ])
        case .refused(let pid, let reason, let details):
            if reason == .refused { tellOfRefusal() }
            logger.debug(
                "not watching a process that has grown",
                metadata: [
                    "pid": "\(pid)", "reason": "\(reason.rawValue)", "details": "\(details)",
                ])
        }
    }
}

extension PythonThread {
    /// Says once that some programs are out of reach, and what to grant.
    private func tellOfRefusal() {
        let isFirst = shared.withLock { state in
            defer { state.isRefusalTold = true }
            return !state.isRefusalTold
        }
        guard isFirst else { return }
        logger.info(
            """
            of processes that this user may not read, Python ones are not watched: run the agent \
            as root, or grant it CAP_SYS_PTRACE
            """)
    }
}
