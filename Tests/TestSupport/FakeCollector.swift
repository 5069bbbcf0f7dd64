import Foundation
import MemoryModel
import Synchronization
public import Wire

/// A collector that answers each HELLO as a test likes, and keeps what it was told.
public final class FakeCollector: Sendable {
    /// What becomes of a session.
    public enum Answer: Sendable {
        /// It is accepted, and everything is acknowledged at once.
        case take
        /// It is accepted, and nothing is ever acknowledged.
        case keepSilent
        /// It is accepted, and everything is acknowledged, a frame of this type twice; that one
        /// is the last, and this frame follows.
        case takeThrough(FrameType, Frame)
        /// It is accepted and ended with this frame at its first frame of data.
        case end(Frame)
        /// It is refused with this frame.
        case refuse(Frame)
    }

    /// One session.
    public struct Session: Sendable {
        /// What the agent said first.
        public var hello: HelloFrame
        /// When that was.
        public var at = ContinuousClock.now
        /// What followed.
        public var frames: [Frame] = []
    }

    /// The sessions so far, in the order of their HELLOs.
    public var sessions: [Session] { state.sessions.withLock { $0 } }
    private let listener: RawListener

    private final class State: Sendable {
        let sessions = Mutex<[Session]>([])
    }
    private let state: State

    /// Where agents connect.
    public var port: Int { listener.port }

    /// `answer` gets the HELLO and how many there were before it.
    public init(_ answer: @escaping @Sendable (HelloFrame, Int) -> Answer) throws {
        let state = State()
        self.state = state
        listener = try RawListener { peer in
            do { try FakeCollector.serve(peer, state, answer) } catch {
                Swift.print("a fake collector fails: \(error)")
            }
        }
    }

    /// An ERROR frame.
    public static func error(
        _ code: ErrorCode, retryAfterMilliseconds: UInt64 = 0, _ text: String = "no"
    ) -> Frame {
        .error(
            ErrorFrame(
                code: UInt64(code.rawValue), retryAfterMilliseconds: retryAfterMilliseconds,
                text: RawText(text)))
    }

    private static let welcome = Frame.welcome(
        WelcomeFrame(
            major: 1, features: 0, storeID: StoreID(high: 3, low: 4),
            maximumWireBytes: UInt64(WireLimits.maximumWireBytes), maximumRuns: 65_536,
            credit: 64, pingIntervalMilliseconds: 15_000, collectorVersion: "fake"))

    private static func serve(
        _ peer: RawListener.Peer, _ state: State, _ answer: (HelloFrame, Int) -> Answer
    ) throws {
        var decoder = try FrameDecoder()
        var encoder = try FrameEncoder()
        var sequence: UInt64 = 0
        func say(_ frame: Frame) throws {
            var bytes: [UInt8] = []
            try encoder.encode(frame, sequence: sequence, mayCompress: false, into: &bytes)
            sequence += 1
            peer.write(bytes)
        }
        var rest: [UInt8] = []
        var index: Int?
        var judged: Answer?
        while let bytes = peer.read() {
            rest += bytes
            if index == nil, rest.starts(with: FrameEncoder.preface) {
                rest.removeFirst(FrameEncoder.preface.count)
            }
            while let decoded = try rest.withUnsafeBytes({
                try decoder.decode($0, isWelcomed: true)
            }) {
                rest.removeFirst(decoded.consumedBytes)
                if case .hello(let hello) = decoded.frame {
                    let place = state.sessions.withLock { sessions in
                        sessions.append(Session(hello: hello))
                        return sessions.count - 1
                    }
                    index = place
                    judged = answer(hello, place)
                    if case .refuse(let frame) = judged { return try say(frame) }
                    try say(welcome)
                    continue
                }
                if let index { state.sessions.withLock { $0[index].frames.append(decoded.frame) } }
                switch decoded.frame {
                case .goodbye, .error: return
                case .ping(let token): try say(.pong(token: token))
                case .pong: break
                default:
                    if case .end(let frame) = judged { return try say(frame) }
                    if case .keepSilent = judged { continue }
                    let acknowledgement = Frame.acknowledgement(
                        AcknowledgementFrame(sequence: decoded.sequence, credit: 64))
                    try say(acknowledgement)
                    if case .takeThrough(decoded.frame.type, let last) = judged {
                        try say(acknowledgement)
                        return try say(last)
                    }
                }
            }
        }
    }
}
