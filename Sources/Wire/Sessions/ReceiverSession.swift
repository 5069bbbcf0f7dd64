public import MemoryModel

/// The collector's side of a session, without sockets and clocks: events go in, actions come out.
///
/// `Protocol/frame-v1.md` section 7.1 has its states. The owner performs the actions in their
/// order before the next event, and calls `timePassed` at `nextDeadlineMilliseconds`. All times
/// are milliseconds of one monotonic clock. After `.close` every event answers with nothing.
public struct ReceiverSession: ~Copyable, Sendable {
    /// The major versions that this collector speaks.
    public static let supportedMajors: ClosedRange<UInt8> = HelloFrame.readableMajors
    /// The bit set of features that this collector knows.
    public static let supportedFeatures: UInt64 = 0

    enum State: Hashable, Sendable {
        case awaitingHandshake, awaitingPreface, awaitingHello
        case awaitingHost, receivingState, live
        case closed
    }

    private let settings: ReceiverSettings
    private(set) var state: State
    private var handshakeDeadlineMilliseconds: Int64
    private var inbound: InboundFrames
    private var outbound: OutboundFrames
    /// As it was when HELLO came, for a host that is refused.
    private var beforeWelcome: OutboundFrames
    private var pings: PingExchange
    private var defines: TokenBucket
    private var bytes: TokenBucket
    private var slots: SessionSlots
    private var unacknowledged = UnacknowledgedFrames()
    private var grant: CreditGrant
    private var acknowledged: AcknowledgementFrame?

    /// Who the agent is; nil before HELLO was accepted.
    public private(set) var identity: SessionIdentity?

    /// A connection that was accepted.
    ///
    /// - Parameters:
    ///   - now: When, on the monotonic clock.
    ///   - awaitsHandshake: Whether TLS comes first; then `handshakeCompleted` is to follow.
    ///   - settings: What the agent is told, and what is taken from it.
    public init(
        acceptedAtMilliseconds now: Int64, awaitsHandshake: Bool = false,
        settings: ReceiverSettings
    ) {
        self.settings = settings
        state = awaitsHandshake ? .awaitingHandshake : .awaitingPreface
        handshakeDeadlineMilliseconds =
            now
            + Int64(
                awaitsHandshake
                    ? WireLimits.tlsDeadlineMilliseconds : WireLimits.helloDeadlineMilliseconds)
        inbound = InboundFrames(atMilliseconds: now)
        outbound = OutboundFrames(atMilliseconds: now)
        beforeWelcome = OutboundFrames(atMilliseconds: now)
        pings = PingExchange(atMilliseconds: now)
        defines = TokenBucket(settings.defineRate, atMilliseconds: now)
        bytes = TokenBucket(settings.byteRate, atMilliseconds: now)
        slots = SessionSlots(limit: settings.maximumRuns)
        grant = CreditGrant(credit: settings.credit)
    }

    /// What the agent may send and define at once, for the next session of its host.
    public var allowance: RateAllowance { RateAllowance(defines: defines, bytes: bytes) }

    /// Lets the agent send no more than `rest`, which an earlier session of its host left over.
    public mutating func restrict(to rest: RateAllowance, atMilliseconds now: Int64) {
        let lesser = allowance.lesser(rest, atMilliseconds: now)
        defines = lesser.defines
        bytes = lesser.bytes
    }

    /// Whether HELLO was accepted: only then are payloads inflated and as long as WELCOME says.
    public var isWelcomed: Bool {
        switch state {
        case .awaitingHost, .receivingState, .live: true
        default: false
        }
    }

    /// Largest wireLength that WELCOME lets the agent send.
    public var maximumWireBytes: Int { settings.maximumWireBytes }

    /// Whether the session is over.
    public var isClosed: Bool { state == .closed }

    /// Whether the full state of the agent has come in.
    public var isLive: Bool { state == .live }

    /// The number of the last frame that came in; nil before the first.
    public var lastReceivedSequence: UInt64? { inbound.lastSequence }

    /// How many slots are in use.
    public var slotCount: Int { slots.usedCount }

    /// When `timePassed` is to be called next; nil if the session is over.
    public var nextDeadlineMilliseconds: Int64? {
        guard isWelcomed else { return isClosed ? nil : handshakeDeadlineMilliseconds }
        let deadline = inbound.deadlineMilliseconds
        return pings.isOutstanding ? deadline : min(deadline, pingDueMilliseconds)
    }

    private var pingDueMilliseconds: Int64 {
        outbound.silentAtMilliseconds(
            intervalMilliseconds: Int64(settings.pingIntervalMilliseconds))
    }

    // MARK: What comes in

    /// The TLS handshake is done.
    public mutating func handshakeCompleted(atMilliseconds now: Int64) -> [ReceiverAction] {
        guard !isClosed else { return [] }
        precondition(state == .awaitingHandshake, "there is one handshake, and it comes first")
        state = .awaitingPreface
        handshakeDeadlineMilliseconds = now + Int64(WireLimits.helloDeadlineMilliseconds)
        return []
    }

    /// The first eight bytes are there, or as many as it took to see that they are wrong.
    public mutating func prefaceReceived(
        matching: Bool, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard !isClosed else { return [] }
        precondition(state == .awaitingPreface, "there is one preface, and it comes first")
        // From here on ERROR may be sent.
        state = .awaitingHello
        guard matching else {
            let error = WireError(
                code: .notHighwater, reason: "the preface is not that of Highwater frames")
            return fail(error, atMilliseconds: now)
        }
        return []
    }

    /// A whole frame was decoded.
    ///
    /// - Parameters:
    ///   - frame: What it says.
    ///   - sequence: Its number, as its header has it.
    ///   - wireBytes: Its length on the wire, with its header.
    ///   - now: The time.
    /// - Returns: What to do, in this order.
    public mutating func frameReceived(
        _ frame: Frame, sequence: UInt64, wireBytes: Int, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard !isClosed else { return [] }
        precondition(isWelcomed || state == .awaitingHello, "frames come after the preface")
        do throws(WireError) {
            try inbound.complete(sequence, atMilliseconds: now)
            guard bytes.take(wireBytes, atMilliseconds: now) else {
                throw WireError(code: .limitExceeded, reason: "too many bytes a second")
            }
            if state == .awaitingHello { return try takeFirst(frame, atMilliseconds: now) }
            if frame.usesCredit {
                return [
                    .apply(
                        try takeData(frame, sequence: sequence, atMilliseconds: now),
                        sequence: sequence)
                ]
            }
            return try takeControl(frame, atMilliseconds: now)
        } catch {
            return fail(error, atMilliseconds: now)
        }
    }

    /// What came in is not a frame.
    public mutating func decodingFailed(
        _ error: WireError, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        fail(error, atMilliseconds: now)
    }

    /// So many bytes of a frame that is not complete are waiting.
    ///
    /// Call it whenever bytes came in, after the frames that they completed. What waits before
    /// the end of HELLO has the deadline of HELLO.
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

    /// The agent sends nothing more, or the connection is gone.
    public mutating func inputClosed(atMilliseconds now: Int64) -> [ReceiverAction] {
        close(.inputClosed)
    }

    // MARK: What the collector says

    /// Everything up to a frame is durable.
    ///
    /// - Parameters:
    ///   - sequence: The last frame that is on the disk; one that came in. Less than what was
    ///     acknowledged before only changes the credit.
    ///   - credit: How many data frames may be without an ACK from now on.
    ///   - now: The time.
    /// - Returns: What to do, in this order.
    public mutating func committed(
        throughSequence sequence: UInt64, credit: UInt64, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard isWelcomed, let last = inbound.lastSequence else { return [] }
        precondition(sequence <= last, "only what came in can be durable")
        precondition(credit <= UInt64(WireLimits.maximumCredit), "credit is at most 65,536")
        let frame = AcknowledgementFrame(
            sequence: max(sequence, acknowledged?.sequence ?? 0), credit: credit)
        guard frame != acknowledged else { return [] }
        acknowledged = frame
        let count = unacknowledged.remove(throughSequence: frame.sequence)
        grant.acknowledged(count, credit: credit)
        return [send(.acknowledgement(frame), atMilliseconds: now)]
    }

    /// Another number of data frames may be without an ACK from now on; nothing more is durable.
    public mutating func creditChanged(
        to credit: UInt64, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        // HELLO is number 0 and leaves nothing to make durable.
        committed(
            throughSequence: acknowledged?.sequence ?? 0, credit: credit, atMilliseconds: now)
    }

    /// The owner does not take the host although its HELLO follows the rules.
    ///
    /// For whoever performs `.accepted`: what this returns takes the place of the actions that
    /// follow it, so that ERROR comes instead of WELCOME.
    ///
    /// - Parameters:
    ///   - code: Why.
    ///   - text: One line for people, at most 512 bytes.
    ///   - retryAfter: When the agent is to come back, in milliseconds; 0 leaves it to the code.
    ///   - now: The time.
    /// - Returns: What to do, in this order.
    public mutating func refuse(
        code: ErrorCode, text: String, retryAfterMilliseconds retryAfter: UInt64 = 0,
        atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        precondition(state == .awaitingHost, "an accepted host is refused before anything else")
        // WELCOME has its number, and is not sent.
        outbound = beforeWelcome
        return fail(
            WireError(code: code, reason: text), retryAfterMilliseconds: retryAfter,
            atMilliseconds: now)
    }

    /// Peaks of these stretches of boot time were purged and are to be forgotten.
    ///
    /// Nothing is sent before HOST came in: the agent's boot time means nothing until then. An
    /// agent takes 16 frames at once and 16 more a minute: the owner tells it of no more than 1,024
    /// stretches a minute.
    public mutating func reset(
        _ stretches: [TimeBracket], atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard state == .receivingState || state == .live, !stretches.isEmpty else { return [] }
        let most = WireLimits.maximumResetsPerFrame
        return stride(from: 0, to: stretches.count, by: most).map { first in
            let part = Array(stretches[first..<min(first + most, stretches.count)])
            return send(.reset(ResetFrame(stretches: part)), atMilliseconds: now)
        }
    }

    /// The collector stops; what could be committed was reported as committed before.
    ///
    /// - Parameters:
    ///   - retryAfter: When the agent is to come back, in milliseconds, another time for each.
    ///   - now: The time.
    /// - Returns: What to do, in this order.
    public mutating func drain(
        retryAfterMilliseconds retryAfter: UInt64, atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard isPastPreface else { return close(.drained) }
        let goodbye = GoodbyeFrame(
            reason: .collectorStops,
            retryAfterMilliseconds: min(
                retryAfter, UInt64(WireLimits.maximumRetryAfterMilliseconds)))
        return [send(.goodbye(goodbye), atMilliseconds: now)] + close(.drained)
    }

    /// A newer session speaks for the host.
    public mutating func replaced(atMilliseconds now: Int64) -> [ReceiverAction] {
        fail(
            WireError(code: .replaced, reason: "a newer session of this host took over"),
            atMilliseconds: now)
    }

    /// The collector gives the session up.
    ///
    /// Before the preface the agent can be told nothing, so what is to reach it waits for that.
    ///
    /// - Parameters:
    ///   - code: Why.
    ///   - text: One line for people, at most 512 bytes.
    ///   - retryAfter: When the agent is to come back, in milliseconds; 0 leaves it to the code.
    ///   - now: The time.
    /// - Returns: What to do, in this order.
    public mutating func fail(
        code: ErrorCode, text: String, retryAfterMilliseconds retryAfter: UInt64 = 0,
        atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        fail(
            WireError(code: code, reason: text), retryAfterMilliseconds: retryAfter,
            atMilliseconds: now)
    }

    /// Time went on.
    public mutating func timePassed(atMilliseconds now: Int64) -> [ReceiverAction] {
        guard let next = nextDeadlineMilliseconds, now >= next else { return [] }
        guard isWelcomed else {
            let phase = state == .awaitingHandshake ? "TLS" : "HELLO"
            return fail(
                WireError(code: .timeout, reason: "\(phase) was not complete in time"),
                atMilliseconds: now)
        }
        guard now < inbound.deadlineMilliseconds else {
            return fail(inbound.timeout, atMilliseconds: now)
        }
        return [send(.ping(token: pings.begin()), atMilliseconds: now)]
    }
}

// MARK: Frames

extension ReceiverSession {
    private mutating func takeFirst(
        _ frame: Frame, atMilliseconds now: Int64
    ) throws(WireError) -> [ReceiverAction] {
        guard case .hello(let hello) = frame else {
            throw WireError.unexpected(frame, "came before HELLO")
        }
        let (identity, major) = try HelloJudgement.accept(
            hello, majors: ReceiverSession.supportedMajors,
            features: ReceiverSession.supportedFeatures)
        self.identity = identity
        beforeWelcome = outbound
        state = .awaitingHost
        let welcome = WelcomeFrame(
            major: major,
            features: (hello.requiredFeatures | hello.offeredFeatures)
                & ReceiverSession.supportedFeatures,
            storeID: settings.storeID,
            maximumWireBytes: UInt64(settings.maximumWireBytes),
            maximumRuns: UInt64(settings.maximumRuns), credit: settings.credit,
            pingIntervalMilliseconds: UInt64(settings.pingIntervalMilliseconds),
            collectorVersion: settings.collectorVersion)
        return [.accepted(identity), send(.welcome(welcome), atMilliseconds: now)]
    }

    private mutating func takeData(
        _ frame: Frame, sequence: UInt64, atMilliseconds now: Int64
    ) throws(WireError) -> SessionEvent {
        switch (state, frame) {
        case (.awaitingHost, .host): state = .receivingState
        case (.awaitingHost, _): throw WireError.unexpected(frame, "came before HOST")
        case (.receivingState, .stateEnd): state = .live
        case (_, .stateEnd): throw WireError.unexpected(frame, "came a second time")
        default: break
        }
        try grant.take()
        unacknowledged.append(sequence)
        if case .define(let define) = frame,
            !defines.take(define.runs.count, atMilliseconds: now)
        {
            throw WireError(code: .limitExceeded, reason: "too many runs defined a second")
        }
        return try slots.event(of: frame)
    }

    private mutating func takeControl(
        _ frame: Frame, atMilliseconds now: Int64
    ) throws(WireError) -> [ReceiverAction] {
        switch frame {
        case .ping(let token):
            try pings.received(atMilliseconds: now)
            return [send(.pong(token: token), atMilliseconds: now)]
        case .pong(let token):
            try pings.answered(token: token)
            return []
        case .goodbye(let goodbye): return close(.goodbye(goodbye.reason))
        case .error(let error): return close(.peerError(error))
        case .ignorable: return []
        case .hello: throw WireError.unexpected(frame, "came a second time")
        default: throw WireError.unexpected(frame, "is not for agents to send")
        }
    }

    // MARK: Ends

    private var isPastPreface: Bool { isWelcomed || state == .awaitingHello }

    private mutating func send(_ frame: Frame, atMilliseconds now: Int64) -> ReceiverAction {
        .send(frame, sequence: outbound.next(atMilliseconds: now))
    }

    private mutating func fail(
        _ error: WireError, retryAfterMilliseconds retryAfter: UInt64 = 0,
        atMilliseconds now: Int64
    ) -> [ReceiverAction] {
        guard isPastPreface else { return close(.failed(error)) }
        let frame = ErrorFrame(
            error,
            retryAfterMilliseconds: min(
                retryAfter, UInt64(WireLimits.maximumRetryAfterMilliseconds)))
        return [send(.error(frame), atMilliseconds: now)] + close(.failed(error))
    }

    private mutating func close(_ reason: CloseReason) -> [ReceiverAction] {
        guard !isClosed else { return [] }
        state = .closed
        slots = SessionSlots(limit: settings.maximumRuns)
        unacknowledged = UnacknowledgedFrames()
        return [.close(reason)]
    }
}
