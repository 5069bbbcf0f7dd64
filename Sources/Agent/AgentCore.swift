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
final class AgentCore: StateOwner {
    let settings: AgentSettings
    let loop: any EventLoop
    let logger: Logger
    private let sampler: Sampler
    let hostSources: HostSources
    let facts: HostFacts
    private let images: ImageNumberKeeper
    let codec: FrameCodec
    let hello: HelloFrame

    var outbox: Outbox
    var rotation: CollectorRotation
    var random = SystemRandomNumberGenerator()
    var link: CollectorLink?
    var isWelcomed = false
    /// Whether the last report ended for want of room, so that more may be due than was told.
    var isReportCut = false
    var isStopped = false
    /// The number of the latest frame of the session.
    var sentSequence: UInt64?
    /// Whether the collector of the moment takes what it is told.
    var delivery = DeliveryWatch()
    var waitsSinceMilliseconds: Int64? { delivery.waitsSinceMilliseconds }
    var farewell: EventLoopPromise<Void>?

    /// The state directory; nil where it cannot be used.
    let stateFolder: StateFolder?
    var keeper: StateKeeper?
    var pastAgents: PastAgents?
    var teller: PastTeller?
    /// Watches Python programs; nil where none are watched.
    var python: PythonThread?
    private var skippedTicks: UInt64 = 0
    private var stretchedTicks: UInt64 = 0
    private var watch: SelfWatch
    private var budgetedMicroseconds: UInt64 = 0
    private var describedAtMilliseconds: Int64
    /// When the first look was.
    private(set) var firstLookAtMilliseconds: Int64 = 0
    private var reportDueMilliseconds: Int64 = 0

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
        stateFolder = try AgentCore.openState(settings.stateDirectory, logger)
        let boot = try facts.bootID()
        images = ImageNumberKeeper(
            file: stateFolder == nil
                ? nil : ImageNumberFile(in: settings.stateDirectory, boot: boot), loop: loop,
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
        outbox = Outbox(host: host, memoryLimitBytes: settings.memoryLimitBytes)
        rotation = CollectorRotation(
            count: settings.collectors.count, returnMilliseconds: settings.returnMilliseconds)
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
        if settings.python.policy == .off || !settings.root.isProcfs {
            host.restrictions.insert(.withoutPython)
        }
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
        startPython()
        look()
        beginState()
        connect()
        loop.scheduleTask(in: .seconds(AgentCore.settlingSeconds)) { OwnMemory.settle() }
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
        outbox.apply(snapshot, sections: hostSources.takeSections())
        python?.looked(snapshot)
        countUnwatchedPython()
        if firstLookAtMilliseconds == 0 { firstLookAtMilliseconds = begun }
        watchCost(lookMicroseconds: OwnProcessor.nowMicroseconds() &- begunMicroseconds, at: begun)
        // A look may come a moment early or late; half an interval is nearer to none other.
        if begun + watch.intervalMilliseconds / 2 >= reportDueMilliseconds {
            reportDueMilliseconds = begun + settings.reportIntervalMilliseconds
            report()
        }
        keeper?.looked(atMilliseconds: begun)
        scheduleLook(after: begun)
    }

    /// Keeps to the budget of processor time, and says how the agent is.
    private func watchCost(lookMicroseconds: UInt64, at now: Int64) {
        let used = OwnProcessor.usedMicroseconds()
        // Python programs are watched on a budget of their own.
        let budgeted = used &- min(used, python?.state.processorMicroseconds ?? 0)
        budgetedMicroseconds = max(budgetedMicroseconds, budgeted)
        let decision = watch.looked(
            microseconds: lookMicroseconds, processorMicroseconds: budgetedMicroseconds,
            atMilliseconds: now, processCount: outbox.liveCount)
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

    /// Plans the next look; what cannot be kept is left out and counted, never caught up.
    private func scheduleLook(after begun: Int64) {
        let interval = watch.intervalMilliseconds
        let schedule = LookSchedule(
            intervalMilliseconds: interval,
            wallMinusBootMilliseconds: BootClock.wallMinusBootMilliseconds())
        let now = BootClock.nowMilliseconds()
        let planned = schedule.next(after: begun)
        let next = planned > now ? planned : schedule.next(after: now)
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
}
