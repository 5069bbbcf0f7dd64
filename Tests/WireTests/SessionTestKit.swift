import MemoryModel

@testable import Wire

/// A receiver's session in a given state, and the agent's side of its bookkeeping.
final class ReceiverHarness {
    var session: ReceiverSession
    var now: Int64
    var nextSequence: UInt64 = 0

    /// Accepted at 1,000 and brought to `state` at once.
    init(_ state: ReceiverSession.State, settings: ReceiverSettings = .sample) {
        now = 1_000
        session = ReceiverSession(
            acceptedAtMilliseconds: now, awaitsHandshake: state == .awaitingHandshake,
            settings: settings)
        guard state != .awaitingHandshake, state != .awaitingPreface else { return }
        _ = session.prefaceReceived(matching: true, atMilliseconds: now)
        guard state != .awaitingHello else { return }
        receive(.hello(.sample))
        guard state != .awaitingHost else { return }
        receive(.host(.sample))
        guard state != .receivingState else { return }
        receive(.stateEnd(StateEndFrame(liveCount: 0)))
        guard state != .live else { return }
        _ = session.inputClosed(atMilliseconds: now)
    }

    // `#expect` copies what it looks into, which a session does not allow.
    var isWelcomed: Bool { session.isWelcomed }
    var isClosed: Bool { session.isClosed }

    /// Hands over the next frame of the agent.
    @discardableResult
    func receive(_ frame: Frame, wireBytes: Int = 24) -> [ReceiverAction] {
        defer { nextSequence += 1 }
        return session.frameReceived(
            frame, sequence: nextSequence, wireBytes: wireBytes, atMilliseconds: now)
    }

    /// Lets time pass to the next deadline.
    func reachDeadline() -> [ReceiverAction] {
        now = session.nextDeadlineMilliseconds ?? now
        return session.timePassed(atMilliseconds: now)
    }
}

/// A sender's session in a given state, and the collector's side of its bookkeeping.
final class SenderHarness {
    var session: SenderSession
    var now: Int64
    var nextSequence: UInt64 = 0

    /// Connected at 1,000 and brought to `state` at once.
    init(
        _ state: SenderSession.State, hello: HelloFrame = .sample, welcome: WelcomeFrame = .sample
    ) {
        now = 1_000
        session = SenderSession(hello: hello)
        guard state != .connecting else { return }
        _ = session.connected(atMilliseconds: now)
        guard state != .awaitingWelcome else { return }
        receive(.welcome(welcome))
        guard state != .awaitingHost else { return }
        _ = session.willSend(.host(.sample), atMilliseconds: now)
        guard state != .sendingState else { return }
        _ = session.willSend(.stateEnd(StateEndFrame(liveCount: 0)), atMilliseconds: now)
        guard state != .live else { return }
        _ = session.connectionClosed(atMilliseconds: now)
    }

    // `#expect` copies what it looks into, which a session does not allow.
    var isWelcomed: Bool { session.isWelcomed }
    var isClosed: Bool { session.isClosed }

    /// Hands over the next frame of the collector.
    @discardableResult
    func receive(_ frame: Frame) -> [SenderAction] {
        defer { nextSequence += 1 }
        return session.frameReceived(frame, sequence: nextSequence, atMilliseconds: now)
    }

    /// Lets time pass to the next deadline.
    func reachDeadline() -> [SenderAction] {
        now = session.nextDeadlineMilliseconds ?? now
        return session.timePassed(atMilliseconds: now)
    }
}

extension ReceiverSettings {
    static let sample = ReceiverSettings(
        storeID: StoreID(high: 7, low: 8), collectorVersion: "1.0", maximumRuns: 1_000)
}

extension HelloFrame {
    static let sample = HelloFrame(
        lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 6, epoch: 42,
        boot: BootID(high: 1, low: 2), hostID: "web-1", hostName: "web", agentVersion: "1.0")

    func with(_ change: (inout HelloFrame) -> Void) -> HelloFrame {
        var copy = self
        change(&copy)
        return copy
    }
}

extension WelcomeFrame {
    /// What a receiver with the sample settings answers to the sample HELLO.
    static let sample = WelcomeFrame(
        major: 1, features: 0, storeID: StoreID(high: 7, low: 8), maximumWireBytes: 262_144,
        maximumRuns: 1_000, credit: 64, pingIntervalMilliseconds: 15_000, collectorVersion: "1.0")

    func with(_ change: (inout WelcomeFrame) -> Void) -> WelcomeFrame {
        var copy = self
        change(&copy)
        return copy
    }
}

extension HostDescription {
    static let sample = HostDescription(
        name: "web", kernelRelease: "6.18", memoryTotalBytes: 1 << 34, swapTotalBytes: 0,
        processorCount: 2, ticksPerSecond: 100, wallMinusBootMilliseconds: 1_700_000_000_000,
        intervalMilliseconds: 1_000, restrictions: [], labels: [])
}

extension SessionIdentity {
    /// Who the sample HELLO speaks for.
    static func sample() throws(WireError) -> SessionIdentity {
        try HelloJudgement.accept(.sample, majors: 1...1, features: 0).0
    }
}

/// The run of a process that is known by its pid alone.
func run(_ pid: Int32) -> ProcessKey { ProcessKey(pid: pid, startTicks: 100) }

extension Frame {
    /// DEFINE of runs in slots, named by pid.
    static func define(_ runs: [(slot: UInt32, pid: Int32)], program: RawText = "a") -> Frame {
        .define(
            DefineFrame(
                runs: runs.map {
                    DefineFrame.Definition(
                        slot: $0.slot, key: run($0.pid),
                        description: RunDescription(program: program, comm: "a"))
                }))
    }

    /// SAMPLES of one tick in which these slots use as many bytes as their number times 1,024.
    static func samples(_ slots: [UInt32], atMilliseconds at: Int64 = 5_000) -> Frame {
        let samples = slots.map {
            SamplesFrame.Sample(
                slot: $0, resident: .bytes(UInt64($0) << 10), swap: .unchanged,
                processorMilliseconds: nil)
        }
        return .samples(
            SamplesFrame(ticks: [.init(atMilliseconds: at, availableBytes: 1, samples: samples)]))
    }

    /// PEAKS of these slots.
    static func peaks(_ slots: [UInt32]) -> Frame {
        .peaks(PeaksFrame(entries: slots.map { .init(slot: $0, peak: nil, swapPeakBytes: 1_024) }))
    }

    /// WINDOWS of these slots.
    static func windows(_ slots: [UInt32]) -> Frame {
        .windows(
            WindowsFrame(
                length: .minute, startsAtMilliseconds: -1_000,
                entries: slots.map {
                    .init(slot: $0, window: Window(atLeastBytes: 1_024, atMostBytes: nil))
                }))
    }

    /// EXIT of these slots.
    static func exit(_ slots: [UInt32]) -> Frame {
        .exit(
            ExitFrame(
                entries: slots.map { .init(slot: $0, end: .sample, processorMilliseconds: 7) }))
    }

    /// STATE_END.
    static func stateEnd(_ liveCount: UInt64) -> Frame {
        .stateEnd(StateEndFrame(liveCount: liveCount))
    }

    /// ACK.
    static func acknowledge(_ sequence: UInt64, credit: UInt64 = 64) -> Frame {
        .acknowledgement(AcknowledgementFrame(sequence: sequence, credit: credit))
    }

    /// GOODBYE.
    static func goodbye(_ reason: GoodbyeReason, retryAfterMilliseconds: UInt64 = 0) -> Frame {
        .goodbye(GoodbyeFrame(reason: reason, retryAfterMilliseconds: retryAfterMilliseconds))
    }

    /// ERROR.
    static func error(
        _ code: ErrorCode, _ text: RawText, retryAfterMilliseconds: UInt64 = 0
    ) -> Frame {
        .error(
            ErrorFrame(
                code: UInt64(code.rawValue), retryAfterMilliseconds: retryAfterMilliseconds,
                text: text))
    }
}

extension RunEnd {
    static let sample = RunEnd(
        bracket: TimeBracket(notBeforeMilliseconds: 1, notAfterMilliseconds: 2), reason: .exited)
}

extension [ReceiverAction] {
    /// ERROR with the sequence number `sequence`, then the end.
    static func failed(
        _ code: ErrorCode, _ reason: String, sequence: UInt64
    ) -> [ReceiverAction] {
        [
            .send(.error(code, RawText(reason)), sequence: sequence),
            .close(.failed(WireError(code: code, reason: reason))),
        ]
    }

    /// The code of the ERROR that it sends; nil if it sends none.
    var errorCode: ErrorCode? {
        for case .send(.error(let error), _) in self {
            return UInt16(exactly: error.code).flatMap(ErrorCode.init(rawValue:))
        }
        return nil
    }
}

extension [SenderAction] {
    /// ERROR with the sequence number `sequence`, then the end.
    static func failed(
        _ code: ErrorCode, _ reason: String, sequence: UInt64, lastedMilliseconds: Int64 = 0
    ) -> [SenderAction] {
        [
            .send(.error(code, RawText(reason)), sequence: sequence),
            .close(
                Disconnect(
                    cause: .failed(WireError(code: code, reason: reason)),
                    retryClass: code.retryClass, lastedMilliseconds: lastedMilliseconds)),
        ]
    }

    /// The code of the ERROR that it sends; nil if it sends none.
    var errorCode: ErrorCode? {
        for case .send(.error(let error), _) in self {
            return UInt16(exactly: error.code).flatMap(ErrorCode.init(rawValue:))
        }
        return nil
    }

    /// How it ends; nil if it does not.
    var disconnect: Disconnect? {
        for case .close(let disconnect) in self { return disconnect }
        return nil
    }
}
