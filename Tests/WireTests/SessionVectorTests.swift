import MemoryModel
import Testing

@testable import Wire

@Suite("Session vectors")
struct SessionVectorTests {
    @Test(
        "a session refuses each invalid vector for its reason and at its frame",
        arguments: try VectorFile.invalidSessions())
    func refusal(_ vector: VectorFile) throws {
        let outcome = try VectorSession(vector).outcome(of: vector.bytes)
        let error = try #require(outcome.error, "it was taken")
        #expect("\(error.code)" == vector.meaning["error"]?.string, "\(error.reason)")
        #expect(outcome.sentErrorCode == error.code)
        #expect(outcome.frameCount == vector.meaning["frame"]?.int ?? 0, "\(error.reason)")
        if let offset = error.offset {
            #expect(offset == vector.meaning["offset"]?.int, "\(error.reason)")
        }
    }

    @Test(
        "a session takes each valid vector to its end",
        arguments: try VectorFile.valid.get().filter { $0.meaning["frames"] != nil })
    func taken(_ vector: VectorFile) throws {
        let frames = try #require(vector.meaning["frames"]?.array)
        let outcome = try VectorSession(vector).outcome(of: vector.bytes)
        #expect(outcome.error == nil)
        #expect(outcome.frameCount == frames.count)
        let last: Set<JSONValue?> = [.string("GOODBYE"), .string("ERROR")]
        #expect(outcome.isClosed == last.contains(frames.last?["type"]))
    }

    @Test("there are vectors of both sides, and each error of a session is shown")
    func coverage() throws {
        let invalid = try VectorFile.invalidSessions()
        #expect(Set(invalid.map { $0.meaning["direction"] }).count == 2)
        #expect(
            Set(invalid.compactMap { $0.meaning["error"]?.string }) == [
                "notHighwater", "frameTooLarge", "badSequence", "unexpectedFrame", "badPayload",
                "versionUnsupported", "featureRequired", "limitExceeded", "badIdentity",
            ])
    }
}

/// What a session made of all that its peer sent.
private struct SessionOutcome {
    /// What was wrong; nil if everything was taken.
    var error: WireError?
    /// The code of the ERROR that answered it.
    var sentErrorCode: ErrorCode?
    /// How many frames were taken.
    var frameCount = 0
    var isClosed = false
}

/// The other side of a vector's session, as `Protocol/vectors/README.md` describes it.
private struct VectorSession {
    private let direction: JSONValue?
    private let settings: ReceiverSettings
    private let hello: HelloFrame
    private let sent: [Frame]

    init(_ vector: VectorFile) throws {
        direction = vector.meaning["direction"]
        let welcome = vector.meaning["welcome"]
        settings = ReceiverSettings(
            storeID: StoreID(high: 7, low: 8), collectorVersion: "1.0",
            credit: UInt64(welcome?["credit"]?.int ?? 64),
            maximumWireBytes: welcome?["maximumWireBytes"]?.int ?? 262_144)
        hello = HelloFrame.sample.with {
            $0.requiredFeatures = UInt64(vector.meaning["hello"]?["requiredFeatures"]?.int ?? 0)
            $0.offeredFeatures = 0
        }
        guard vector.meaning["frames"] != nil else {
            sent = [.host(.sample), .stateEnd(0)]
            return
        }
        var stream = try FrameStream()
        let agent = try #require(
            try VectorFile.valid.get().first { $0.name == "54-session-agent" })
        try stream.take(agent.bytes.dropFirst(FrameEncoder.preface.count))
        // HELLO is the session's own; after GOODBYE it would listen no more.
        sent = stream.frames.dropFirst().dropLast().map(\.frame)
    }

    func outcome(of bytes: [UInt8]) throws -> SessionOutcome {
        direction == .string("agent") ? try received(bytes) : try answered(bytes)
    }

    /// What a collector makes of an agent.
    private func received(_ bytes: [UInt8]) throws -> SessionOutcome {
        var session = ReceiverSession(acceptedAtMilliseconds: 0, settings: settings)
        var outcome = SessionOutcome()
        let isPreface = bytes.starts(with: FrameEncoder.preface)
        take(session.prefaceReceived(matching: isPreface, atMilliseconds: 0), into: &outcome)
        let codec = try FrameCodec()
        var rest = bytes.dropFirst(FrameEncoder.preface.count)
        while !rest.isEmpty, !outcome.isClosed {
            do throws(WireError) {
                let frame = try decode(
                    &rest, codec, session.isWelcomed, session.maximumWireBytes)
                let actions = session.frameReceived(
                    frame.frame, sequence: frame.sequence, wireBytes: frame.consumedBytes,
                    atMilliseconds: 0)
                take(actions, into: &outcome)
                if outcome.error == nil { outcome.frameCount += 1 }
            } catch {
                take(session.decodingFailed(error, atMilliseconds: 0), into: &outcome)
            }
        }
        #expect(outcome.isClosed == session.isClosed)
        return outcome
    }

    private func decode(
        _ rest: inout ArraySlice<UInt8>, _ codec: FrameCodec, _ isWelcomed: Bool,
        _ maximumWireBytes: Int
    ) throws(WireError) -> DecodedFrame {
        let bytes = Array(rest)
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(WireError) in
                try codec.decode(
                    raw, isWelcomed: isWelcomed, maximumWireBytes: maximumWireBytes)
            }
        }
        guard let frame = try result.get() else {
            throw WireError(code: .internalError, reason: "the vector ends within a frame")
        }
        rest = rest.dropFirst(frame.consumedBytes)
        return frame
    }

    private func take(_ actions: [ReceiverAction], into outcome: inout SessionOutcome) {
        for case .close(let reason) in actions {
            outcome.isClosed = true
            if case .failed(let error) = reason { outcome.error = error }
        }
        outcome.sentErrorCode = actions.errorCode
        if outcome.error != nil {
            // A frame that is wrong in its middle changes nothing.
            for case .apply(let event, _) in actions { Issue.record("applies \(event)") }
        }
    }

    /// What an agent makes of a collector.
    private func answered(_ bytes: [UInt8]) throws -> SessionOutcome {
        var session = SenderSession(hello: hello)
        _ = session.connected(atMilliseconds: 0)
        var outcome = SessionOutcome()
        var now: Int64 = 0
        let codec = try FrameCodec()
        var rest = bytes[...]
        while !rest.isEmpty, !outcome.isClosed {
            do throws(WireError) {
                let frame = try decode(
                    &rest, codec, session.isWelcomed, WireLimits.maximumWireBytes)
                let actions = session.frameReceived(
                    frame.frame, sequence: frame.sequence, atMilliseconds: now)
                take(actions, into: &outcome)
                if outcome.error == nil { outcome.frameCount += 1 }
                if case .welcome = frame.frame, !outcome.isClosed { send(&session, &now) }
            } catch {
                take(session.decodingFailed(error, atMilliseconds: now), into: &outcome)
            }
        }
        #expect(outcome.isClosed == session.isClosed)
        return outcome
    }

    /// Sends what the agent of the vector has sent by then, as far as there is credit.
    private func send(_ session: inout SenderSession, _ now: inout Int64) {
        for frame in sent {
            if frame.usesCredit {
                guard session.mayEncode > 0 else { return }
                _ = session.willSend(frame, atMilliseconds: now)
            } else {
                now = session.nextDeadlineMilliseconds ?? now
                let actions = session.timePassed(atMilliseconds: now)
                #expect(actions.count == 1)
            }
        }
    }

    private func take(_ actions: [SenderAction], into outcome: inout SessionOutcome) {
        if let disconnect = actions.disconnect {
            outcome.isClosed = true
            if case .failed(let error) = disconnect.cause { outcome.error = error }
        }
        outcome.sentErrorCode = actions.errorCode
    }
}
