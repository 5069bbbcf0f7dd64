package import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import Synchronization
import Wire

/// Whom a command is told to, and as whose.
package struct CommandTellerSettings: Sendable {
    /// The collectors, the preferred one first; at least one.
    package var collectors: [CollectorAddress]
    /// The host id; nil for the machine's own.
    package var hostID: HostID?
    /// What the host is labelled with where only commands tell of it.
    package var labels: [HostLabel]
    /// How often the command is looked at.
    package var intervalMilliseconds: Int64
    /// What of the names of Python programs' files and functions a collector is told.
    package var pythonNames: PythonNamePolicy

    /// Takes the parts as they are.
    package init(
        collectors: [CollectorAddress], hostID: HostID? = nil, labels: [HostLabel] = [],
        intervalMilliseconds: Int64 = 100, pythonNames: PythonNamePolicy = .base
    ) {
        self.pythonNames = pythonNames
        self.collectors = collectors
        self.hostID = hostID
        self.labels = labels
        self.intervalMilliseconds = intervalMilliseconds
    }
}

/// Why a command cannot be told of at all.
package struct CommandTellerProblem: Error, CustomStringConvertible {
    /// What is wrong and what to do.
    package let description: String
}

/// Tells a collector of a command while it runs, in a session beside that of the host's agent.
///
/// It has a thread of its own, so that neither the command nor the looks at it wait for a network.
package final class CommandTeller: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop
    private let session: NIOLoopBound<CommandSession>
    private let pythonNames: PythonNamePolicy

    /// Begins to connect; throws where it is not known what to tell of this host.
    package init(_ settings: CommandTellerSettings) throws {
        let facts = try HostFacts(root: ProcRoot())
        guard let hostID = settings.hostID ?? facts.machineID() else {
            throw CommandTellerProblem(
                description: "this host has no machine id: name it with --host-id")
        }
        var host = try facts.description(
            intervalMilliseconds: UInt32(clamping: settings.intervalMilliseconds),
            labels: settings.labels)
        host.restrictions.insert(.commandsOnly)
        pythonNames = settings.pythonNames
        var random = SystemRandomNumberGenerator()
        let hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0,
            epoch: random.next(), boot: try facts.bootID(), hostID: RawText(hostID.text),
            hostName: host.name, agentVersion: RawText(Version.text)
        ).asCommand
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
        let (loop, described) = (loop, host)
        session = try loop.submit {
            let session = CommandSession(
                settings.collectors, hello: hello, host: described, codec: try FrameCodec(),
                loop: loop)
            session.connect()
            return NIOLoopBound(session, eventLoop: loop)
        }.wait()
    }

    /// Tells what is known of runs by now, and kills among them.
    package func tell(
        _ records: [RunRecord], _ kills: [OutOfMemoryKill], atMilliseconds now: Int64
    ) {
        loop.execute { [session] in session.value.tell(records, kills, atMilliseconds: now) }
    }

    /// Tells which lines of a run's program ran while it grew, with names as they may leave the
    /// host; the run itself was told before.
    func tell(_ growth: PythonGrowth, of run: ProcessKey) {
        let leaving = growth.leaving(pythonNames)
        loop.execute { [session] in session.value.tell(leaving, of: run) }
    }

    /// Waits for the collector to have everything, but not for long, and says how far it has come.
    ///
    /// Meanwhile it calls `isInterrupted` again and again, which may take some milliseconds; once
    /// that says so, nothing is waited for any more.
    package func finish(isInterrupted: () -> Bool) -> CommandDelivery {
        let outcome = Outcome()
        loop.flatSubmit { [session] in session.value.finish() }
            .whenComplete { result in outcome.result.withLock { $0 = result } }
        do {
            while true {
                if let result = outcome.result.withLock({ $0 }) {
                    try group.syncShutdownGracefully()
                    return try result.get()
                }
                if isInterrupted() { loop.execute { [session] in session.value.giveUp() } }
            }
        } catch {
            return CommandDelivery(
                collector: "the collector", runCount: 0, outcome: .untold("\(error)"))
        }
    }

    /// How far it came, once that is known.
    private final class Outcome: Sendable {
        let result = Mutex<Result<CommandDelivery, any Error>?>(nil)
    }
}

/// The session of a command, on its event loop.
private final class CommandSession: CollectorLinkOwner {
    private let collectors: [CollectorAddress]
    private let hello: HelloFrame
    private let codec: FrameCodec
    private let loop: any EventLoop
    private var outbox: CommandOutbox
    private var rotation: CollectorRotation
    private var random = SystemRandomNumberGenerator()
    private var link: CollectorLink?
    private var isWelcomed = false
    private var problem: String?
    /// Whether there is no need to tell anything, because the agent of this host does.
    private var isToldByAgent = false
    private var isOver = false
    private var farewell: EventLoopPromise<CommandDelivery>?

    /// So long a command that has ended waits for a collector that takes what it is told.
    private static let patience = TimeAmount.seconds(10)
    /// So long it waits for one that cannot be reached.
    private static let patienceWithoutCollector = TimeAmount.seconds(2)
    /// How soon it tries again then.
    private static let lastTries = TimeAmount.milliseconds(200)
    /// How soon it asks again whether the agent of this host still tells.
    private static let agentInterval = TimeAmount.seconds(30)

    init(
        _ collectors: [CollectorAddress], hello: HelloFrame, host: HostDescription,
        codec: FrameCodec, loop: any EventLoop
    ) {
        self.collectors = collectors
        self.hello = hello
        self.codec = codec
        self.loop = loop
        outbox = CommandOutbox(host: host)
        rotation = CollectorRotation(count: collectors.count)
    }

    private var collector: CollectorAddress { collectors[rotation.current] }

    func connect() {
        guard !isOver, link == nil else { return }
        let link = CollectorLink(hello: hello, codec: codec, owner: self)
        self.link = link
        let bound = NIOLoopBound((session: self, link: link), eventLoop: loop)
        link.connect(to: collector, on: loop) { reason in
            let (session, link) = bound.value
            guard session.link === link else { return }
            session.closed(Disconnect(cause: .connectionLost), reason)
        }
    }

    func tell(_ records: [RunRecord], _ kills: [OutOfMemoryKill], atMilliseconds now: Int64) {
        outbox.take(records, kills, atMilliseconds: now)
        report()
    }

    func tell(_ growth: PythonGrowth, of run: ProcessKey) {
        outbox.take(growth, of: run)
        report()
    }

    private func report() {
        guard let link, isWelcomed else { return }
        while link.hasRoom, let frame = outbox.nextFrame() {
            outbox.sent(sequence: link.send(frame))
        }
        link.flush()
        if outbox.isTold { farewell.map(complete) }
    }

    // MARK: The link

    func linkWelcomed(_ welcome: WelcomeFrame) {
        isWelcomed = true
        isToldByAgent = false
        problem = nil
        rotation.welcomed(atMilliseconds: BootClock.nowMilliseconds(), using: &random)
        outbox.sessionOpened(
            maximumRuns: UInt32(min(welcome.maximumRuns, UInt64(WireLimits.maximumSlots))),
            maximumWireBytes: Int(clamping: welcome.maximumWireBytes))
        report()
    }

    func linkAcknowledged(throughSequence sequence: UInt64) {
        outbox.acknowledged(throughSequence: sequence)
        report()
    }

    func linkReset(_ stretches: [TimeBracket]) {
        // The collector itself takes nothing that was purged.
    }

    func linkHasRoom() { report() }

    func linkClosed(_ disconnect: Disconnect) { closed(disconnect, nil) }

    private func closed(_ disconnect: Disconnect, _ reason: String?) {
        link = nil
        isWelcomed = false
        outbox.sessionClosed()
        guard !isOver else { return }
        if case .collectorError(let code, _) = disconnect.cause,
            code == UInt64(ErrorCode.toldByAgent.rawValue)
        {
            // It may go away while the command runs; at the end it is asked once more.
            isToldByAgent = true
            farewell.map(complete)
            return connect(in: CommandSession.agentInterval)
        }
        isToldByAgent = false
        problem = "\(collector): \(reason ?? disconnect.phrase)"
        let now = BootClock.nowMilliseconds()
        let attempt = rotation.failed(disconnect, atMilliseconds: now, using: &random)
        connect(
            in: farewell == nil
                ? .milliseconds(max(0, attempt.atMilliseconds - now)) : CommandSession.lastTries)
    }

    private func connect(in time: TimeAmount) {
        guard !isOver else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: time) { bound.value.connect() }
    }

    // MARK: The end

    func finish() -> EventLoopFuture<CommandDelivery> {
        let promise = loop.makePromise(of: CommandDelivery.self)
        farewell = promise
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: CommandSession.patienceWithoutCollector) {
            if !bound.value.isWelcomed { bound.value.complete(promise) }
        }
        loop.scheduleTask(in: CommandSession.patience) { bound.value.complete(promise) }
        if outbox.isTold { complete(promise) }
        connect()
        report()
        return promise.futureResult
    }

    /// Waits no longer.
    func giveUp() { farewell.map(complete) }

    private func complete(_ promise: EventLoopPromise<CommandDelivery>) {
        guard !isOver else { return }
        isOver = true
        let outcome: CommandDelivery.Outcome =
            isToldByAgent
            ? .toldByAgent
            : outbox.isTold
                ? .told
                : .untold(problem ?? "\(collector): it has not acknowledged everything in time")
        let delivery = CommandDelivery(
            collector: collector.description, runCount: outbox.runCount, outcome: outcome)
        link?.leave()
        link = nil
        promise.succeed(delivery)
    }
}
