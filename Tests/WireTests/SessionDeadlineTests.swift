import Testing

@testable import Wire

@Suite("Deadlines and PING")
struct SessionDeadlineTests {
    @Test("a whole HELLO has five seconds from accept, however it drips in")
    func hello() {
        let harness = ReceiverHarness(.awaitingPreface)
        #expect(harness.session.nextDeadlineMilliseconds == 6_000)
        _ = harness.session.prefaceReceived(matching: true, atMilliseconds: 4_000)
        harness.session.bytesWaiting(count: 1, frameLength: nil, atMilliseconds: 4_000)
        harness.session.bytesWaiting(count: 90, frameLength: 91, atMilliseconds: 5_900)
        #expect(harness.session.nextDeadlineMilliseconds == 6_000)
        let before = harness.session.timePassed(atMilliseconds: 5_999)
        #expect(before == [])
        let after = harness.session.timePassed(atMilliseconds: 6_000)
        #expect(after == .failed(.timeout, "HELLO was not complete in time", sequence: 0))
    }

    @Test("WELCOME has five seconds from HELLO, whatever else the collector sends")
    func welcome() {
        let harness = SenderHarness(.awaitingWelcome)
        harness.now += 4_000
        harness.receive(.ping(token: 1))
        harness.session.bytesWaiting(count: 1, frameLength: nil, atMilliseconds: harness.now)
        #expect(harness.session.nextDeadlineMilliseconds == 6_000)
        let actions = harness.reachDeadline()
        #expect(actions == .failed(.timeout, "WELCOME did not come in time", sequence: 2))
    }

    @Test(
        "a frame that has begun has ten seconds and its length at 2,048 bytes a second",
        arguments: [
            (Int?.none, Int64(10_000)), (24, 10_011), (2_048, 11_000), (16_408, 18_011),
            (24 + 262_144, 138_011), (.max, 138_011), (-1, 10_000),
        ])
    func frame(_ length: Int?, _ milliseconds: Int64) {
        let harness = ReceiverHarness(.live)
        harness.now = 20_000
        harness.session.bytesWaiting(count: 1, frameLength: length, atMilliseconds: harness.now)
        // A PING must not hide the deadline.
        _ = harness.session.timePassed(atMilliseconds: harness.now)
        #expect(harness.session.nextDeadlineMilliseconds == 20_000 + milliseconds)
        let before = harness.session.timePassed(atMilliseconds: 20_000 + milliseconds - 1)
        #expect(before == [])
        let after = harness.session.timePassed(atMilliseconds: 20_000 + milliseconds)
        #expect(after == .failed(.timeout, "a frame was not complete in time", sequence: 2))
    }

    @Test("a drip of one byte each nine seconds is closed ten seconds after its first byte")
    func drip() {
        let harness = ReceiverHarness(.live)
        var closedAt: Int64?
        for count in 1...24 {
            let next = 1_000 + Int64(count - 1) * 9_000
            // What a timer does that is set to each next deadline.
            while let deadline = harness.session.nextDeadlineMilliseconds, deadline <= next {
                let actions = harness.session.timePassed(atMilliseconds: deadline)
                if actions.errorCode == .timeout { closedAt = deadline }
            }
            harness.session.bytesWaiting(count: count, frameLength: nil, atMilliseconds: next)
        }
        #expect(closedAt == 11_000)
    }

    @Test("a complete frame ends its deadline, and the rest that waits begins another")
    func nextFrame() {
        let harness = SenderHarness(.live)
        harness.session.bytesWaiting(count: 3, frameLength: nil, atMilliseconds: 1_000)
        #expect(harness.session.nextDeadlineMilliseconds == 11_000)
        harness.now = 9_000
        harness.receive(.ping(token: 1))
        harness.session.bytesWaiting(count: 5, frameLength: nil, atMilliseconds: 9_000)
        #expect(harness.session.nextDeadlineMilliseconds == 19_000)
        harness.session.bytesWaiting(count: 0, frameLength: nil, atMilliseconds: 9_500)
        // PING is due 15 s after the PONG.
        #expect(harness.session.nextDeadlineMilliseconds == 24_000)
    }

    @Test("a side that has sent nothing for the interval sends one PING, and waits for its PONG")
    func ping() {
        let receiver = ReceiverHarness(.live)
        let sender = SenderHarness(.live)
        let fromReceiver = receiver.reachDeadline()
        let fromSender = sender.reachDeadline()
        #expect(receiver.now == 16_000)
        #expect(sender.now == 16_000)
        #expect(fromReceiver == [.send(.ping(token: 0), sequence: 1)])
        #expect(fromSender == [.send(.ping(token: 0), sequence: 3)])
        // No second one while it is not answered, only the idle deadline.
        #expect(receiver.session.nextDeadlineMilliseconds == 46_000)
        #expect(sender.session.nextDeadlineMilliseconds == 46_000)
        let answered = (receiver.receive(.pong(token: 0)), sender.receive(.pong(token: 0)))
        #expect(answered.0 == [])
        #expect(answered.1 == [])
        let again = (receiver.reachDeadline(), sender.reachDeadline())
        #expect(receiver.now == 31_000)
        #expect(again.0 == [.send(.ping(token: 1), sequence: 2)])
        #expect(again.1 == [.send(.ping(token: 1), sequence: 4)])
        let wrong = (receiver.receive(.pong(token: 0)), sender.receive(.pong(token: 0)))
        #expect(wrong.0.errorCode == .unexpectedFrame)
        #expect(wrong.1.errorCode == .unexpectedFrame)
    }

    @Test("45 seconds without a whole frame end a session on either side")
    func idle() {
        let receiver = ReceiverHarness(.live)
        let sender = SenderHarness(.live)
        _ = (receiver.reachDeadline(), sender.reachDeadline())
        let actions = (receiver.reachDeadline(), sender.reachDeadline())
        #expect(receiver.now == 46_000)
        #expect(actions.0 == .failed(.timeout, "no frame for 45000 ms", sequence: 2))
        #expect(
            actions.1
                == .failed(
                    .timeout, "no frame for 45000 ms", sequence: 4, lastedMilliseconds: 45_000))
    }

    @Test("data that is sent puts off PING, and PING comes often enough for the idle deadline")
    func pingInterval() {
        let slow = SenderHarness(
            .live, welcome: .sample.with { $0.pingIntervalMilliseconds = 60_000 })
        #expect(slow.session.nextDeadlineMilliseconds == 16_000)
        let quick = SenderHarness(
            .live, welcome: .sample.with { $0.pingIntervalMilliseconds = 1_000 })
        _ = quick.session.willSend(.samples([]), atMilliseconds: 1_500)
        #expect(quick.session.nextDeadlineMilliseconds == 2_500)
    }
}
