import Collector
import MemoryModel
import PeakStore
import Wire

/// The time of the tests, in UTC.
let testNow: Int64 = 1_700_000_100_000
/// What makes a UTC time of a boot time in the tests: the host is up for 100 seconds.
let wallMinusBoot: Int64 = 1_700_000_000_000

/// The id `text`, which follows the rules of host ids.
func hostID(_ text: String) -> HostID {
    guard let id = HostID(text) else { preconditionFailure("\(text) is no host id") }
    return id
}

/// The run of a process that is known by its pid alone.
func run(_ pid: Int32) -> ProcessKey { ProcessKey(pid: pid, startTicks: 100) }

extension HostDescription {
    static let sample = HostDescription(
        name: "web", kernelRelease: "6.18", memoryTotalBytes: 1 << 30, swapTotalBytes: 0,
        processorCount: 2, ticksPerSecond: 100, wallMinusBootMilliseconds: wallMinusBoot,
        intervalMilliseconds: 1_000, restrictions: [], labels: [])

    func with(_ change: (inout HostDescription) -> Void) -> HostDescription {
        var copy = self
        change(&copy)
        return copy
    }
}

extension SessionEvent {
    /// DEFINE of runs by pid, begun at a boot time if it is given.
    static func define(_ pids: [Int32], startedAtMilliseconds: Int64? = nil) -> SessionEvent {
        .define(
            pids.map {
                var description = RunDescription(program: "p", comm: "c")
                description.startedAtMilliseconds = startedAtMilliseconds
                return StartedRun(key: run($0), description: description)
            })
    }

    /// PEAKS of one run, reached at a boot time.
    static func peak(_ pid: Int32, bytes: UInt64, atMilliseconds: Int64 = 50_000) -> SessionEvent {
        let bracket = TimeBracket(
            notBeforeMilliseconds: atMilliseconds, notAfterMilliseconds: atMilliseconds)
        return .peaks([
            PeakEvent(
                key: run(pid), peak: Peak(bytes: bytes, bracket: bracket, source: .hwm),
                swapPeakBytes: nil)
        ])
    }

    /// SAMPLES of one tick at a boot time.
    static func sample(_ pid: Int32, bytes: UInt64, atMilliseconds: Int64) -> SessionEvent {
        let sample = SampleEvent(
            key: run(pid), resident: .bytes(bytes), swap: .unchanged, processorMilliseconds: nil)
        return .samples([
            TickEvent(atMilliseconds: atMilliseconds, availableBytes: nil, samples: [sample])
        ])
    }

    /// EXIT of one run at a boot time.
    static func exit(_ pid: Int32, atMilliseconds: Int64 = 60_000) -> SessionEvent {
        let bracket = TimeBracket(
            notBeforeMilliseconds: atMilliseconds, notAfterMilliseconds: atMilliseconds)
        return .exits([
            ExitEvent(
                key: run(pid), end: RunEnd(bracket: bracket, reason: .exited),
                processorMilliseconds: nil)
        ])
    }
}

extension Moment {
    /// The time of the tests, so much later.
    static func test(after milliseconds: Int64 = 0) -> Moment {
        Moment(
            utcMilliseconds: testNow + milliseconds,
            monotonicMilliseconds: 1_000_000 + milliseconds)
    }
}

extension SessionIdentity {
    /// An agent of a host.
    static func sample(
        _ host: String, bootNumber: UInt64 = 1, epoch: UInt64 = 1, isPast: Bool = false,
        isCommand: Bool = false
    ) -> SessionIdentity {
        SessionIdentity(
            hostID: CollectorTests.hostID(host), boot: BootID(high: 0, low: bootNumber),
            epoch: epoch,
            hostName: RawText(host), agentVersion: "1", isPast: isPast || isCommand,
            isCommand: isCommand)
    }
}

extension Fleet {
    /// A session of an agent that is not to be turned away.
    func open(
        _ agent: SessionIdentity, at now: Moment = .test(),
        tell: @escaping @Sendable (SessionCommand) -> Void = { _ in }
    ) -> SessionID {
        let admission = accept(
            agent, from: "10.0.0.1:4000", credit: limits.credit, at: now, tell: tell)
        guard case .accepted(let session) = admission else {
            preconditionFailure("\(agent.hostID) was turned away: \(admission)")
        }
        return session
    }
}

/// One host of a fleet, with sessions that come one after the other.
struct HostHarness {
    var fleet = FleetState()
    let id = hostID("web-1")
    private(set) var sessionNumber: UInt64 = 0

    /// A host with a session of its first boot that has said HOST.
    init() {
        open()
        apply(.host(.sample))
    }

    /// A host that a store gave back.
    init(store: any PeakStoring) throws {
        fleet = try FleetState(store: store)
    }

    var session: SessionID { SessionID(number: sessionNumber) }

    /// Begins another session.
    @discardableResult
    mutating func open(
        bootNumber: UInt64 = 1, epoch: UInt64 = 1, atMilliseconds now: Int64 = testNow
    ) -> SessionID? {
        sessionNumber += 1
        return fleet.sessionAccepted(
            session, host: id, boot: BootID(high: 0, low: bootNumber), epoch: epoch,
            agentVersion: "1", nowMilliseconds: now)
    }

    mutating func apply(_ event: SessionEvent, atMilliseconds now: Int64 = testNow) {
        let isCurrent = fleet.update(id, by: session, nowMilliseconds: now) {
            $0.apply(event, nowMilliseconds: now)
        }
        precondition(isCurrent, "the newest session speaks for its host")
    }

    subscript(pid: Int32) -> RunRecord? { fleet.hosts[id]?.ledger[run(pid)] }

    /// Commits to `store`.
    mutating func commit(to store: any PeakStoring) throws {
        let (batch, pending) = fleet.takeBatch()
        try store.commit(batch)
        fleet.committed(pending)
    }
}
