import MemoryModel
import Testing

@testable import Wire

@Suite("Acknowledgement, credit and rates")
struct SessionCreditTests {
    // MARK: The collector

    @Test("a commit is acknowledged once, with the credit that goes with it")
    func acknowledge() {
        let harness = ReceiverHarness(.live)
        func commit(_ sequence: UInt64, _ credit: UInt64) -> [ReceiverAction] {
            harness.session.committed(
                throughSequence: sequence, credit: credit, atMilliseconds: harness.now)
        }
        let first = commit(2, 64)
        #expect(first == [.send(.acknowledge(2), sequence: 1)])
        let again = commit(2, 64)
        #expect(again == [])
        let stalled = commit(2, 0)
        #expect(stalled == [.send(.acknowledge(2, credit: 0), sequence: 2)])
    }

    @Test("an ACK never goes back, whatever order commits are reported in")
    func acknowledgeNeverBack() {
        let harness = ReceiverHarness(.live)
        let first = harness.session.committed(
            throughSequence: 2, credit: 64, atMilliseconds: harness.now)
        let older = harness.session.committed(
            throughSequence: 1, credit: 64, atMilliseconds: harness.now)
        let olderWithCredit = harness.session.committed(
            throughSequence: 1, credit: 3, atMilliseconds: harness.now)
        #expect(first.count == 1)
        #expect(older == [])
        #expect(olderWithCredit == [.send(.acknowledge(2, credit: 3), sequence: 2)])
    }

    @Test("credit can change before anything was committed")
    func creditAlone() {
        let harness = ReceiverHarness(.awaitingHost)
        let actions = harness.session.creditChanged(to: 0, atMilliseconds: harness.now)
        #expect(actions == [.send(.acknowledge(0, credit: 0), sequence: 1)])
        let before = ReceiverHarness(.awaitingHello)
        let nothing = before.session.creditChanged(to: 0, atMilliseconds: before.now)
        #expect(nothing == [])
    }

    private func settings(credit: UInt64) -> ReceiverSettings {
        var settings = ReceiverSettings.sample
        settings.credit = credit
        return settings
    }

    @Test("more data frames than were ever granted end the session; control frames do not count")
    func creditExceeded() {
        let harness = ReceiverHarness(.awaitingHost, settings: settings(credit: 3))
        harness.receive(.host(.sample))
        harness.receive(.ping(token: 1))
        harness.receive(.stateEnd(0))
        harness.receive(.samples([]))
        #expect(!harness.isClosed)
        let actions = harness.receive(.samples([]))
        #expect(actions == .failed(.limitExceeded, "more data frames than credit", sequence: 2))
    }

    @Test("less credit does not make frames an error that were on their way already")
    func creditWithdrawn() {
        let harness = ReceiverHarness(.awaitingHost, settings: settings(credit: 3))
        harness.receive(.host(.sample))
        _ = harness.session.committed(throughSequence: 1, credit: 0, atMilliseconds: harness.now)
        harness.receive(.samples([]))
        harness.receive(.samples([]))
        #expect(!harness.isClosed)
        // The commit frees those two, and nothing more is granted with it.
        _ = harness.session.committed(throughSequence: 3, credit: 0, atMilliseconds: harness.now)
        let actions = harness.receive(.samples([]))
        #expect(actions.errorCode == .limitExceeded)
    }

    @Test("runs are defined at most at the rate of the settings, over a burst")
    func defineRate() {
        var settings = ReceiverSettings.sample
        settings.defineRate = RateLimit(perSecond: 2, burst: 3)
        let harness = ReceiverHarness(.live, settings: settings)
        harness.receive(.define([(1, 1), (2, 2), (3, 3)]))
        harness.now += 499
        let patient = ReceiverHarness(.live, settings: settings)
        patient.receive(.define([(1, 1), (2, 2), (3, 3)]))
        patient.now += 500
        let early = harness.receive(.define([(4, 4)]))
        let late = patient.receive(.define([(4, 4)]))
        #expect(early == .failed(.limitExceeded, "too many runs defined a second", sequence: 1))
        #expect(late.count == 1)
        #expect(!patient.isClosed)
    }

    @Test("bytes come in at most at the rate of the settings, over a burst")
    func byteRate() {
        var settings = ReceiverSettings.sample
        settings.byteRate = RateLimit(perSecond: 1_000, burst: 1_000)
        let harness = ReceiverHarness(.live, settings: settings)
        harness.now += 60_000
        harness.receive(.ignorable(type: 0x80), wireBytes: 1_000)
        #expect(!harness.isClosed)
        harness.now += 100
        harness.receive(.ignorable(type: 0x80), wireBytes: 100)
        #expect(!harness.isClosed)
        let actions = harness.receive(.ignorable(type: 0x80), wireBytes: 24)
        #expect(actions == .failed(.limitExceeded, "too many bytes a second", sequence: 1))
    }

    @Test("a flood of PINGs ends the session on either side, a PING a second does not")
    func pingFlood() {
        let receiver = ReceiverHarness(.live)
        let sender = SenderHarness(.live)
        for token: UInt64 in 0..<30 {
            receiver.now += 1_000
            sender.now += 1_000
            receiver.receive(.ping(token: token))
            sender.receive(.ping(token: token))
        }
        #expect(!receiver.isClosed)
        #expect(!sender.isClosed)
        (receiver.now, sender.now) = (receiver.now + 1_000, sender.now + 1_000)
        var received: [ErrorCode?] = []
        var sent: [ErrorCode?] = []
        for token: UInt64 in 0..<5 {
            received.append(receiver.receive(.ping(token: token)).errorCode)
            sent.append(sender.receive(.ping(token: token)).errorCode)
        }
        #expect(received == [nil, nil, nil, nil, .limitExceeded])
        #expect(sent == [nil, nil, nil, nil, .limitExceeded])
    }

    // MARK: The agent

    @Test("an agent may send as many data frames as the credit less those not acknowledged")
    func mayEncode() {
        let harness = SenderHarness(.awaitingHost, welcome: .sample.with { $0.credit = 3 })
        func send(_ frame: Frame) -> UInt64 {
            harness.session.willSend(frame, atMilliseconds: harness.now)
        }
        #expect(harness.session.mayEncode == 3)
        #expect(send(.host(.sample)) == 1)
        #expect(send(.samples([])) == 2)
        #expect(harness.session.mayEncode == 1)
        // PONG takes number 3 and no credit.
        harness.receive(.ping(token: 1))
        #expect(harness.session.mayEncode == 1)
        #expect(send(.stateEnd(0)) == 4)
        #expect(harness.session.mayEncode == 0)
        harness.receive(.acknowledge(3, credit: 3))
        #expect(harness.session.mayEncode == 2)
        harness.receive(.acknowledge(3, credit: 0))
        #expect(harness.session.mayEncode == 0)
        harness.receive(.acknowledge(4, credit: 65_536))
        #expect(harness.session.mayEncode == 65_536)
        _ = harness.session.stop(atMilliseconds: harness.now)
        #expect(harness.session.mayEncode == 0)
    }

    @Test(
        "an ACK that goes back, names what was not sent or gives too much credit is an error",
        arguments: [
            (UInt64(1), UInt64(64), ErrorCode.badSequence, "ACK goes back from 2 to 1"),
            (4, 64, .badSequence, "ACK names 4, the last sent is 3"),
            (.max, 0, .badSequence, "ACK names 18446744073709551615, the last sent is 3"),
            (3, 65_537, .badPayload, "credit is 65537, which is out of bounds"),
        ])
    func impossibleAcknowledgement(
        _ sequence: UInt64, _ credit: UInt64, _ code: ErrorCode, _ reason: String
    ) {
        let harness = SenderHarness(.live)
        _ = harness.session.willSend(.samples([]), atMilliseconds: harness.now)
        let fine = harness.receive(.acknowledge(2))
        #expect(fine == [.acknowledged(throughSequence: 2)])
        let repeated = harness.receive(.acknowledge(2))
        #expect(repeated == [.acknowledged(throughSequence: 2)])
        let actions = harness.receive(.acknowledge(sequence, credit: credit))
        #expect(actions == .failed(code, reason, sequence: 4))
    }
}
