import MemoryModel
import Testing

@testable import Wire

@Suite("The agent's state table")
struct SenderSessionTests {
    /// One row of `Protocol/frame-v1.md` section 7.1.
    struct Row: Sendable, CustomTestStringConvertible {
        enum Event: Sendable {
            case connected, frame(Frame), undecodable, connectionClosed, stop, deadline
        }

        var state: SenderSession.State
        var event: Event
        var actions: [SenderAction]
        var next: SenderSession.State

        init(
            _ state: SenderSession.State, _ event: Event, _ actions: [SenderAction],
            _ next: SenderSession.State
        ) {
            (self.state, self.event, self.actions, self.next) = (state, event, actions, next)
        }

        var testDescription: String { "\(state), \(event)" }

        func result(in harness: SenderHarness) -> [SenderAction] {
            let now = harness.now
            return switch event {
            case .connected: harness.session.connected(atMilliseconds: now)
            case .frame(let frame): harness.receive(frame)
            case .undecodable:
                harness.session.decodingFailed(
                    WireError(code: .unknownType, offset: 2, reason: "bad"), atMilliseconds: now)
            case .connectionClosed: harness.session.connectionClosed(atMilliseconds: now)
            case .stop: harness.session.stop(atMilliseconds: now)
            case .deadline: harness.reachDeadline()
            }
        }
    }

    @Test("each row: the event does exactly this and leads exactly there", arguments: Row.all)
    func row(_ row: Row) {
        let harness = SenderHarness(row.state)
        #expect(harness.session.state == row.state)
        let actions = row.result(in: harness)
        #expect(actions == row.actions)
        #expect(harness.session.state == row.next)
    }

    @Test("a session that is over answers every event with nothing", arguments: Row.all)
    func closed(_ row: Row) {
        let harness = SenderHarness(.closed)
        let actions = row.result(in: harness)
        #expect(actions == [])
        #expect(harness.session.nextDeadlineMilliseconds == nil)
        #expect(harness.session.mayEncode == 0)
    }

    @Test("HOST leads to the full state, STATE_END to live, and each frame has the next number")
    func sending() {
        let harness = SenderHarness(.awaitingHost)
        let frames: [(Frame, SenderSession.State)] = [
            (.host(.sample), .sendingState), (.define([(1, 1)]), .sendingState),
            (HostFacts.frames[0], .sendingState),
            (.stateEnd(1), .live), (.host(.sample), .live), (.exit([1]), .live),
            (HostFacts.frames[4], .live),
        ]
        for (index, (frame, next)) in frames.enumerated() {
            let sequence = harness.session.willSend(frame, atMilliseconds: harness.now)
            #expect(sequence == UInt64(index) + 1)
            #expect(harness.session.state == next)
        }
    }

    @Test("nothing may be sent before WELCOME")
    func noCreditBeforeWelcome() {
        let harness = SenderHarness(.awaitingWelcome)
        #expect(harness.session.mayEncode == 0)
        #expect(!harness.isWelcomed)
        harness.receive(.welcome(.sample))
        #expect(harness.session.mayEncode == 64)
        #expect(harness.isWelcomed)
        #expect(harness.session.welcome == .sample)
    }

    @Test(
        "a WELCOME with a field out of bounds is not believed",
        arguments: [
            (WelcomeFrame.sample.with { $0.major = 2 }, "major"),
            (.sample.with { $0.major = 0 }, "major"),
            (.sample.with { $0.features = 1 }, "features"),
            (.sample.with { $0.maximumWireBytes = 4_095 }, "maximumWireBytes"),
            (.sample.with { $0.maximumWireBytes = 262_145 }, "maximumWireBytes"),
            (.sample.with { $0.maximumRuns = 0 }, "maximumRuns"),
            (.sample.with { $0.maximumRuns = 1_048_577 }, "maximumRuns"),
            (.sample.with { $0.credit = 65_537 }, "credit"),
            (.sample.with { $0.credit = .max }, "credit"),
            (.sample.with { $0.pingIntervalMilliseconds = 999 }, "pingIntervalMilliseconds"),
            (.sample.with { $0.pingIntervalMilliseconds = .max }, "pingIntervalMilliseconds"),
        ])
    func welcomeOutOfBounds(_ welcome: WelcomeFrame, _ field: String) {
        let harness = SenderHarness(.awaitingWelcome)
        let actions = harness.receive(.welcome(welcome))
        #expect(actions.errorCode == .badPayload)
        #expect(harness.isClosed)
        guard case .failed(let error) = actions.disconnect?.cause else {
            Issue.record("not closed: \(actions)")
            return
        }
        #expect(error.reason.hasPrefix("\(field) is "))
    }

    @Test(
        "a WELCOME at its bounds, and with features that were on offer, is believed",
        arguments: [
            WelcomeFrame.sample.with { $0.features = 6 },
            .sample.with { ($0.maximumWireBytes, $0.maximumRuns, $0.credit) = (4_096, 1, 0) },
            .sample.with {
                ($0.maximumWireBytes, $0.maximumRuns) = (262_144, 1_048_576)
                ($0.credit, $0.pingIntervalMilliseconds) = (65_536, 60_000)
            },
        ])
    func welcomeAtBounds(_ welcome: WelcomeFrame) {
        let harness = SenderHarness(.awaitingWelcome)
        let actions = harness.receive(.welcome(welcome))
        #expect(actions == [.welcomed(welcome)])
    }

    @Test("a WELCOME without a feature that the agent requires is not believed")
    func requiredFeature() {
        let hello = HelloFrame.sample.with { $0.requiredFeatures = 1 }
        let harness = SenderHarness(.awaitingWelcome, hello: hello)
        let actions = harness.receive(.welcome(.sample))
        #expect(actions.errorCode == .badPayload)
    }

    @Test(
        "a frame whose number is not one more than the last ends the session",
        arguments: [UInt64(0), 2, .max])
    func sequence(_ sequence: UInt64) {
        let harness = SenderHarness(.live)
        let actions = harness.session.frameReceived(
            .ping(token: 1), sequence: sequence, atMilliseconds: harness.now)
        #expect(
            actions == .failed(.badSequence, "sequence is \(sequence), expected 1", sequence: 3))
    }

    @Test("every code of an ERROR has the retry class of the table, unknown ones back off")
    func retryClasses() {
        let slow: Set<UInt64> = [7, 10, 11, 14, 15, 16, 17, 21, 22]
        for code in Array(UInt64(0)...30) + [65_535, 65_536, .max] {
            let harness = SenderHarness(.awaitingWelcome)
            let error = ErrorFrame(code: code, retryAfterMilliseconds: 0, text: "")
            let disconnect = harness.receive(.error(error)).disconnect
            #expect(disconnect?.retryClass == (slow.contains(code) ? .slow : .backoff), "\(code)")
            #expect(disconnect?.cause == .collectorError(code: code, text: ""))
        }
    }

    @Test("what a collector says at its end is bounded")
    func bounds() {
        let text = RawText([UInt8](repeating: 0x1B, count: 600))
        let harness = SenderHarness(.live)
        harness.now += 70_000
        let error = ErrorFrame(code: 18, retryAfterMilliseconds: .max, text: text)
        let actions = harness.receive(.error(error))
        #expect(
            actions == [
                .close(
                    Disconnect(
                        cause: .collectorError(code: 18, text: text.clamped(toBytes: 512)),
                        retryAfterMilliseconds: 86_400_000, lastedMilliseconds: 70_000))
            ])
    }
}

extension SenderSessionTests.Row {
    static let all: [Self] = opening + awaitingWelcome + closing + welcomed

    static let opening: [Self] = [
        Self(
            .connecting, .connected, [.sendPreface, .send(.hello(.sample), sequence: 0)],
            .awaitingWelcome),
        Self(
            .connecting, .connectionClosed, [.close(Disconnect(cause: .connectionLost))], .closed),
        Self(.connecting, .stop, [.close(Disconnect(cause: .stopped))], .closed),
    ]

    static let awaitingWelcome: [Self] =
        [
            Self(
                .awaitingWelcome, .frame(.welcome(.sample)), [.welcomed(.sample)], .awaitingHost),
            Self(
                .awaitingWelcome, .frame(.ping(token: 3)), [.send(.pong(token: 3), sequence: 1)],
                .awaitingWelcome),
            Self(
                .awaitingWelcome, .deadline,
                .failed(.timeout, "WELCOME did not come in time", sequence: 1), .closed),
        ]
        + [
            .pong(token: 0), .acknowledge(0), .ignorable(type: 0xFF), .hello(.sample),
            .host(.sample), .samples([]),
        ].map { (frame: Frame) in
            Self(
                .awaitingWelcome, .frame(frame),
                .failed(.unexpectedFrame, "\(frame.name) came before WELCOME", sequence: 1),
                .closed)
        }

    /// The number of the next frame that the agent of the harness sends.
    static func sequence(_ state: SenderSession.State) -> UInt64 {
        switch state {
        case .awaitingWelcome, .awaitingHost: 1
        case .sendingState: 2
        default: 3
        }
    }

    /// Ends that are the same in every state with a connection.
    static let closing: [Self] = [
        SenderSession.State.awaitingWelcome, .awaitingHost, .sendingState, .live,
    ].flatMap { state in
        [
            Self(
                state, .frame(.error(.replaced, "oh", retryAfterMilliseconds: 7)),
                [
                    .close(
                        Disconnect(
                            cause: .collectorError(code: 17, text: "oh"), retryClass: .slow,
                            retryAfterMilliseconds: 7))
                ], .closed),
            Self(
                state, .frame(.goodbye(.collectorStops, retryAfterMilliseconds: 500)),
                [.close(Disconnect(cause: .collectorLeft, retryAfterMilliseconds: 500))], .closed),
            Self(
                state, .connectionClosed, [.close(Disconnect(cause: .connectionLost))], .closed),
            Self(
                state, .stop,
                [
                    .send(.goodbye(.agentStops), sequence: sequence(state)),
                    .close(Disconnect(cause: .stopped)),
                ], .closed),
            Self(
                state, .undecodable,
                [
                    .send(.error(.unknownType, "bad (byte 2)"), sequence: sequence(state)),
                    .close(
                        Disconnect(
                            cause: .failed(WireError(code: .unknownType, offset: 2, reason: "bad")),
                            retryClass: .slow)),
                ], .closed),
        ]
    }

    static let welcomed: [Self] = [SenderSession.State.awaitingHost, .sendingState, .live]
        .flatMap { state in
            let sequence = sequence(state)
            let unexpected: [(Frame, String)] = [
                (.welcome(.sample), "WELCOME came a second time"),
                (.hello(.sample), "HELLO is not for collectors to send"),
                (.host(.sample), "HOST is not for collectors to send"),
                (.samples([]), "SAMPLES is not for collectors to send"),
                (.pong(token: 0), "PONG answers no PING"),
                (HostFacts.frames[0], "TOTALS is not for collectors to send"),
                (HostFacts.frames[1], "CGROUP is not for collectors to send"),
                (HostFacts.frames[2], "OOM is not for collectors to send"),
                (HostFacts.frames[3], "HEALTH is not for collectors to send"),
                (HostFacts.frames[4], "GAP is not for collectors to send"),
            ]
            return [
                Self(
                    state, .frame(.acknowledge(sequence - 1)),
                    [.acknowledged(throughSequence: sequence - 1)], state),
                Self(
                    state, .frame(.ping(token: 8)), [.send(.pong(token: 8), sequence: sequence)],
                    state),
                Self(state, .frame(.ignorable(type: 0x80)), [], state),
                Self(state, .deadline, [.send(.ping(token: 0), sequence: sequence)], state),
            ]
                + unexpected.map { frame, reason in
                    Self(
                        state, .frame(frame),
                        .failed(.unexpectedFrame, reason, sequence: sequence), .closed)
                }
        }
}
