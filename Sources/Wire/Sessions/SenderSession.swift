import MemoryModel

/// The agent's side of a session, without sockets and clocks: events go in, actions come out.
///
/// `Protocol/frame-v1.md` section 7.1 has its states. The owner performs the actions in their
/// order before the next event, and calls `timePassed` at `nextDeadlineMilliseconds`. All times
/// are milliseconds of one monotonic clock. After `.close` every event answers with nothing, and
/// the next connection gets a new session.
///
/// The session numbers every frame: its own in `.send`, the owner's in `willSend`. The owner
/// writes them in the order in which it got the numbers.
public struct SenderSession: ~Copyable, Sendable {
    enum State: Hashable, Sendable {
        case connecting, awaitingWelcome
        case awaitingHost, sendingState, live
        case closed
    }

    // Forgetting looks at everything that is held, so a peer may ask for it 16 times a minute only.
    // Each counts as the 60 seconds of a minute, so that the rate is a whole number.
    private static let resetCost = 60
    private static let resetRate = RateLimit(perSecond: 16, burst: 16 * resetCost)

    private let hello: HelloFrame
    private(set) var state = State.connecting
    private var inbound = InboundFrames(atMilliseconds: 0)
    private var outbound = OutboundFrames(atMilliseconds: 0)
    private var pings = PingExchange(atMilliseconds: 0)
    private var resets = TokenBucket(SenderSession.resetRate, atMilliseconds: 0)
    private var welcomeDeadlineMilliseconds: Int64 = 0
    private var welcomedAtMilliseconds: Int64?
    private var pingIntervalMilliseconds = Int64(WireLimits.pingIntervalMilliseconds)
    private var unacknowledged = UnacknowledgedFrames()
    private var credit: UInt64 = 0
    private var acknowledgedSequence: UInt64?

    /// What the collector said when it accepted the session; nil before that.
    public private(set) var welcome: WelcomeFrame?

    /// A session that begins with `hello`, whose highest version is not below its lowest.
    public init(hello: HelloFrame) {
        precondition(hello.lowestMajor <= hello.highestMajor, "the versions are out of order")
        self.hello = hello
    }

    /// Whether WELCOME came: only then may payloads be compressed, in both directions.
    public var isWelcomed: Bool {
        switch state {
        case .awaitingHost, .sendingState, .live: true
        default: false
        }
    }

    /// Whether the session is over.
    public var isClosed: Bool { state == .closed }

    /// How many data frames may be sent now.
    public var mayEncode: Int {
        guard isWelcomed else { return 0 }
        return max(0, Int(credit) - unacknowledged.count)
    }

    /// When `timePassed` is to be called next; nil before the connection and after the end.
    public var nextDeadlineMilliseconds: Int64? {
        switch state {
        case .connecting, .closed: return nil
        case .awaitingWelcome: return welcomeDeadlineMilliseconds
        case .awaitingHost, .sendingState, .live:
            let deadline = inbound.deadlineMilliseconds
            return pings.isOutstanding ? deadline : min(deadline, pingDueMilliseconds)
        }
    }

    private var pingDueMilliseconds: Int64 {
        outbound.silentAtMilliseconds(intervalMilliseconds: pingIntervalMilliseconds)
    }

    // MARK: The connection

    /// The connection stands, with TLS done if there is any.
    public mutating func connected(atMilliseconds now: Int64) -> [SenderAction] {
        guard !isClosed else { return [] }
        precondition(state == .connecting, "a session has one connection")
        state = .awaitingWelcome
        inbound = InboundFrames(atMilliseconds: now)
        outbound = OutboundFrames(atMilliseconds: now)
        pings = PingExchange(atMilliseconds: now)
        resets = TokenBucket(SenderSession.resetRate, atMilliseconds: now)
        welcomeDeadlineMilliseconds = now + Int64(WireLimits.helloDeadlineMilliseconds)
        return [.sendPreface, send(.hello(hello), atMilliseconds: now)]
    }

    /// The connection could not be made, was lost, or the collector sends nothing more.
    public mutating func connectionClosed(atMilliseconds now: Int64) -> [SenderAction] {
        close(Disconnect(cause: .connectionLost), atMilliseconds: now)
    }

    /// So many bytes of a frame that is not complete are waiting.
    ///
    /// Call it whenever bytes came in, after the frames that they completed.
    ///
    /// - Parameters:
    ///   - count: 0 if no byte waits.
    ///   - frameLength: Length of the whole frame with its header; nil until the header is there.
    ///   - now: The time.
    public mutating func bytesWaiting(
        count: Int, frameLength: Int?, atMilliseconds now: Int64
    ) {
        inbound.waiting(count: count, frameBytes: frameLength, atMilliseconds: now)
    }

    /// A whole frame was decoded; `sequence` is its number, as its header has it.
    public mutating func frameReceived(
        _ frame: Frame, sequence: UInt64, atMilliseconds now: Int64
    ) -> [SenderAction] {
        guard !isClosed else { return [] }
        precondition(state != .connecting, "frames come over a connection")
        do throws(WireError) {
            try inbound.complete(sequence, atMilliseconds: now)
            switch frame {
            case .error(let error): return close(Disconnect(error), atMilliseconds: now)
            case .goodbye(let goodbye): return close(Disconnect(goodbye), atMilliseconds: now)
            case .ping(let token):
                try pings.received(atMilliseconds: now)
                return [send(.pong(token: token), atMilliseconds: now)]
            case .welcome(let welcome) where state == .awaitingWelcome:
                return [try take(welcome, atMilliseconds: now)]
            case .welcome: throw WireError.unexpected(frame, "came a second time")
            case _ where state == .awaitingWelcome:
                throw WireError.unexpected(frame, "came before WELCOME")
            case .pong(let token):
                try pings.answered(token: token)
                return []
            case .reset(let reset) where state != .awaitingHost:
                guard resets.take(SenderSession.resetCost, atMilliseconds: now) else {
                    throw WireError(code: .limitExceeded, reason: "too many RESETs")
                }
                return [.reset(reset.stretches)]
            case .acknowledgement(let acknowledgement): return [try take(acknowledgement)]
            case .ignorable: return []
            default: throw WireError.unexpected(frame, "is not for collectors to send")
            }
        } catch {
            return fail(error, atMilliseconds: now)
        }
    }

    /// What came in is not a frame.
    public mutating func decodingFailed(
        _ error: WireError, atMilliseconds now: Int64
    ) -> [SenderAction] {
        fail(error, atMilliseconds: now)
    }

    /// Time went on.
    public mutating func timePassed(atMilliseconds now: Int64) -> [SenderAction] {
        guard let next = nextDeadlineMilliseconds, now >= next else { return [] }
        guard isWelcomed else {
            return fail(
                WireError(code: .timeout, reason: "WELCOME did not come in time"),
                atMilliseconds: now)
        }
        guard now < inbound.deadlineMilliseconds else {
            return fail(inbound.timeout, atMilliseconds: now)
        }
        return [send(.ping(token: pings.begin()), atMilliseconds: now)]
    }

    // MARK: What the agent says

    /// Numbers a data frame that is encoded and written now; `mayEncode` must be above 0.
    ///
    /// HOST comes first, and STATE_END once.
    public mutating func willSend(_ frame: Frame, atMilliseconds now: Int64) -> UInt64 {
        precondition(frame.usesCredit, "the session itself sends control frames")
        precondition(mayEncode > 0, "there is no credit left")
        switch (state, frame) {
        case (.awaitingHost, .host): state = .sendingState
        case (.awaitingHost, _): preconditionFailure("HOST comes first")
        case (.sendingState, .stateEnd): state = .live
        case (_, .stateEnd): preconditionFailure("STATE_END comes once")
        default: break
        }
        let sequence = outbound.next(atMilliseconds: now)
        unacknowledged.append(sequence)
        return sequence
    }

    /// The agent leaves, in order.
    public mutating func stop(atMilliseconds now: Int64) -> [SenderAction] {
        guard !isClosed else { return [] }
        let disconnect = Disconnect(cause: .stopped)
        guard state != .connecting else { return close(disconnect, atMilliseconds: now) }
        let goodbye = GoodbyeFrame(reason: .agentStops, retryAfterMilliseconds: 0)
        return [send(.goodbye(goodbye), atMilliseconds: now)]
            + close(disconnect, atMilliseconds: now)
    }
}

// MARK: Frames

extension SenderSession {
    private mutating func take(
        _ welcome: WelcomeFrame, atMilliseconds now: Int64
    ) throws(WireError) -> SenderAction {
        try WelcomeJudgement.check(welcome, against: hello)
        self.welcome = welcome
        state = .awaitingHost
        welcomedAtMilliseconds = now
        credit = welcome.credit
        // A collector may ask for less than what keeps its own idle deadline; it gets more.
        pingIntervalMilliseconds = min(
            Int64(welcome.pingIntervalMilliseconds), Int64(WireLimits.pingIntervalMilliseconds))
        return .welcomed(welcome)
    }

    private mutating func take(
        _ acknowledgement: AcknowledgementFrame
    ) throws(WireError) -> SenderAction {
        let sequence = acknowledgement.sequence
        if let sent = outbound.lastSequence, sequence > sent {
            throw WireError(
                code: .badSequence, reason: "ACK names \(sequence), the last sent is \(sent)")
        }
        if let before = acknowledgedSequence, sequence < before {
            throw WireError(
                code: .badSequence, reason: "ACK goes back from \(before) to \(sequence)")
        }
        try WelcomeJudgement.check(credit: acknowledgement.credit)
        acknowledgedSequence = sequence
        unacknowledged.remove(throughSequence: sequence)
        credit = acknowledgement.credit
        return .acknowledged(throughSequence: sequence)
    }

    // MARK: Ends

    private mutating func send(_ frame: Frame, atMilliseconds now: Int64) -> SenderAction {
        .send(frame, sequence: outbound.next(atMilliseconds: now))
    }

    private mutating func fail(
        _ error: WireError, atMilliseconds now: Int64
    ) -> [SenderAction] {
        guard !isClosed else { return [] }
        let disconnect = Disconnect(cause: .failed(error), retryClass: error.code.retryClass)
        guard state != .connecting else { return close(disconnect, atMilliseconds: now) }
        return [send(.error(ErrorFrame(error)), atMilliseconds: now)]
            + close(disconnect, atMilliseconds: now)
    }

    private mutating func close(
        _ disconnect: Disconnect, atMilliseconds now: Int64
    ) -> [SenderAction] {
        guard !isClosed else { return [] }
        state = .closed
        unacknowledged = UnacknowledgedFrames()
        var disconnect = disconnect
        disconnect.lastedMilliseconds = welcomedAtMilliseconds.map { max(0, now - $0) } ?? 0
        return [.close(disconnect)]
    }
}

extension Disconnect {
    /// What the collector's ERROR advises; an unknown code is taken as one to back off from.
    fileprivate init(_ error: ErrorFrame) {
        let code = UInt16(exactly: error.code).flatMap(ErrorCode.init(rawValue:))
        self.init(
            cause: .collectorError(
                code: error.code, text: error.text.clamped(toBytes: ErrorFrame.maximumTextBytes)),
            retryClass: code?.retryClass ?? .backoff,
            retryAfterMilliseconds: Disconnect.bounded(error.retryAfterMilliseconds))
    }

    /// What the collector's GOODBYE advises.
    fileprivate init(_ goodbye: GoodbyeFrame) {
        self.init(
            cause: .collectorLeft,
            retryAfterMilliseconds: Disconnect.bounded(goodbye.retryAfterMilliseconds))
    }

    private static func bounded(_ retryAfterMilliseconds: UInt64) -> UInt64 {
        min(retryAfterMilliseconds, UInt64(WireLimits.maximumRetryAfterMilliseconds))
    }
}
