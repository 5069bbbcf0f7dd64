import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import Wire

/// The agent's loop: look at all processes, keep what changed, tell it to a collector.
///
/// Everything runs on one event loop. Looking never waits for the network or the disk, and
/// whatever cannot be told now merges in the outbox.
final class AgentCore: CollectorLinkOwner {
    private let settings: AgentSettings
    private let loop: any EventLoop
    private let logger: Logger
    private let sampler: Sampler
    private let hostSources: HostSources
    private let facts: HostFacts
    private let images: ImageNumberKeeper
    private let codec: FrameCodec
    private let hello: HelloFrame

    private var outbox: Outbox
    private var rotation: CollectorRotation
    private var random = SystemRandomNumberGenerator()
    private var link: CollectorLink?
    private var isWelcomed = false
    /// Whether the last report ended for want of room, so that more may be due than was told.
    private var isReportCut = false
    private var isStopped = false
    private var skippedTicks: UInt64 = 0
    private var stretchedTicks: UInt64 = 0
    private var watch: SelfWatch
    private var describedAtMilliseconds: Int64
    private var reportDueMilliseconds: Int64 = 0
    private var whenClosed: EventLoopPromise<Void>?

    /// How long a start takes, with time to spare: until then code runs that never runs again.
    private static let settlingSeconds: Int64 = 20
    /// How often the host itself is looked at again.
    private static let descriptionIntervalMilliseconds: Int64 = 60_000

    /// Opens the tree of processes; throws if it cannot be sampled, or if the host has no name.
    init(settings: AgentSettings, loop: any EventLoop, logger: Logger) throws {
        self.settings = settings
        self.loop = loop
        self.logger = logger
        facts = try HostFacts(root: settings.root)
        // First of all, because it says best what is wrong with a tree.
        sampler = try Sampler(root: settings.root, policy: settings.commandLine)
        hostSources = HostSources(for: sampler, settings)
        let boot = try facts.bootID()
        images = ImageNumberKeeper(
            file: ImageNumberFile(in: settings.stateDirectory, boot: boot), loop: loop,
            logger: logger)
        sampler.images = images.numbers
        codec = try FrameCodec()
        let host = try AgentCore.describe(
            facts, settings, hostSources, settings.intervalMilliseconds)
        hostSources.watchMemory(
            by: sampler, cgroupRoot: settings.cgroupRoot, hostMemoryBytes: host.memoryTotalBytes)
        describedAtMilliseconds = BootClock.nowMilliseconds()
        watch = SelfWatch(
            askedMilliseconds: settings.intervalMilliseconds, budget: settings.processorBudget,
            startedAtMilliseconds: describedAtMilliseconds)
        outbox = Outbox(host: host)
        rotation = CollectorRotation(count: settings.collectors.count)
        let hostID =
            try settings.hostID ?? facts.machineID()
            ?? settings.stateDirectory.hostID(using: &random)
        hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0,
            epoch: random.next(), boot: boot, hostID: RawText(hostID.text),
            hostName: host.name, agentVersion: RawText(Version.text))
        logger.notice(
            "sampling",
            metadata: [
                "host": "\(hostID)",
                "collectors": "\(settings.collectors.map(\.description).joined(separator: ","))",
                "interval": "\(settings.intervalMilliseconds) ms",
            ])
        warnOfRestrictions(host.restrictions)
        hostSources.warn(logger)
    }

    private static func describe(
        _ facts: HostFacts, _ settings: AgentSettings, _ sources: HostSources,
        _ intervalMilliseconds: Int64
    ) throws -> HostDescription {
        var host = try facts.description(
            name: settings.hostName,
            intervalMilliseconds: UInt32(clamping: intervalMilliseconds),
            labels: settings.labels)
        host.restrictions.formUnion(sources.restrictions)
        return host
    }

    private func warnOfRestrictions(_ restrictions: ViewRestrictions) {
        if restrictions.contains(.hiddenProcesses) {
            logger.warning(
                "/proc hides other users' processes (hidepid): run as root, or in its group")
        }
        if restrictions.contains(.pidNamespace) {
            logger.warning(
                """
                only this container's processes are seen: run with the host's pid namespace, or \
                mount its procfs and name it with --procfs
                """)
        }
    }

    /// Begins to look and to connect.
    func start() {
        look()
        connect()
        loop.scheduleTask(in: .seconds(AgentCore.settlingSeconds)) { OwnMemory.settle() }
    }

    /// Tells what is left, says good-bye; the future is done when the connection is closed.
    func stop() -> EventLoopFuture<Void> {
        isStopped = true
        hostSources.stop()
        let promise = loop.makePromise(of: Void.self)
        guard let link else {
            promise.succeed()
            return promise.futureResult
        }
        whenClosed = promise
        outbox.hurry(atMilliseconds: BootClock.nowMilliseconds())
        report()
        link.stop()
        return promise.futureResult
    }

    // MARK: Looking

    private func look() {
        guard !isStopped else { return }
        let begun = BootClock.nowMilliseconds()
        let begunMicroseconds = OwnProcessor.nowMicroseconds()
        refreshHost(begun)
        var snapshot = sampler.sample(atMilliseconds: begun)
        snapshot.counters.skippedTicks = skippedTicks
        snapshot.counters.stretchedTicks = stretchedTicks
        images.apply(snapshot)
        outbox.apply(snapshot)
        watchCost(lookMicroseconds: OwnProcessor.nowMicroseconds() &- begunMicroseconds, at: begun)
        // A look may come a moment early or late; half an interval is nearer to none other.
        if begun + watch.intervalMilliseconds / 2 >= reportDueMilliseconds {
            reportDueMilliseconds = begun + settings.reportIntervalMilliseconds
            report()
        }
        scheduleLook(after: begun)
    }

    /// Keeps to the budget of processor time, and says how the agent is.
    private func watchCost(lookMicroseconds: UInt64, at now: Int64) {
        let used = OwnProcessor.usedMicroseconds()
        let decision = watch.looked(
            microseconds: lookMicroseconds, processorMicroseconds: used, atMilliseconds: now,
            processCount: outbox.liveCount)
        if let decision {
            describeHost(now)
            log(decision)
        }
        guard watch.isHealthDue(atMilliseconds: now, sources: hostSources.working) else { return }
        outbox.setHealth(
            watch.health(
                atMilliseconds: now, memory: OwnMemory.read(), processorMicroseconds: used,
                runCount: outbox.runCount, sources: hostSources.working))
    }

    private func log(_ decision: CostBudget.Decision) {
        logger.log(
            level: decision.isLonger ? .warning : .notice,
            decision.isLonger
                ? "looking less often, to keep to the CPU budget (--cpu-budget)"
                : "looking more often again",
            metadata: [
                "used": "\(ProcessorBudget.text(share: decision.usedShare))",
                "allowed": "\(ProcessorBudget.text(share: decision.allowedShare))",
                "interval": "\(decision.intervalMilliseconds) ms",
                "asked": "\(settings.intervalMilliseconds) ms",
            ])
    }

    /// Plans the next look at the next whole interval of the wall clock, so that one look falls
    /// on each minute's edge; what cannot be kept is left out and counted, never caught up.
    private func scheduleLook(after begun: Int64) {
        let interval = watch.intervalMilliseconds
        let offset = BootClock.wallMinusBootMilliseconds() % interval
        func nextEdge(after time: Int64) -> Int64 {
            time + interval - (time + offset) % interval
        }
        let now = BootClock.nowMilliseconds()
        let planned = nextEdge(after: begun)
        let next = planned > now ? planned : nextEdge(after: now)
        if next > planned { skippedTicks += UInt64((next - planned) / interval) }
        stretchedTicks += watch.leftOutLooks(from: begun, to: planned)
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(next - now)) { bound.value.look() }
    }

    private func refreshHost(_ now: Int64) {
        let isDue = now - describedAtMilliseconds >= AgentCore.descriptionIntervalMilliseconds
        guard isDue else {
            outbox.setWallMinusBoot(milliseconds: BootClock.wallMinusBootMilliseconds())
            return
        }
        describeHost(now)
    }

    private func describeHost(_ now: Int64) {
        describedAtMilliseconds = now
        do {
            outbox.setHost(
                try AgentCore.describe(facts, settings, hostSources, watch.intervalMilliseconds))
        } catch {
            logger.warning("cannot look at the host itself", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Telling

    private func report() {
        guard let link, isWelcomed else { return }
        while link.hasRoom, let frame = outbox.nextFrame() {
            outbox.sent(sequence: link.send(frame))
        }
        isReportCut = !link.hasRoom
        link.flush()
    }

    private var collector: CollectorAddress { settings.collectors[rotation.current] }

    private func connect() {
        guard !isStopped, link == nil else { return }
        let link = CollectorLink(hello: hello, codec: codec, owner: self)
        self.link = link
        let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(.seconds(5))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value.link)
                }
            }
            .connect(host: collector.host, port: collector.port)
            .whenFailure { error in
                let (core, link) = bound.value
                guard core.link === link else { return }
                core.connectionFailed(ConnectionFailure.phrase(of: error))
            }
    }

    private func connectionFailed(_ reason: String) {
        linkClosed(Disconnect(cause: .connectionLost), reason: reason)
    }

    func linkWelcomed(_ welcome: WelcomeFrame) {
        isWelcomed = true
        rotation.welcomed(atMilliseconds: BootClock.nowMilliseconds(), using: &random)
        logger.info(
            "connected to the collector",
            metadata: ["collector": "\(collector)", "store": "\(welcome.storeID)"])
        outbox.sessionOpened(
            maximumRuns: UInt32(min(welcome.maximumRuns, UInt64(WireLimits.maximumSlots))),
            maximumWireBytes: Int(clamping: welcome.maximumWireBytes))
        report()
        scheduleReturn()
    }

    func linkAcknowledged(throughSequence sequence: UInt64) {
        outbox.acknowledged(throughSequence: sequence)
        continueReport()
    }

    func linkReset(_ stretches: [TimeBracket]) {}

    func linkHasRoom() {
        continueReport()
    }

    /// Uses room as soon as there is some, with the full state under way or a report cut short:
    /// the next look may be long in coming, and ends are told last.
    private func continueReport() {
        if isReportCut || !outbox.isStateSent { report() }
    }

    func linkClosed(_ disconnect: Disconnect) {
        linkClosed(disconnect, reason: nil)
    }

    private func linkClosed(_ disconnect: Disconnect, reason: String?) {
        link = nil
        outbox.sessionClosed()
        let wasWelcomed = isWelcomed
        isWelcomed = false
        whenClosed?.succeed()
        guard !isStopped else { return }
        let now = BootClock.nowMilliseconds()
        let lost = collector
        let attempt = rotation.failed(disconnect, atMilliseconds: now, using: &random)
        let wait = max(0, attempt.atMilliseconds - now)
        logger.warning(
            wasWelcomed ? "lost the collector" : "cannot reach the collector",
            metadata: [
                "collector": "\(lost)", "reason": "\(reason ?? disconnect.phrase)",
                "next": "\(collector)", "retryMilliseconds": "\(wait)",
            ])
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(wait)) { bound.value.connect() }
    }

    /// Goes back to the preferred collector when its time has come.
    private func scheduleReturn() {
        guard let at = rotation.returnAtMilliseconds, let link else { return }
        let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
        let wait = max(0, at - BootClock.nowMilliseconds())
        loop.scheduleTask(in: .milliseconds(wait)) {
            let (core, link) = bound.value
            guard core.link === link, !core.isStopped else { return }
            core.logger.info("going back to the preferred collector")
            core.rotation.returned()
            core.leave(link)
            core.connect()
        }
    }

    /// Ends a session in order, without taking it for a failure.
    private func leave(_ link: CollectorLink) {
        outbox.hurry(atMilliseconds: BootClock.nowMilliseconds())
        report()
        self.link = nil
        isWelcomed = false
        outbox.sessionClosed()
        link.leave()
    }
}

extension Disconnect {
    /// Why a session ended, for a log line.
    fileprivate var phrase: String {
        switch cause {
        case .stopped: "the agent stops"
        case .connectionLost: "the connection was lost"
        case .failed(let error): error.reason
        case .collectorError(let code, let text):
            "the collector says: \(String(decoding: text.bytes, as: UTF8.self)) (error \(code))"
        case .collectorLeft: "the collector stops or restarts"
        }
    }
}
