import TestSupport
import Testing

@testable import Wire

/// What a decoder makes of payloads that are nearly right, behind headers that are.
@Suite("Payloads that are nearly right")
struct VectorMutationTests {
    /// Vectors whose payload is there as it is and is read to its end.
    private static func plain() throws -> [VectorFile] {
        try VectorFile.singleFrames().filter { vector in
            vector.bytes[3] == 0 && vector.bytes[2] < 0x80
                && !vector.name.hasSuffix("later-majors")
        }
    }

    private func frame(_ vector: VectorFile, payload: [UInt8]) -> [UInt8] {
        FrameBytes.frame(type: vector.bytes[2], payload: payload)
    }

    @Test("no part of a payload is a payload, and what misses has a place", arguments: try plain())
    func prefixes(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        let payload = Array(vector.bytes[24...])
        for count in 0..<payload.count {
            do {
                let decoded = try FrameStream.decode(
                    frame(vector, payload: Array(payload[..<count])),
                    isWelcomed: vector.isWelcomed, decoder: &decoder)
                Issue.record("took \(count) bytes as \(String(describing: decoded))")
            } catch let error as WireError {
                #expect(error.code == .badPayload, "\(count) bytes")
                #expect(error.offset.map { (0...count).contains($0) } == true, "\(count) bytes")
            }
        }
    }

    @Test("a flipped bit is refused at a place, or what it says survives the encoder")
    func flippedBits() throws {
        var decoder = try FrameDecoder()
        var encoder = try FrameEncoder()
        var taken = 0
        for vector in try VectorMutationTests.plain() {
            var payload = Array(vector.bytes[24...])
            for bit in 0..<min(payload.count, 200) * 8 {
                payload[bit / 8] ^= 1 << UInt8(bit % 8)
                defer { payload[bit / 8] ^= 1 << UInt8(bit % 8) }
                do {
                    let decoded = try FrameStream.decode(
                        frame(vector, payload: payload), isWelcomed: vector.isWelcomed,
                        decoder: &decoder)
                    let frame = try #require(decoded?.frame)
                    // Nobody sends COUNTERS that count nothing, but unknown ones may come.
                    if case .counters(let counters) = frame, counters.values.isEmpty { continue }
                    var again: [UInt8] = []
                    try encoder.encode(frame, sequence: 0, mayCompress: false, into: &again)
                    let reread = try FrameStream.decode(
                        again, isWelcomed: vector.isWelcomed, decoder: &decoder)
                    #expect(reread?.frame == frame, "\(vector.name), bit \(bit)")
                    taken += 1
                } catch let error as WireError {
                    #expect(error.code == .badPayload, "\(vector.name), bit \(bit)")
                    #expect(error.offset.map { (0...payload.count).contains($0) } == true)
                }
            }
        }
        #expect(taken > 1_000)
    }

    @Test("several bytes changed at once never trap")
    func changedBytes() throws {
        var random = SeededGenerator()
        var decoder = try FrameDecoder()
        var refused = 0
        for vector in try VectorMutationTests.plain() {
            for _ in 0..<60 {
                var payload = Array(vector.bytes[24...])
                for _ in 0..<Int.random(in: 1...4, using: &random) where !payload.isEmpty {
                    let place = Int.random(in: 0..<min(payload.count, 200), using: &random)
                    payload[place] = UInt8.random(in: 0...255, using: &random)
                }
                do {
                    _ = try FrameStream.decode(
                        frame(vector, payload: payload), isWelcomed: vector.isWelcomed,
                        decoder: &decoder)
                } catch let error as WireError {
                    #expect(error.code == .badPayload, "\(vector.name), \(random)")
                    refused += 1
                }
            }
        }
        #expect(refused > 1_000, "\(random)")
    }
}
