import Logging
import MemoryModel
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ServiceLifecycle
import Wire

/// What came of a simulated fleet.
struct FleetOutcome: Sendable {
    var figures: FleetFigures
    /// From the first look to the last one.
    var lookingMilliseconds: Int64
    /// Agents whose session stood at the end, with all acknowledged that they told.
    var settledCount: Int
    /// What the fleet itself used of the processor.
    var processorMilliseconds: Int64
}

/// A simulated fleet as a service: runs for its time or until it is told to stop, then waits for
/// the last acknowledgements.
final class FleetService: Service {
    private let settings: FleetSettings
    private let expected: ExpectedRuns?
    private let logger: Logger
    private let result = NIOLockedValueBox<FleetOutcome?>(nil)

    /// How long the last acknowledgements may take.
    private static let settlingSeconds: Int64 = 30
    private static let hurriedSettlingSeconds: Int64 = 10
    private static let farewellSeconds: Int64 = 5

    init(settings: FleetSettings, expected: ExpectedRuns?, logger: Logger) {
        self.settings = settings
        self.expected = expected
        self.logger = logger
    }

    /// What came of it; nil before it ended.
    var outcome: FleetOutcome? { result.withLockedValue { $0 } }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.threadCount)
        do {
            try await run(on: group)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on group: MultiThreadedEventLoopGroup) async throws {
        let began = FleetClock.bootMilliseconds()
        let figures = SharedFigures(
            FleetFigures(agentCount: settings.agentCount, beginningAtMilliseconds: began))
        let clock = SimulatedClock(
            spanMilliseconds: settings.spanMilliseconds, seconds: settings.seconds)
        let loops = Array(group.makeIterator())
        var parts: [FleetPart] = []
        for (index, loop) in loops.enumerated() {
            parts.append(try await start(every: loops.count, from: index, on: loop, clock, figures))
        }
        await observe(figures)
        let looking = FleetClock.bootMilliseconds() - began
        for part in parts { try await part.each { $0.stopLooking() } }
        let settled = try await settle(parts)
        result.withLockedValue {
            $0 = FleetOutcome(
                figures: figures.withLockedValue { $0 }, lookingMilliseconds: looking,
                settledCount: settled,
                processorMilliseconds: FleetClock.processorMilliseconds())
        }
        try await leave(parts)
    }

    /// Makes one thread's share of the agents.
    private func start(
        every step: Int, from first: Int, on loop: any EventLoop, _ clock: SimulatedClock,
        _ figures: SharedFigures
    ) async throws -> FleetPart {
        try await loop.submit { [settings, expected, logger] in
            let codec = try FrameCodec()
            var agents: [SimulatedAgent] = []
            for number in stride(from: first + 1, through: settings.agentCount, by: step) {
                let digits = String(number)
                let padding = String(repeating: "0", count: max(0, 5 - digits.count))
                guard let id = HostID("fleet-\(padding)\(digits)") else { continue }
                agents.append(
                    SimulatedAgent(
                        number: number, id: id, settings: settings, clock: clock, loop: loop,
                        codec: codec, figures: figures, expected: expected, logger: logger))
            }
            for agent in agents { agent.start() }
            return FleetPart(agents: NIOLoopBound(agents, eventLoop: loop), loop: loop)
        }.get()
    }

    /// Shows a line each second until the time is over or it is told to stop.
    private func observe(_ figures: SharedFigures) async {
        await cancelWhenGracefulShutdown { [settings] in
            var progress = FleetProgress(settings: settings)
            progress.begin()
            let began = ContinuousClock.now
            for second in 1...settings.seconds {
                do {
                    try await Task.sleep(until: began + .seconds(second), clock: .continuous)
                } catch {
                    break
                }
                let now = figures.withLockedValue { figures in
                    let copy = figures
                    figures.recentLatencies = LatencyHistogram()
                    if second == settings.warmUpSeconds { figures.endWarmUp() }
                    return copy
                }
                progress.show(now, second: second, isLastOfWarmUp: second == settings.warmUpSeconds)
            }
            progress.end()
        }
    }

    /// Waits until all that was told is acknowledged, but not for ever; gives how many agents
    /// have their session and nothing left to tell.
    private func settle(_ parts: [FleetPart]) async throws -> Int {
        // Whoever interrupts it waits at the terminal.
        let isHurried = Task.isShuttingDownGracefully
        let seconds =
            isHurried ? FleetService.hurriedSettlingSeconds : FleetService.settlingSeconds
        let end = FleetClock.bootMilliseconds() + seconds * 1_000
        while true {
            var settled = 0
            for part in parts { settled += try await part.count { $0.isSettled } }
            let isOver = FleetClock.bootMilliseconds() >= end
            if settled == settings.agentCount || isOver { return settled }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func leave(_ parts: [FleetPart]) async throws {
        for part in parts { try await part.leave(withinSeconds: FleetService.farewellSeconds) }
    }
}

/// The agents of one thread.
struct FleetPart: Sendable {
    let agents: NIOLoopBound<[SimulatedAgent]>
    let loop: any EventLoop

    /// Does something with each agent, on its thread.
    func each(_ body: @escaping @Sendable (SimulatedAgent) -> Void) async throws {
        try await loop.submit { agents.value.forEach(body) }.get()
    }

    /// How many agents are so.
    func count(_ isSo: @escaping @Sendable (SimulatedAgent) -> Bool) async throws -> Int {
        try await loop.submit { agents.value.count(where: isSo) }.get()
    }

    /// Lets each agent say good-bye.
    func leave(withinSeconds seconds: Int64) async throws {
        try await loop.flatSubmit {
            let patience = loop.makePromise(of: Void.self)
            let timeout = loop.scheduleTask(in: .seconds(seconds)) { patience.succeed() }
            EventLoopFuture.andAllComplete(agents.value.map { $0.stop() }, on: loop)
                .whenComplete { _ in
                    timeout.cancel()
                    patience.succeed()
                }
            return patience.futureResult
        }.get()
    }
}
