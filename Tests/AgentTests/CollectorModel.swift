import Collector
import MemoryModel
import PeakStore
import TestSupport
import Testing
import Wire

/// A collector without sockets: real frames, the real session, the real fleet, a store in memory.
final class CollectorModel {
    let store: MemoryStore
    private var fleet = FleetState()
    private var session: ReceiverSession?
    private var sessionNumber: UInt64 = 0
    private var lastSequence: UInt64 = 0
    private let codec: FrameCodec
    private let settings: ReceiverSettings

    /// What the sessions said, by the number of their frame, since the last one began.
    private(set) var events: [(sequence: UInt64, event: SessionEvent)] = []
    /// The flags and faults of runs, as the sessions told them.
    private(set) var flags: [ProcessKey: RunFlags] = [:]
    private(set) var faults: [ProcessKey: FaultCounts] = [:]
    /// The sums by subject and hour, as the sessions told them.
    private(set) var totals: [TotalSubject: [Int64: TotalPeak]] = [:]
    /// Folds and the ordinals of ended runs; the first copy of each stays.
    private(set) var folds: [UInt64: Fold] = [:]
    private(set) var ordinals: [ProcessKey: UInt64] = [:]
    /// Runs that the agent says it dropped, by the ordinals of their gaps.
    private(set) var droppedCounts: [UInt64: UInt64] = [:]
    /// The largest payload that came in.
    private(set) var largestWireBytes = 0

    static let hostID = "web-1"
    static let boot = BootID(high: 1, low: 2)

    init(
        number: UInt64 = 1, maximumRuns: UInt32 = 65_536, credit: UInt64 = 64,
        maximumWireBytes: Int = WireLimits.maximumWireBytes
    ) throws {
        store = MemoryStore(storeID: StoreID(high: 0, low: number))
        codec = try FrameCodec()
        settings = ReceiverSettings(
            storeID: store.storeID, collectorVersion: "1", maximumRuns: maximumRuns,
            credit: credit, maximumWireBytes: maximumWireBytes)
    }

    var maximumRuns: UInt32 { settings.maximumRuns }
    var maximumWireBytes: Int { settings.maximumWireBytes }
    var credit: UInt64 { settings.credit }

    /// Begins a session and takes its HELLO.
    func open(atMilliseconds now: Int64) throws {
        events = []
        lastSequence = 0
        var session = ReceiverSession(acceptedAtMilliseconds: now, settings: settings)
        _ = session.prefaceReceived(matching: true, atMilliseconds: now)
        let hello = HelloFrame(
            lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0, epoch: 1,
            boot: CollectorModel.boot, hostID: RawText(CollectorModel.hostID), hostName: "web",
            agentVersion: "1")
        let actions = session.frameReceived(
            .hello(hello), sequence: 0, wireBytes: 60, atMilliseconds: now)
        self.session = consume session
        for case .accepted(let identity) in actions {
            sessionNumber += 1
            _ = fleet.sessionAccepted(
                SessionID(number: sessionNumber), host: identity.hostID, boot: identity.boot,
                epoch: identity.epoch, agentVersion: identity.agentVersion, nowMilliseconds: now)
        }
    }

    /// Ends the session.
    func close() {
        session = nil
        fleet.sessionClosed(SessionID(number: sessionNumber), host: host)
    }

    /// Forgets everything that is not in the store, as a restart does.
    func restart() throws {
        session = nil
        fleet = try FleetState(store: store)
    }

    private var host: HostID {
        guard let host = HostID(CollectorModel.hostID) else { preconditionFailure("a host id") }
        return host
    }

    /// Encodes, decodes and takes in a frame; any protocol error fails the test.
    func receive(
        _ frame: Frame, sequence: UInt64, atMilliseconds now: Int64, _ comment: Comment
    ) throws {
        let codec = codec
        var bytes: [UInt8] = []
        try codec.encode(frame, sequence: sequence, mayCompress: true) { bytes = Array($0) }
        largestWireBytes = max(largestWireBytes, bytes.count - 24)
        let decoded = try #require(
            try bytes.withUnsafeBytes { try codec.decode($0, isWelcomed: true) }, comment)
        let actions =
            session?.frameReceived(
                decoded.frame, sequence: sequence, wireBytes: bytes.count, atMilliseconds: now)
            ?? []
        lastSequence = sequence
        try #require(!actions.isEmpty, comment)
        for action in actions {
            guard case .apply(let event, _) = action else {
                Issue.record("the session answers \(action); \(comment)")
                return
            }
            events.append((sequence, event))
            note(event)
            let isCurrent = fleet.update(
                host, by: SessionID(number: sessionNumber), nowMilliseconds: now
            ) { $0.apply(event, nowMilliseconds: now) }
            #expect(isCurrent, comment)
        }
    }

    private func note(_ event: SessionEvent) {
        switch event {
        case .define(let runs):
            for run in runs { flags[run.key, default: []].formUnion(run.flags) }
        case .exits(let exits):
            for exit in exits {
                flags[exit.key, default: []].formUnion(exit.flags)
                #expect(exit.ordinal != nil)
                #expect(ordinals[exit.key] == nil || ordinals[exit.key] == exit.ordinal)
                ordinals[exit.key] = exit.ordinal
                if let faults = exit.faults { self.faults[exit.key] = faults }
            }
        case .folds(let folds):
            for fold in folds {
                #expect(self.folds[fold.ordinal] == nil || self.folds[fold.ordinal] == fold)
                self.folds[fold.ordinal] = fold
            }
        case .gaps(let gaps):
            for gap in gaps where gap.reason == .dropped {
                droppedCounts[gap.ordinal] = gap.missedCount
            }
        case .totals(let events):
            for event in events {
                let hour =
                    ((event.peak.atMilliseconds ?? 0) + TrueHost.wallMinusBootMilliseconds)
                    / 3_600_000
                let known = totals[event.subject]?[hour] ?? event.peak
                totals[event.subject, default: [:]][hour] = max(known, event.peak)
            }
        default: break
        }
    }

    /// Commits, and gives the acknowledgement that the session sends for it.
    func commit(atMilliseconds now: Int64) throws -> AcknowledgementFrame? {
        let (batch, pending) = fleet.takeBatch()
        try store.commit(batch)
        fleet.committed(pending)
        let actions =
            session?.committed(
                throughSequence: lastSequence, credit: settings.credit, atMilliseconds: now) ?? []
        for case .send(.acknowledgement(let frame), _) in actions { return frame }
        return nil
    }

    /// Everything that it knows of the runs: the fleet's ledger over the store.
    var known: [ProcessKey: RunRecord] {
        var known: [ProcessKey: RunRecord] = [:]
        for run in store.runs.values { known[run.record.key] = run.record }
        for record in fleet.hosts[host]?.ledger.runs.values ?? [] {
            known[record.key, default: record].merge(record, otherIsNewer: true)
        }
        return known
    }
}
