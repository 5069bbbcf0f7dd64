import MemoryModel
import Testing

@testable import Wire

@Suite("Past sessions, refused hosts and what is to be forgotten")
struct PastAndResetTests {
    private static let stretch = TimeBracket(notBeforeMilliseconds: 5, notAfterMilliseconds: 9)

    @Test("a HELLO says whether its session is past, whatever other extensions it has")
    func past() throws {
        let other = FrameExtension(id: 0, value: "x")
        var hello = HelloFrame.sample
        hello.extensions = [other]
        #expect(!hello.isPast)
        #expect(hello.asPast.isPast && hello.asPast == hello.asPast.asPast)
        #expect(hello.asPast.extensions.map(\.id) == [0, 1])
        let harness = ReceiverHarness(.awaitingHello)
        harness.receive(.hello(hello.asPast))
        #expect(harness.session.identity?.isPast == true)
        let live = ReceiverHarness(.awaitingHello)
        live.receive(.hello(hello))
        #expect(live.session.identity?.isPast == false)
    }

    @Test("a HELLO of a command is one of a past session as well")
    func command() {
        var hello = HelloFrame.sample
        hello.extensions = [FrameExtension(id: 3, value: "x")]
        #expect(!hello.asPast.isCommand)
        #expect(hello.asCommand.isPast && hello.asCommand.isCommand)
        #expect(hello.asCommand == hello.asPast.asCommand.asCommand)
        #expect(hello.asCommand.extensions.map(\.id) == [1, 2, 3])
        let harness = ReceiverHarness(.awaitingHello)
        harness.receive(.hello(hello.asCommand))
        #expect(harness.session.identity?.isCommand == true)
        #expect(harness.session.identity?.isPast == true)
    }

    @Test("a host that its owner refuses gets ERROR as the first frame, in the place of WELCOME")
    func refuse() {
        let harness = ReceiverHarness(.awaitingHost)
        let error = ErrorFrame(code: 16, retryAfterMilliseconds: 20_000, text: "two of them")
        #expect(
            harness.session.refuse(
                code: .identityConflict, text: "two of them", retryAfterMilliseconds: 20_000,
                atMilliseconds: harness.now)
                == [
                    .send(.error(error), sequence: 0),
                    .close(
                        .failed(WireError(code: .identityConflict, reason: "two of them"))),
                ])
        #expect(harness.isClosed)
    }

    @Test("an agent in conflict comes back when it was told to, spread by half")
    func conflict() {
        let harness = SenderHarness(.awaitingWelcome)
        let error = ErrorFrame(code: 16, retryAfterMilliseconds: 20_000, text: "two of them")
        guard case .close(let disconnect) = harness.receive(.error(error)).last else {
            Issue.record("it goes on")
            return
        }
        #expect(disconnect.retryClass == .slow)
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let wait = backoff.delayMilliseconds(after: disconnect, using: &random)
            #expect((10_000...30_000).contains(wait))
        }
    }

    @Test("RESET is sent once HOST came in, in frames of at most 64 stretches")
    func send() {
        let stretches = (0..<130).map {
            TimeBracket(notBeforeMilliseconds: $0, notAfterMilliseconds: $0 + 1)
        }
        for state in [ReceiverSession.State.awaitingHello, .awaitingHost, .closed] {
            let harness = ReceiverHarness(state)
            #expect(harness.session.reset(stretches, atMilliseconds: harness.now) == [])
        }
        for state in [ReceiverSession.State.receivingState, .live] {
            let harness = ReceiverHarness(state)
            #expect(harness.session.reset([], atMilliseconds: harness.now) == [])
            let sent = harness.session.reset(stretches, atMilliseconds: harness.now)
            var told: [TimeBracket] = []
            for case .send(.reset(let frame), _) in sent {
                #expect(frame.stretches.count <= 64)
                told += frame.stretches
            }
            #expect(told == stretches && sent.count == 3)
        }
    }

    @Test("RESET is obeyed after HOST was sent, again and again, and not without end")
    func receive() {
        let frame = Frame.reset(ResetFrame(stretches: [Self.stretch]))
        for state in [SenderSession.State.awaitingWelcome, .awaitingHost] {
            let harness = SenderHarness(state)
            harness.receive(frame)
            #expect(harness.isClosed, "\(state)")
        }
        let harness = SenderHarness(.live)
        for _ in 0..<16 { #expect(harness.receive(frame) == [.reset([Self.stretch])]) }
        harness.receive(frame)
        #expect(harness.isClosed)
        // 16 a minute is one each 3,750 ms: that may go on, and a little more often may not.
        let patient = SenderHarness(.sendingState)
        for _ in 0..<15 { #expect(patient.receive(frame) == [.reset([Self.stretch])]) }
        for _ in 0..<100 {
            #expect(patient.receive(frame) == [.reset([Self.stretch])])
            patient.now += 3_750
        }
        #expect(patient.receive(frame) == [.reset([Self.stretch])])
        patient.now += 3_749
        patient.receive(frame)
        #expect(patient.isClosed)
    }
}
