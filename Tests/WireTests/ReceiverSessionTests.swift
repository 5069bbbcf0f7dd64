import MemoryModel
import Testing

@testable import Wire

@Suite("The collector's state table")
struct ReceiverSessionTests {
    /// One row of `Protocol/frame-v1.md` section 7.1.
    struct Row: Sendable, CustomTestStringConvertible {
        enum Event: Sendable {
            case preface(Bool), frame(Frame), undecodable, replaced, inputClosed, deadline
            case drain(UInt64), full
        }

        var state: ReceiverSession.State
        var event: Event
        var actions: [ReceiverAction]
        var next: ReceiverSession.State

        init(
            _ state: ReceiverSession.State, _ event: Event, _ actions: [ReceiverAction],
            _ next: ReceiverSession.State
        ) {
            (self.state, self.event, self.actions, self.next) = (state, event, actions, next)
        }

        var testDescription: String { "\(state), \(event)" }

        func result(in harness: ReceiverHarness) -> [ReceiverAction] {
            let now = harness.now
            return switch event {
            case .preface(let matching):
                harness.session.prefaceReceived(matching: matching, atMilliseconds: now)
            case .frame(let frame): harness.receive(frame)
            case .undecodable:
                harness.session.decodingFailed(
                    WireError(code: .badChecksum, offset: 20, reason: "bad"), atMilliseconds: now)
            case .replaced: harness.session.replaced(atMilliseconds: now)
            case .inputClosed: harness.session.inputClosed(atMilliseconds: now)
            case .deadline: harness.reachDeadline()
            case .drain(let milliseconds):
                harness.session.drain(
                    retryAfterMilliseconds: milliseconds, atMilliseconds: now)
            case .full:
                harness.session.fail(
                    code: .busy, text: "full", retryAfterMilliseconds: 9, atMilliseconds: now)
            }
        }
    }

    @Test("each row: the event does exactly this and leads exactly there", arguments: Row.all)
    func row(_ row: Row) {
        let harness = ReceiverHarness(row.state)
        #expect(harness.session.state == row.state)
        let actions = row.result(in: harness)
        #expect(actions == row.actions)
        #expect(harness.session.state == row.next)
    }

    @Test("a session that is over answers every event with nothing", arguments: Row.all)
    func closed(_ row: Row) {
        let harness = ReceiverHarness(.closed)
        let actions = row.result(in: harness)
        #expect(actions == [])
        #expect(harness.session.nextDeadlineMilliseconds == nil)
        let committed = harness.session.committed(
            throughSequence: 0, credit: 1, atMilliseconds: harness.now)
        #expect(committed == [])
    }

    @Test("HELLO is answered by WELCOME with what the settings say, after the host is accepted")
    func hello() throws {
        let harness = ReceiverHarness(.awaitingHello)
        #expect(!harness.isWelcomed)
        let actions = harness.receive(.hello(.sample))
        let identity = try SessionIdentity.sample()
        #expect(actions == [.accepted(identity), .send(.welcome(.sample), sequence: 0)])
        #expect(harness.isWelcomed)
        #expect(harness.session.identity == identity)
        #expect(identity.hostID.text == "web-1")
    }

    @Test(
        "HELLO is refused by version, then features, then host id",
        arguments: [
            (
                HelloFrame.sample.with { ($0.lowestMajor, $0.highestMajor) = (2, 3) },
                ErrorCode.versionUnsupported
            ),
            (.sample.with { ($0.lowestMajor, $0.highestMajor) = (0, 0) }, .versionUnsupported),
            (.sample.with { ($0.lowestMajor, $0.highestMajor) = (1, 0) }, .badPayload),
            (.sample.with { $0.requiredFeatures = 4 }, .featureRequired),
            (.sample.with { ($0.requiredFeatures, $0.hostID) = (1 << 63, "") }, .featureRequired),
            (.sample.with { $0.hostID = "" }, .badIdentity),
            (.sample.with { $0.hostID = ".web" }, .badIdentity),
            (.sample.with { $0.hostID = "../etc" }, .badIdentity),
            (.sample.with { $0.hostID = "web 1" }, .badIdentity),
            (.sample.with { $0.hostID = RawText([0x77, 0xFF]) }, .badIdentity),
            (
                .sample.with { $0.hostID = RawText([UInt8](repeating: 0x61, count: 65)) },
                .badIdentity
            ),
        ])
    func helloRefused(_ hello: HelloFrame, _ code: ErrorCode) {
        let harness = ReceiverHarness(.awaitingHello)
        let actions = harness.receive(.hello(hello))
        #expect(actions.count == 2)
        #expect(actions.errorCode == code)
        #expect(harness.isClosed)
        #expect(harness.session.identity == nil)
    }

    @Test("an agent that speaks more versions than the collector gets the highest in common")
    func highestVersion() {
        let harness = ReceiverHarness(.awaitingHello)
        let actions = harness.receive(
            .hello(.sample.with { ($0.lowestMajor, $0.highestMajor) = (0, 255) }))
        #expect(actions.last == .send(.welcome(.sample), sequence: 0))
    }

    @Test(
        "a frame whose number is not one more than the last ends the session",
        arguments: [UInt64(0), 2, 4, .max])
    func sequence(_ sequence: UInt64) {
        let harness = ReceiverHarness(.live)
        #expect(harness.session.lastReceivedSequence == 2)
        let actions = harness.session.frameReceived(
            .ping(token: 1), sequence: sequence, wireBytes: 32, atMilliseconds: harness.now)
        #expect(
            actions
                == .failed(.badSequence, "sequence is \(sequence), expected 3", sequence: 1))
    }

    @Test("the first frame of an agent has the number 0")
    func firstSequence() {
        let harness = ReceiverHarness(.awaitingHello)
        harness.nextSequence = 1
        let actions = harness.receive(.hello(.sample))
        #expect(actions.errorCode == .badSequence)
    }

    @Test("TLS comes before the preface and has a deadline of its own")
    func handshake() {
        let harness = ReceiverHarness(.awaitingHandshake)
        #expect(harness.session.nextDeadlineMilliseconds == 6_000)
        let actions = harness.session.handshakeCompleted(atMilliseconds: 4_000)
        #expect(actions == [])
        #expect(harness.session.state == .awaitingPreface)
        #expect(harness.session.nextDeadlineMilliseconds == 9_000)
    }
}

extension ReceiverSessionTests.Row {
    static let data: [Frame] =
        [
            .host(.sample), .define([(0, 1)]), .samples([]), .peaks([]), .exit([]),
            .counters(CountersFrame(values: [.vanished: 1])),
        ] + HostFacts.frames

    static let all: [Self] =
        opening + awaitingHost + taking(.receivingState) + taking(.live) + ends + [
            Self(
                .receivingState, .frame(.stateEnd(0)),
                [.apply(.stateEnd(live: []), sequence: 2)], .live),
            Self(
                .live, .frame(.stateEnd(0)),
                .failed(.unexpectedFrame, "STATE_END came a second time", sequence: 1), .closed),
        ]

    static let opening: [Self] =
        [
            Self(.awaitingPreface, .preface(true), [], .awaitingHello),
            Self(
                .awaitingPreface, .preface(false),
                .failed(
                    .notHighwater, "the preface is not that of Highwater frames", sequence: 0),
                .closed),
            Self(
                .awaitingHandshake, .deadline,
                [
                    .close(
                        .failed(WireError(code: .timeout, reason: "TLS was not complete in time")))
                ], .closed),
            Self(
                .awaitingPreface, .deadline,
                [
                    .close(
                        .failed(WireError(code: .timeout, reason: "HELLO was not complete in time"))
                    )
                ], .closed),
            Self(
                .awaitingHello, .deadline,
                .failed(.timeout, "HELLO was not complete in time", sequence: 0), .closed),
            Self(.awaitingPreface, .drain(5), [.close(.drained)], .closed),
            Self(
                .awaitingHello, .drain(5),
                [
                    .send(.goodbye(.collectorStops, retryAfterMilliseconds: 5), sequence: 0),
                    .close(.drained),
                ], .closed),
            Self(.awaitingPreface, .inputClosed, [.close(.inputClosed)], .closed),
        ]
        + ([
            .ping(token: 1), .pong(token: 1), .goodbye(.agentStops), .error(.internalError, ""),
            .welcome(.sample), .acknowledge(0), .ignorable(type: 0x80), .stateEnd(0),
        ] + data).map { frame in
            Self(
                .awaitingHello, .frame(frame),
                .failed(.unexpectedFrame, "\(frame.name) came before HELLO", sequence: 0),
                .closed)
        }

    static let awaitingHost: [Self] =
        [
            Self(
                .awaitingHost, .frame(.host(.sample)), [.apply(.host(.sample), sequence: 1)],
                .receivingState)
        ]
        + (data.dropFirst() + [.stateEnd(0)]).map { frame in
            Self(
                .awaitingHost, .frame(frame),
                .failed(.unexpectedFrame, "\(frame.name) came before HOST", sequence: 1), .closed)
        }

    /// Data frames in `state`, all of which are taken and change nothing about it.
    static func taking(_ state: ReceiverSession.State) -> [Self] {
        let sequence: UInt64 = state == .live ? 3 : 2
        let described = StartedRun(key: run(1), description: .init(program: "a", comm: "a"))
        let tick = TickEvent(atMilliseconds: 5_000, availableBytes: 1, samples: [])
        let events: [SessionEvent] =
            [
                .host(.sample), .define([described]), .samples([tick]), .peaks([]), .exits([]),
                .counters([.vanished: 1]),
            ] + HostFacts.events
        return zip(data, events).map { frame, event in
            Self(state, .frame(frame), [.apply(event, sequence: sequence)], state)
        }
    }

    /// Rows of every state after HELLO.
    static let ends: [Self] = [ReceiverSession.State.awaitingHost, .receivingState, .live]
        .flatMap { state in
            [
                Self(state, .frame(.ping(token: 9)), [.send(.pong(token: 9), sequence: 1)], state),
                Self(
                    state, .frame(.pong(token: 9)),
                    .failed(.unexpectedFrame, "PONG answers no PING", sequence: 1), .closed),
                Self(
                    state, .frame(.goodbye(.agentStops)), [.close(.goodbye(.agentStops))],
                    .closed),
                Self(
                    state, .frame(.error(.internalError, "oh")),
                    [
                        .close(
                            .peerError(ErrorFrame(code: 20, retryAfterMilliseconds: 0, text: "oh")))
                    ],
                    .closed),
                Self(state, .frame(.ignorable(type: 0x80)), [], state),
                Self(
                    state, .frame(.hello(.sample)),
                    .failed(.unexpectedFrame, "HELLO came a second time", sequence: 1), .closed),
                Self(
                    state, .frame(.welcome(.sample)),
                    .failed(
                        .unexpectedFrame, "WELCOME is not for agents to send", sequence: 1),
                    .closed),
                Self(
                    state, .frame(.acknowledge(0)),
                    .failed(.unexpectedFrame, "ACK is not for agents to send", sequence: 1),
                    .closed),
                Self(state, .inputClosed, [.close(.inputClosed)], .closed),
                Self(
                    state, .drain(.max),
                    [
                        .send(
                            .goodbye(.collectorStops, retryAfterMilliseconds: 86_400_000),
                            sequence: 1), .close(.drained),
                    ], .closed),
                Self(
                    state, .replaced,
                    .failed(.replaced, "a newer session of this host took over", sequence: 1),
                    .closed),
                Self(
                    state, .undecodable,
                    [
                        .send(.error(.badChecksum, "bad (byte 20)"), sequence: 1),
                        .close(
                            .failed(WireError(code: .badChecksum, offset: 20, reason: "bad"))),
                    ], .closed),
                Self(
                    state, .full,
                    [
                        .send(.error(.busy, "full", retryAfterMilliseconds: 9), sequence: 1),
                        .close(.failed(WireError(code: .busy, reason: "full"))),
                    ], .closed),
                Self(state, .deadline, [.send(.ping(token: 0), sequence: 1)], state),
            ]
        }
}
