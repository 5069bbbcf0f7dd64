import MemoryModel
import Synchronization
import TestSupport
import Wire

/// What one frame says that lasts.
enum WireFact: Hashable, Sendable {
    case peak(ProcessKey, Peak)
    case end(ProcessKey, ordinal: UInt64?)
    case fold(FactName, Fold)
    case gap(FactName, Gap)
}

/// The name of a fold or a gap within its host.
struct FactName: Hashable, Sendable {
    var epoch: UInt64
    var ordinal: UInt64
}

/// What was acknowledged to one host by one store, whether or not the host was told.
struct AcknowledgedFacts: Sendable {
    var peaks: [ProcessKey: Set<Peak>] = [:]
    var ends: Set<ProcessKey> = []
    var folds: [FactName: Fold] = [:]
    var gaps: [FactName: Gap] = [:]
    fileprivate var all: Set<WireFact> = []

    fileprivate mutating func take(_ fact: WireFact) {
        all.insert(fact)
        switch fact {
        case .peak(let key, let peak): peaks[key, default: []].insert(peak)
        case .end(let key, _): ends.insert(key)
        case .fold(let name, let fold): folds[name] = fold
        case .gap(let name, let gap): gaps[name] = gap
        }
    }
}

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
}

/// Reads along what agents and collectors tell each other, and keeps what was promised.
final class WireRecord: Sendable, ChaosObserver {
    /// Everything that one host said, in whichever session.
    struct Host: Sendable {
        var peaks: [ProcessKey: Set<Peak>] = [:]
        var folds: [FactName: Fold] = [:]
        var wallMinusBootMilliseconds: Set<Int64> = []
        var acknowledged: [UniqueID: AcknowledgedFacts] = [:]
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
            let known = state.hosts[session.host]?.acknowledged[store]?.all,
            facts.contains(where: known.contains)
        {
            state.sightings[.duplicateDelivery, default: 0] += 1
        }
        session.waiting.append((decoded.sequence, facts))
    }

    private static func note(_ fact: WireFact, of host: String, _ state: inout State) {
        switch fact {
        case .peak(let key, let peak):
            state.hosts[host, default: Host()].peaks[key, default: []].insert(peak)
        case .fold(let name, let fold):
            state.sightings[.fold, default: 0] += 1
            let old = state.hosts[host, default: Host()].folds.updateValue(fold, forKey: name)
            guard let old else { return }
            state.sightings[.repeatedFold, default: 0] += 1
            if old != fold { state.problems.append("\(old) was sent again as \(fold)") }
        case .gap: state.sightings[.gap, default: 0] += 1
        case .end: break
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
            return frame.entries.compactMap { entry in
                defer { session.keys[entry.slot] = nil }
                return key(entry.slot).map { .end($0, ordinal: entry.ordinal) }
            }
        case .fold(let frame):
            return frame.folds.map {
                .fold(FactName(epoch: session.epoch, ordinal: $0.ordinal), $0)
            }
        case .gap(let frame):
            return frame.gaps.map {
                .gap(FactName(epoch: session.epoch, ordinal: $0.ordinal), $0)
            }
        case .counters(let frame):
            if frame.values[.stateDamaged, default: 0] > 0 {
                state.sightings[.tornState, default: 0] += 1
            }
            return []
        default: return []
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
                    state.hosts[session.host, default: Host()]
                        .acknowledged[store, default: AcknowledgedFacts()].take(fact)
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

extension Frame {
    /// Whether it is one of those that are acknowledged.
    fileprivate var isData: Bool { (0x10...0x1F).contains(typeByte) }
}
