import Agent
import Logging
import MemoryModel
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Wire

/// An agent with a real outbox and real sessions, whose processes are simulated.
///
/// All of it runs on one event loop, which it shares with others. Its memory is bounded by its
/// processes and by `FleetSettings.maximumWaitingEnds`.
final class SimulatedAgent: CollectorLinkOwner {
    private let settings: FleetSettings
    private let clock: SimulatedClock
    private let loop: any EventLoop
    private let codec: FrameCodec
    private let figures: SharedFigures
    private let expected: ExpectedRuns?
    private let logger: Logger
    private let hello: HelloFrame
    /// When it looks, within each interval.
    private let phaseMilliseconds: Int64
    /// How long after the fleet it starts.
    private let delayMilliseconds: Int64
    /// An address of the loopback network, for its own; nil if there is none.
    private let ownAddress: SocketAddress?

    private var host: SimulatedHost
    private var outbox: Outbox
    private var rotation: CollectorRotation
    private var random = SystemRandomNumberGenerator()
    private var link: CollectorLink?
    private var counter = ByteCounter()
    private var isWelcomed = false
    private var isReportCut = false
    private var isKnown = false
    private var lastStateSequence: UInt64?
    private var inFlight: [(sequence: UInt64, atMicroseconds: Int64)] = []
    private var isLooking = true
    private var isStopped = false
    private var startedAtMilliseconds: Int64 = 0
    private var healthDueMilliseconds: Int64 = 0
    private var whenClosed: EventLoopPromise<Void>?

    private static let healthIntervalMilliseconds: Int64 = 60_000

    init(
        number: Int, id: HostID, settings: FleetSettings, clock: SimulatedClock,
        loop: any EventLoop, codec: FrameCodec, figures: SharedFigures, expected: ExpectedRuns?,
        logger: Logger
    ) {
        self.settings = settings
        self.clock = clock
        self.loop = loop
        self.codec = codec
        self.figures = figures
        self.expected = expected
        self.logger = logger
        let interval = settings.intervalMilliseconds
        phaseMilliseconds =
            settings.isAligned
            ? 0 : Int64(number - 1) * interval / Int64(settings.agentCount) % interval
        delayMilliseconds =
            Int64(number - 1) * Int64(settings.rampUpSeconds) * 1_000 / Int64(settings.agentCount)
        ownAddress = SimulatedAgent.loopbackAddress(of: number, logger)
        host = SimulatedHost(
            number: number, id: id, settings: settings,
            wallMinusBootMilliseconds: clock.wallMinusBootMilliseconds())
        outbox = Outbox(host: host.description)
        rotation = CollectorRotation(count: settings.collectors.count)
        hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0,
            epoch: random.next(), boot: host.boot, hostID: RawText(id.text),
            hostName: host.description.name, agentVersion: RawText("\(Version.text) memfleet"))
    }

    private static func loopbackAddress(of number: Int, _ logger: Logger) -> SocketAddress? {
        let (network, place) = (number / 62_500 + 1, number % 62_500)
        let text = "127.\(network).\(place / 250).\(place % 250 + 1)"
        do {
            return try SocketAddress(ipAddress: text, port: 0)
        } catch {
            logger.warning("no address of its own", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    /// Begins to look and to connect, within the first interval after its delay.
    func start() {
        let now = clock.milliseconds()
        let wait = clock.wait(forMilliseconds: nextLook(after: now) - now)
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(delayMilliseconds + wait)) {
            bound.value.beginLooking()
            bound.value.connect()
        }
    }

    // MARK: Looking

    private func nextLook(after now: Int64) -> Int64 {
        let interval = settings.intervalMilliseconds
        let wall = now + clock.wallMinusBootMilliseconds() - phaseMilliseconds
        return now + interval - wall % interval
    }

    private func beginLooking() {
        guard isLooking else { return }
        let now = clock.milliseconds()
        startedAtMilliseconds = now
        healthDueMilliseconds = now + 5_000
        outbox.apply(host.begin(processCount: settings.processCount, atMilliseconds: now))
        figures.withLockedValue { figures in
            figures.lookCount += 1
            figures.runCount += UInt64(host.processes.count)
        }
        scheduleLook(after: now)
    }

    private func look() {
        guard isLooking else { return }
        let now = clock.milliseconds()
        outbox.setWallMinusBoot(milliseconds: clock.wallMinusBootMilliseconds())
        let mayEnd =
            outbox.runCount < settings.processCount + FleetSettings.maximumWaitingEnds
        let snapshot = host.look(atMilliseconds: now, mayEnd: mayEnd)
        if let expected {
            for process in host.justEnded { expected.add(process, of: host, isEnded: true) }
        }
        outbox.apply(snapshot)
        setHealth(now)
        report()
        // Without credit a look merges into the next one, and costs the collector nothing.
        let isTold = isWelcomed && outbox.isStateSent && !isReportCut
        figures.withLockedValue { figures in
            figures.lookCount += 1
            if isTold { figures.processSampleCount += UInt64(settings.processCount) }
            if !mayEnd { figures.heldEndCount += 1 }
            figures.runCount += UInt64(snapshot.started.count + snapshot.completed.count)
        }
        scheduleLook(after: now)
    }

    private func setHealth(_ now: Int64) {
        guard now >= healthDueMilliseconds else { return }
        healthDueMilliseconds = now + SimulatedAgent.healthIntervalMilliseconds
        var health = AgentHealth(
            atMilliseconds: now, startedAtMilliseconds: startedAtMilliseconds)
        health.processorMilliseconds = UInt64(max(0, now - startedAtMilliseconds)) / 250
        health.residentBytes = 12 << 20
        health.anonymousBytes = 4 << 20
        health.peakBytes = 12 << 20
        health.askedIntervalMilliseconds = UInt32(settings.intervalMilliseconds)
        health.intervalMilliseconds = UInt32(settings.intervalMilliseconds)
        health.lookMicroseconds = UInt64(settings.processCount * 4)
        health.longestLookMicroseconds = UInt64(settings.processCount * 6)
        health.runCount = UInt64(outbox.runCount)
        health.sources = [.exitRecords, .processEvents, .batchedMarks, .cgroupVersion2]
        outbox.setHealth(health)
    }

    private func scheduleLook(after begun: Int64) {
        let interval = settings.intervalMilliseconds
        let now = clock.milliseconds()
        // A look that came a moment early must not be followed by another one at once.
        let planned = nextLook(after: begun + min(10, interval / 4))
        let next = planned > now ? planned : nextLook(after: now)
        if next > planned {
            figures.withLockedValue { figures in
                figures.missedLookCount += UInt64((next - planned) / interval)
            }
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let wait = clock.wait(forMilliseconds: next - now)
        loop.scheduleTask(in: .milliseconds(wait)) { bound.value.look() }
    }

    // MARK: Telling

    private func report() {
        guard let link, isWelcomed else { return }
        let before = counter.count
        let wasStateSent = outbox.isStateSent
        var sent: UInt64 = 0
        while link.hasRoom, let frame = outbox.nextFrame() {
            let sequence = link.send(frame)
            outbox.sent(sequence: sequence)
            if case .stateEnd = frame { lastStateSequence = sequence }
            inFlight.append((sequence, FleetClock.bootMicroseconds()))
            sent += 1
        }
        isReportCut = !link.hasRoom
        link.flush()
        let bytes = counter.count - before
        figures.withLockedValue { figures in
            figures.frameCount += sent
            figures.inFlightCount += Int(sent)
            figures.frameBytes += bytes
            if wasStateSent { figures.changeBytes += bytes }
        }
    }

    func linkAcknowledged(throughSequence sequence: UInt64) {
        outbox.acknowledged(throughSequence: sequence)
        let now = FleetClock.bootMicroseconds()
        let covered = inFlight.prefix { $0.sequence <= sequence }
        let becameKnown = !isKnown && lastStateSequence.map { $0 <= sequence } ?? false
        figures.withLockedValue { figures in
            if !covered.isEmpty { figures.acknowledgementCount += 1 }
            for frame in covered {
                let isState = !isKnown && frame.sequence <= lastStateSequence ?? .max
                figures.acknowledged(microseconds: now - frame.atMicroseconds, isState: isState)
            }
            if becameKnown { figures.known(atMilliseconds: now / 1_000) }
        }
        if becameKnown { isKnown = true }
        inFlight.removeFirst(covered.count)
        continueReport()
    }

    /// What was purged stays purged at the collector, whatever a simulated agent goes on telling.
    func linkReset(_ stretches: [TimeBracket]) {}

    func linkHasRoom() {
        continueReport()
    }

    private func continueReport() {
        if isReportCut || !outbox.isStateSent || !isLooking { report() }
    }

    // MARK: Sessions

    private var collector: CollectorAddress { settings.collectors[rotation.current] }

    /// On loopback each host comes from an address of its own, as it would over a network:
    /// collectors have limits for each address.
    private var bootstrap: ClientBootstrap {
        let bootstrap = ClientBootstrap(group: loop)
        guard collector.host.hasPrefix("127."), let ownAddress else { return bootstrap }
        return bootstrap.bind(to: ownAddress)
    }

    private func connect() {
        guard !isStopped, link == nil else { return }
        let link = CollectorLink(hello: hello, codec: codec, owner: self)
        self.link = link
        counter = ByteCounter()
        figures.withLockedValue { $0.attemptCount += 1 }
        let bound = NIOLoopBound((agent: self, link: link, counter: counter), eventLoop: loop)
        bootstrap
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (_, link, counter) = bound.value
                    try channel.pipeline.syncOperations.addHandlers([counter, link])
                }
            }
            .connect(host: collector.host, port: collector.port)
            .whenComplete { result in
                let (agent, link, _) = bound.value
                switch result {
                case .success:
                    agent.figures.withLockedValue {
                        $0.connected(atMilliseconds: FleetClock.bootMilliseconds())
                    }
                case .failure(let error):
                    guard agent.link === link else { return }
                    agent.linkClosed(
                        Disconnect(cause: .connectionLost),
                        reason: ConnectionFailure.phrase(of: error))
                }
            }
    }

    func linkWelcomed(_ welcome: WelcomeFrame) {
        let now = FleetClock.bootMilliseconds()
        isWelcomed = true
        rotation.welcomed(atMilliseconds: now, using: &random)
        figures.withLockedValue { $0.accepted(atMilliseconds: now) }
        outbox.sessionOpened(
            maximumRuns: UInt32(min(welcome.maximumRuns, UInt64(WireLimits.maximumSlots))),
            maximumWireBytes: Int(clamping: welcome.maximumWireBytes), storeID: welcome.storeID)
        report()
    }

    func linkClosed(_ disconnect: Disconnect) {
        linkClosed(disconnect, reason: nil)
    }

    private func linkClosed(_ disconnect: Disconnect, reason: String?) {
        let now = FleetClock.bootMilliseconds()
        let (wasWelcomed, wasKnown, lostCount) = (isWelcomed, isKnown, inFlight.count)
        link = nil
        outbox.sessionClosed()
        isWelcomed = false
        isKnown = false
        lastStateSequence = nil
        inFlight = []
        whenClosed?.succeed()
        guard !isStopped else { return }
        let words = reason ?? SimulatedAgent.phrase(of: disconnect.cause)
        figures.withLockedValue { figures in
            figures.inFlightCount -= lostCount
            if wasWelcomed { figures.lost(wasKnown: wasKnown, atMilliseconds: now) }
            figures.failed(words)
            if case .collectorError(let code, _) = disconnect.cause {
                figures.received(errorCode: code)
            }
        }
        let attempt = rotation.failed(disconnect, atMilliseconds: now, using: &random)
        let wait = max(0, attempt.atMilliseconds - now)
        logger.debug(
            wasWelcomed ? "lost the collector" : "cannot reach the collector",
            metadata: [
                "host": "\(host.id)", "reason": "\(words)", "retryMilliseconds": "\(wait)",
            ])
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(wait)) { bound.value.connect() }
    }

    private static func phrase(of cause: Disconnect.Cause) -> String {
        switch cause {
        case .stopped: "the fleet stops"
        case .connectionLost: "the connection was lost"
        case .failed(let error): error.reason
        case .collectorError(let code, _): "the collector says ERROR \(code)"
        case .collectorLeft: "the collector stops or restarts"
        }
    }

    // MARK: The end

    /// Looks no more, and tells all that is left.
    func stopLooking() {
        guard isLooking else { return }
        isLooking = false
        outbox.hurry(atMilliseconds: clock.milliseconds())
        report()
        guard let expected else { return }
        for process in host.processes { expected.add(process, of: host, isEnded: false) }
    }

    /// Whether its session stands and everything that it told is acknowledged.
    var isSettled: Bool { isKnown && inFlight.isEmpty && !isReportCut }

    /// Says good-bye; the future is done when the connection is closed.
    func stop() -> EventLoopFuture<Void> {
        isStopped = true
        let promise = loop.makePromise(of: Void.self)
        guard let link else {
            promise.succeed()
            return promise.futureResult
        }
        whenClosed = promise
        link.stop()
        return promise.futureResult
    }
}
