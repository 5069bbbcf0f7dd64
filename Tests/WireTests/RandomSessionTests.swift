import MemoryModel
import TestSupport
import Testing

@testable import Wire

@Suite("Sessions against chance")
struct RandomSessionTests {
    /// What a collector has to know of the slots of a session, written once more and plainly.
    private struct SlotModel {
        var keys: [UInt32: ProcessKey] = [:]
        var isStateEnded = false

        /// Takes in a data frame; false if it is to be refused.
        mutating func accept(_ frame: Frame) -> Bool {
            switch frame {
            case .define(let define):
                for run in define.runs {
                    guard run.slot < 1_000 else { return false }
                    if let known = keys[run.slot], known != run.key { return false }
                    if keys.contains(where: { $0.key != run.slot && $0.value == run.key }) {
                        return false
                    }
                    keys[run.slot] = run.key
                }
            case .samples(let samples):
                let named = samples.ticks.flatMap(\.samples).map(\.slot)
                return named.allSatisfy { keys[$0] != nil }
            case .windows(let windows):
                return windows.entries.allSatisfy { keys[$0.slot] != nil }
            case .peaks(let peaks): return peaks.entries.allSatisfy { keys[$0.slot] != nil }
            case .exit(let exit):
                for entry in exit.entries {
                    guard keys.removeValue(forKey: entry.slot) != nil else { return false }
                }
            case .stateEnd(let end):
                guard !isStateEnded, end.liveCount == UInt64(keys.count) else { return false }
                isStateEnded = true
            default: break
            }
            return true
        }
    }

    /// A frame of an agent that is right most of the time.
    private func frame(
        _ model: SlotModel, using random: inout SeededGenerator
    ) -> Frame {
        func used() -> [UInt32] {
            let slots = model.keys.keys.sorted().shuffled(using: &random).prefix(3)
            return slots.sorted()
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30:
            let slot = UInt32.random(in: 0..<600, using: &random)
            let other = model.keys[slot]?.pid
            return .define([(slot, other ?? Int32.random(in: 1...5_000, using: &random))])
        case 30..<31:
            return .define([
                (
                    UInt32.random(in: 0..<1_010, using: &random),
                    Int32.random(in: 1...9, using: &random)
                )
            ])
        case 31..<55: return .samples(used())
        case 55..<56: return .samples([UInt32.random(in: 0..<600, using: &random)])
        case 56..<62: return .peaks(used())
        case 62..<66: return .windows(used())
        case 66..<85: return .exit(used())
        case 85..<86: return .exit([UInt32.random(in: 0..<600, using: &random)])
        case 86..<92 where !model.isStateEnded: return .stateEnd(UInt64(model.keys.count))
        case 92: return .stateEnd(UInt64.random(in: 0..<9, using: &random))
        case 93: return .counters(CountersFrame(values: [.refused: 1]))
        case 94: return .ignorable(type: 0x90)
        case 95..<98: return HostFacts.frames.randomElement(using: &random) ?? .host(.sample)
        default: return .host(.sample)
        }
    }

    @Test("a receiver takes exactly the frames that a plain model takes, and keeps its slots")
    func receiver() {
        var random = SeededGenerator()
        var outcomes: [String: Int] = [:]
        for _ in 0..<200 {
            let harness = ReceiverHarness(.receivingState)
            var model = SlotModel()
            for _ in 0..<400 where !harness.isClosed {
                let frame = frame(model, using: &random)
                harness.now += 10
                let isRight = model.accept(frame)
                let actions = harness.receive(frame)
                #expect(harness.isClosed == !isRight, "\(frame): \(actions), \(random)")
                for case .apply(_, let sequence) in actions {
                    #expect(sequence == harness.nextSequence - 1)
                    outcomes["applied", default: 0] += 1
                }
                guard isRight else {
                    outcomes["\(actions.errorCode.map { "\($0)" } ?? "none")", default: 0] += 1
                    continue
                }
                #expect(harness.session.slotCount == model.keys.count, "\(random)")
                if case .apply(.stateEnd(let live), _) = actions.first {
                    outcomes["live", default: 0] += 1
                    let expected = model.keys.sorted { $0.key < $1.key }.map(\.value)
                    #expect(live == expected, "\(random)")
                }
                if frame.usesCredit {
                    _ = harness.session.committed(
                        throughSequence: harness.nextSequence - 1, credit: 64,
                        atMilliseconds: harness.now)
                }
            }
            if !harness.isClosed { outcomes["whole", default: 0] += 1 }
        }
        #expect((outcomes["applied"] ?? 0) > 1_000, "\(outcomes), \(random)")
        #expect((outcomes["badPayload"] ?? 0) > 0, "\(outcomes), \(random)")
        #expect((outcomes["live"] ?? 0) > 0, "\(outcomes), \(random)")
        #expect(outcomes["none"] == nil, "\(outcomes), \(random)")
    }

    /// Any frame at all, with numbers of any size.
    private func anyFrame(using random: inout SeededGenerator) -> Frame {
        func number() -> UInt64 {
            let bits = UInt64.random(in: 0...64, using: &random)
            return bits == 0
                ? 0 : UInt64.random(in: 0...(UInt64.max >> (64 - bits)), using: &random)
        }
        func slot() -> UInt32 { UInt32(truncatingIfNeeded: number()) }
        switch Int.random(in: 0..<16, using: &random) {
        case 0: return .hello(.sample.with { $0.requiredFeatures = number() })
        case 1:
            return .welcome(
                .sample.with {
                    ($0.credit, $0.maximumRuns) = (number(), number())
                    $0.maximumWireBytes = number()
                })
        case 2: return .welcome(.sample)
        case 3:
            return .error(
                ErrorFrame(code: number(), retryAfterMilliseconds: number(), text: "a\u{1B}[2J"))
        case 4: return .ping(token: number())
        case 5: return .pong(token: number())
        case 6: return .goodbye(.collectorStops, retryAfterMilliseconds: number())
        case 7: return .acknowledge(number(), credit: number())
        case 8: return .acknowledge(UInt64.random(in: 0..<4, using: &random))
        case 9: return .host(.sample)
        case 10: return .define([(slot(), Int32(truncatingIfNeeded: number()))])
        case 11: return .samples([slot()], atMilliseconds: Int64(bitPattern: number()))
        case 12: return .exit([slot()])
        case 13: return .stateEnd(number())
        case 14: return HostFacts.frames.randomElement(using: &random) ?? .host(.sample)
        default: return .ignorable(type: UInt8.random(in: 0x80...0xFF, using: &random))
        }
    }

    @Test("no frame and no length makes either session trap, and what is sent is numbered on")
    func anything() {
        var random = SeededGenerator()
        var closings = 0
        for _ in 0..<2_000 {
            let receivers: [ReceiverSession.State] = [.awaitingHello, .receivingState, .live]
            let senders: [SenderSession.State] = [.awaitingWelcome, .sendingState, .live]
            let receiver = ReceiverHarness(receivers.randomElement(using: &random) ?? .live)
            let sender = SenderHarness(senders.randomElement(using: &random) ?? .live)
            var received: [ReceiverAction] = []
            var sent: [SenderAction] = []
            for _ in 0..<20 {
                let step = Int64.random(in: 0...4_000, using: &random)
                let waiting = Int.random(in: -1...1 << 40, using: &random)
                (receiver.now, sender.now) = (receiver.now + step, sender.now + step)
                received += receiver.session.timePassed(atMilliseconds: receiver.now)
                sent += sender.session.timePassed(atMilliseconds: sender.now)
                received += receiver.receive(anyFrame(using: &random))
                sent += sender.receive(anyFrame(using: &random))
                receiver.session.bytesWaiting(
                    count: waiting, frameLength: waiting, atMilliseconds: receiver.now)
                sender.session.bytesWaiting(
                    count: waiting, frameLength: nil, atMilliseconds: sender.now)
                #expect((0...WireLimits.maximumCredit).contains(sender.session.mayEncode))
            }
            if receiver.isClosed, sender.isClosed { closings += 1 }
            let numbers = received.compactMap { action -> UInt64? in
                if case .send(_, let sequence) = action { sequence } else { nil }
            }
            #expect(
                numbers == (numbers.first.map { Array($0..<$0 + UInt64(numbers.count)) } ?? []))
            let closes = sent.filter { if case .close = $0 { true } else { false } }
            #expect(closes.count == (sender.isClosed ? 1 : 0), "\(random)")
            #expect(closes.isEmpty || sent.last == closes.last, "\(random)")
        }
        #expect(closings > 100, "\(random)")
    }
}
