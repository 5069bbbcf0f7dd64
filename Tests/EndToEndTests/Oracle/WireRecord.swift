import MemoryModel
import Synchronization
import TestSupport
import Wire

/// What was seen to happen between agents and collectors.
enum Sighting: String, Hashable, Sendable, CaseIterable {
    case lostAcknowledgement = "an ACK that never arrived"
    case duplicateDelivery = "something sent again that was applied already"
    case repeatedSession = "a past session that was sent again as a whole"
    case failover = "a session with the second collector after one with the first"
    case failback = "a session with the first collector after one with the second"
    case replacedSession = "a session that another one replaced"
    case drainedSession = "a session that its collector drained"
    case reset = "peaks that an agent was told to forget"
    case fold = "runs that were folded"
    case repeatedFold = "a fold that was sent again"
    case gap = "a gap"
    case tornState = "a torn state file that an agent found"
    case stoppedAgent = "a session that its agent ended in order"
    case toldState = "ends that a state file kept and a later agent told"
    case toldFold = "a fold that a state file kept and a later agent told"
}

/// Reads along what agents and collectors tell each other, and keeps what was promised.
final class WireRecord: Sendable, ChaosObserver {
    /// Everything that one host said, in whichever session.
    struct Host: Sendable {
        var facts = ToldFacts()
        var wallMinusBootMilliseconds: Set<Int64> = []
        var acknowledged: [UniqueID: ToldFacts] = [:]
        fileprivate var stores: [UniqueID] = []
    }

    /// One session as far as it went.
    struct Session: Sendable {
        /// The connection's number.
        var connection = 0
        var host = ""
        var epoch: UInt64 = 0
        /// Whether it tells what an agent before left behind.
        var isPast = false
        var store: UniqueID?
        var isStateSent = false
        /// The last frame with data, and how far the collector acknowledged.
        var lastSequence: UInt64 = 0
        var acknowledgedSequence: UInt64?
        fileprivate var keys: [UInt32: ProcessKey] = [:]
        fileprivate var wallMinusBootMilliseconds: Int64 = 0
        fileprivate var waiting: [(sequence: UInt64, facts: [WireFact])] = []
        fileprivate var untoldAcknowledgements = 0

        /// Whether all that was sent is acknowledged.
        var isCalm: Bool {
            isStateSent && !isPast && (acknowledgedSequence ?? 0) >= lastSequence
        }
    }

    private struct State: ~Copyable {
        var decoder: FrameDecoder
        var sessions: [Int: Session] = [:]
        var hosts: [String: Host] = [:]
        var sightings: [Sighting: Int] = [:]
        var problems: [String] = []
    }

    private let state: Mutex<State>

    init() throws {
        state = Mutex(State(decoder: try FrameDecoder()))
    }

    /// What was seen how often.
    var sightings: [Sighting: Int] { state.withLock { $0.sightings } }

    /// What no session should say.
    var problems: [String] { state.withLock { $0.problems } }

    /// What a host said and was promised.
    func host(_ id: String) -> Host { state.withLock { $0.hosts[id] } ?? Host() }

    /// The sessions of a host that stand, past ones left out.
    func openSessions(of id: String) -> [Session] {
        state.withLock { state in
            state.sessions.values.filter { $0.host == id && !$0.isPast }
        }
    }

    /// Takes note of something that only the test itself knows.
    func note(_ sighting: Sighting) {
        state.withLock { $0.sightings[sighting, default: 0] += 1 }
    }

    // MARK: What the proxies tell

    func opened(connection: Int) {
        state.withLock { $0.sessions[connection] = Session(connection: connection) }
    }

    func closed(connection: Int) {
        state.withLock { state in
            guard let session = state.sessions.removeValue(forKey: connection) else { return }
            if session.untoldAcknowledgements > 0 {
                state.sightings[.lostAcknowledgement, default: 0] += 1
            }
        }
    }

    func sent(_ bytes: [UInt8], _ direction: ChaosDirection, connection: Int) {
        guard bytes != FrameEncoder.preface else { return }
        state.withLock { state in
            guard let decoded = WireRecord.decode(bytes, &state),
                var session = state.sessions[connection]
            else { return }
            switch direction {
            case .reports: WireRecord.take(decoded, into: &session, &state)
            case .answers: WireRecord.answer(decoded.frame, into: &session, &state)
            }
            state.sessions[connection] = session
        }
    }

    func delivered(_ bytes: [UInt8], _ direction: ChaosDirection, connection: Int) {
        guard direction == .answers, bytes.count > 2 else { return }
        state.withLock { state in
            switch FrameType(rawValue: bytes[2]) {
            case .acknowledgement: state.sessions[connection]?.untoldAcknowledgements = 0
            case .reset: state.sightings[.reset, default: 0] += 1
            default: break
            }
        }
    }

    private static func decode(_ bytes: [UInt8], _ state: inout State) -> DecodedFrame? {
        do {
            return try bytes.withUnsafeBytes { try state.decoder.decode($0, isWelcomed: true) }
        } catch {
            state.problems.append("a frame that cannot be read: \(error)")
            return nil
        }
    }

    // MARK: What agents say

    private static func take(
        _ decoded: DecodedFrame, into session: inout Session, _ state: inout State
    ) {
        if case .hello(let hello) = decoded.frame {
            session.host = String(decoding: hello.hostID.bytes, as: UTF8.self)
            session.epoch = hello.epoch
            session.isPast = hello.isPast
            return
        }
        if case .goodbye = decoded.frame { state.sightings[.stoppedAgent, default: 0] += 1 }
        guard decoded.frame.isData else { return }
        session.lastSequence = decoded.sequence
        let facts = facts(of: decoded.frame, in: &session, &state)
        for fact in facts { note(fact, of: session.host, &state) }
        if let store = session.store,
            let known = state.hosts[session.host]?.acknowledged[store],
            facts.contains(where: known.contains)
        {
            state.sightings[.duplicateDelivery, default: 0] += 1
        }
        session.waiting.append((decoded.sequence, facts))
    }

    private static func note(_ fact: WireFact, of host: String, _ state: inout State) {
        switch fact {
        case .fold(let name, _):
            state.sightings[.fold, default: 0] += 1
            if state.hosts[host]?.facts.folds[name] != nil {
                state.sightings[.repeatedFold, default: 0] += 1
            }
        case .gap: state.sightings[.gap, default: 0] += 1
        default: break
        }
        if let old = state.hosts[host, default: Host()].facts.take(fact) {
            state.problems.append("\(old) was sent again as \(fact)")
        }
    }

    private static func facts(
        of frame: Frame, in session: inout Session, _ state: inout State
    ) -> [WireFact] {
        func key(_ slot: UInt32) -> ProcessKey? {
            if session.keys[slot] == nil { state.problems.append("slot \(slot) is not defined") }
            return session.keys[slot]
        }
        switch frame {
        case .host(let host):
            session.wallMinusBootMilliseconds = host.wallMinusBootMilliseconds
            state.hosts[session.host, default: Host()].wallMinusBootMilliseconds.insert(
                host.wallMinusBootMilliseconds)
            return []
        case .define(let frame):
            for run in frame.runs { session.keys[run.slot] = run.key }
            return []
        case .stateEnd:
            session.isStateSent = true
            return []
        case .peaks(let frame):
            return frame.entries.compactMap { entry in
                guard let peak = entry.peak else { return nil }
                return key(entry.slot).map { .peak($0, peak) }
            }
        case .exit(let frame):
            let epoch = session.epoch
            return frame.entries.compactMap { entry in
                defer { session.keys[entry.slot] = nil }
                let name = entry.ordinal.map { FactName(epoch: epoch, ordinal: $0) }
                return key(entry.slot).map { .end($0, name) }
            }
        case .windows(let frame):
            let start = session.utcStart(frame.startsAtMilliseconds, frame.length)
            return frame.entries.compactMap { entry in
                key(entry.slot).map {
                    .window(
                        WindowName(key: $0, length: frame.length, startsAtMilliseconds: start),
                        entry.window)
                }
            }
        case .counters(let frame):
            if frame.values[.stateDamaged, default: 0] > 0 {
                state.sightings[.tornState, default: 0] += 1
            }
            return session.facts(of: frame)
        default: return session.facts(of: frame)
        }
    }

    // MARK: What collectors say

    private static func answer(
        _ frame: Frame, into session: inout Session, _ state: inout State
    ) {
        switch frame {
        case .welcome(let welcome):
            session.store = welcome.storeID
            noteStore(welcome.storeID, of: session.host, &state)
        case .acknowledgement(let acknowledgement):
            session.acknowledgedSequence = acknowledgement.sequence
            session.untoldAcknowledgements += 1
            guard let store = session.store else { return }
            for frame in session.waiting where frame.sequence <= acknowledgement.sequence {
                for fact in frame.facts {
                    if session.isPast { notePast(fact, &state) }
                    // What other copies say was judged when it was sent.
                    _ = state.hosts[session.host, default: Host()]
                        .acknowledged[store, default: ToldFacts()].take(fact)
                }
            }
            session.waiting.removeAll { $0.sequence <= acknowledgement.sequence }
        case .goodbye: state.sightings[.drainedSession, default: 0] += 1
        case .error(let error) where error.code == UInt64(ErrorCode.replaced.rawValue):
            state.sightings[.replacedSession, default: 0] += 1
        case .error(let error):
            let text = String(decoding: error.text.bytes, as: UTF8.self)
            state.problems.append("a collector ended a session: \(error.code) \(text)")
        default: break
        }
    }

    /// Takes note of what an agent told that had not seen it itself.
    private static func notePast(_ fact: WireFact, _ state: inout State) {
        switch fact {
        case .end: state.sightings[.toldState, default: 0] += 1
        case .fold: state.sightings[.toldFold, default: 0] += 1
        default: break
        }
    }

    /// Takes note of who speaks for a host now, by the order in which stores were met.
    private static func noteStore(_ store: UniqueID, of id: String, _ state: inout State) {
        let stores = state.hosts[id, default: Host()].stores
        if let last = stores.last, last != store {
            let isBack = stores.contains(store)
            state.sightings[isBack ? .failback : .failover, default: 0] += 1
        }
        if stores.last != store { state.hosts[id, default: Host()].stores.append(store) }
    }
}

extension WireRecord.Session {
    /// What a frame says that names no slots.
    fileprivate func facts(of frame: Frame) -> [WireFact] {
        switch frame {
        case .fold(let frame):
            frame.folds.map { .fold(FactName(epoch: epoch, ordinal: $0.ordinal), $0) }
        case .gap(let frame):
            frame.gaps.map { .gap(FactName(epoch: epoch, ordinal: $0.ordinal), $0) }
        case .totals(let frame): frame.entries.map(fact)
        case .covered(let frame): facts(of: frame)
        case .counters(let frame): facts(of: frame)
        default: []
        }
    }

    fileprivate func facts(of frame: CountersFrame) -> [WireFact] {
        frame.values.map { .counter(CounterName(epoch: epoch, reason: $0), $1) }
    }

    private func facts(of frame: CoveredFrame) -> [WireFact] {
        frame.entries.flatMap { entry in
            let start = utcStart(entry.startsAtMilliseconds, frame.length)
            let minutes = stride(
                from: start, to: start + frame.length.milliseconds,
                by: Int(WindowLength.minute.milliseconds))
            return minutes.map { WireFact.covered(minute: $0) }
        }
    }

    private func fact(of total: TotalEvent) -> WireFact {
        var peak = total.peak
        peak.atMilliseconds = peak.atMilliseconds.map { $0 + wallMinusBootMilliseconds }
        let hour = WindowLength.hour.start(of: peak.atMilliseconds ?? 0)
        return .total(TotalName(subject: total.subject, hourMilliseconds: hour), peak)
    }

    /// The whole minute or hour of UTC that is nearest.
    fileprivate func utcStart(_ bootTime: Int64, _ length: WindowLength) -> Int64 {
        length.start(of: bootTime + wallMinusBootMilliseconds + length.milliseconds / 2)
    }
}

extension Frame {
    /// Whether it is one of those that are acknowledged.
    fileprivate var isData: Bool { (0x10...0x1F).contains(typeByte) }
}
