import MemoryModel
import TestSupport
import Testing

@testable import Wire

/// A sender's and a receiver's session with a line between them that takes its time.
private final class SessionPair {
    var now: Int64 = 1_000
    var sender = SenderSession(hello: .sample)
    var receiver: ReceiverSession
    var toReceiver: [(Frame, UInt64)] = []
    var toSender: [(Frame, UInt64)] = []
    var isPrefaceUnderWay = false
    var applied: [UInt64] = []
    var acknowledged: UInt64?
    var forgotten: [TimeBracket] = []
    var disconnect: Disconnect?
    var closeReason: CloseReason?

    init(settings: ReceiverSettings) {
        receiver = ReceiverSession(acceptedAtMilliseconds: now, settings: settings)
        perform(sender.connected(atMilliseconds: now))
    }

    func perform(_ actions: [SenderAction]) {
        for action in actions {
            switch action {
            case .sendPreface: isPrefaceUnderWay = true
            case .send(let frame, let sequence): toReceiver.append((frame, sequence))
            case .welcomed: break
            case .acknowledged(let sequence): acknowledged = sequence
            case .reset(let stretches): forgotten += stretches
            case .close(let disconnect): self.disconnect = disconnect
            }
        }
    }

    func perform(_ actions: [ReceiverAction]) {
        for action in actions {
            switch action {
            case .send(let frame, let sequence): toSender.append((frame, sequence))
            case .accepted: break
            case .apply(_, let sequence): applied.append(sequence)
            case .close(let reason): closeReason = reason
            }
        }
    }

    func deliverToReceiver() {
        if isPrefaceUnderWay {
            isPrefaceUnderWay = false
            perform(receiver.prefaceReceived(matching: true, atMilliseconds: now))
        } else if !toReceiver.isEmpty {
            let (frame, sequence) = toReceiver.removeFirst()
            perform(
                receiver.frameReceived(
                    frame, sequence: sequence, wireBytes: 100, atMilliseconds: now))
        }
    }

    func deliverToSender() {
        guard !toSender.isEmpty else { return }
        let (frame, sequence) = toSender.removeFirst()
        perform(sender.frameReceived(frame, sequence: sequence, atMilliseconds: now))
    }

    /// Delivers until nothing is under way.
    func deliverAll() {
        while isPrefaceUnderWay || !toReceiver.isEmpty || !toSender.isEmpty {
            deliverToReceiver()
            deliverToSender()
        }
    }

    func send(_ frame: Frame) {
        toReceiver.append((frame, sender.willSend(frame, atMilliseconds: now)))
    }

    func letTimePass(_ milliseconds: Int64) {
        now += milliseconds
        perform(sender.timePassed(atMilliseconds: now))
        perform(receiver.timePassed(atMilliseconds: now))
    }
}

@Suite("Both sessions with each other")
struct SessionPairTests {
    @Test("they talk for long, with credit that comes and goes, and find no fault")
    func longTalk() {
        var random = SeededGenerator()
        var counts = (pings: 0, starved: 0, sent: 0)
        for _ in 0..<20 {
            var settings = ReceiverSettings.sample
            settings.credit = UInt64.random(in: 0...8, using: &random)
            let pair = SessionPair(settings: settings)
            for _ in 0..<2_000 {
                step(pair, counts: &counts, using: &random)
                #expect(pair.disconnect == nil, "\(random)")
                #expect(pair.closeReason == nil, "\(random)")
                if pair.disconnect != nil || pair.closeReason != nil { return }
            }
            finish(pair)
            #expect(pair.closeReason == .goodbye(.agentStops), "\(random)")
            #expect(pair.acknowledged == pair.applied.last, "\(random)")
        }
        #expect(counts.pings > 0 && counts.starved > 0 && counts.sent > 1_000, "\(random)")
    }

    private func step(
        _ pair: SessionPair, counts: inout (pings: Int, starved: Int, sent: Int),
        using random: inout SeededGenerator
    ) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3: pair.deliverToReceiver()
        case 3..<5: pair.deliverToSender()
        case 5:
            // Nothing is under way for long: a line that delivers late may pass a deadline.
            pair.deliverAll()
            let isLong = Int.random(in: 0..<10, using: &random) == 0
            pair.letTimePass(Int64.random(in: 0...(isLong ? 16_000 : 300), using: &random))
            counts.pings += pair.toReceiver.filter { $0.0.name == "PING" }.count
            pair.deliverAll()
        case 6:
            if let last = pair.applied.last {
                let credit = UInt64.random(in: 0...8, using: &random)
                pair.perform(
                    pair.receiver.committed(
                        throughSequence: last, credit: credit, atMilliseconds: pair.now))
            } else {
                pair.perform(
                    pair.receiver.creditChanged(to: 8, atMilliseconds: pair.now))
            }
        default:
            guard pair.sender.mayEncode > 0 else {
                counts.starved += 1
                return
            }
            counts.sent += 1
            switch pair.sender.state {
            case .awaitingHost: pair.send(.host(.sample))
            case .sendingState: pair.send(.stateEnd(0))
            default: pair.send(.samples([]))
            }
        }
    }

    /// Delivers all, commits all and has the agent leave.
    private func finish(_ pair: SessionPair) {
        pair.deliverAll()
        if let last = pair.applied.last {
            pair.perform(
                pair.receiver.committed(
                    throughSequence: last, credit: 1, atMilliseconds: pair.now))
        }
        pair.deliverAll()
        pair.perform(pair.sender.stop(atMilliseconds: pair.now))
        pair.deliverAll()
    }
}
