import TestSupport
import Testing
import Wire

@Suite("Round trips")
struct RoundTripTests {
    @Test(
        "random frames of each type come back as they were, compressed or not",
        arguments: FrameType.allCases)
    func random(_ type: FrameType) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var frames = RandomFrames(random: SeededGenerator(seed: seed))
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        var bytes: [UInt8] = []
        for _ in 0..<60 {
            let frame = frames.frame(of: type)
            for mayCompress in [false, true] {
                let sequence = UInt64.random(in: 0...UInt64.max)
                bytes.removeAll(keepingCapacity: true)
                try encoder.encode(
                    frame, sequence: sequence, mayCompress: mayCompress, into: &bytes)
                let decoded = try FrameStream.decode(bytes, isWelcomed: true, decoder: &decoder)
                #expect(decoded?.frame == frame, "seed \(seed)")
                #expect(decoded?.sequence == sequence)
                #expect(decoded?.consumedBytes == bytes.count)
                #expect(decoded?.frame.type == type)
            }
        }
    }

    @Test("a frame with one changed byte in its payload never traps, whatever the checksum says")
    func changedPayloads() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var frames = RandomFrames(random: SeededGenerator(seed: seed))
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        var refused = 0
        var taken = 0
        for round in 0..<6_000 {
            let type = FrameType.allCases[round % FrameType.allCases.count]
            var bytes: [UInt8] = []
            try encoder.encode(
                frames.frame(of: type), sequence: 0, mayCompress: false, into: &bytes)
            var payload = Array(bytes[24...])
            let place = Int.random(in: 0..<payload.count, using: &frames.random)
            payload[place] = UInt8.random(in: 0...255, using: &frames.random)
            let frame = FrameBytes.frame(type: type.rawValue, payload: payload)
            do {
                _ = try FrameStream.decode(frame, isWelcomed: true, decoder: &decoder)
                taken += 1
            } catch let error as WireError {
                #expect(error.code == .badPayload, "seed \(seed)")
                #expect(error.offset.map { (0...payload.count).contains($0) } == true)
                refused += 1
            }
        }
        #expect(refused > 100 && taken > 100, "seed \(seed)")
    }

    @Test("a compressed payload is sent only where it is smaller")
    func compression() throws {
        var encoder = try FrameEncoder()
        var decoder = try FrameDecoder()
        let samples = (0..<500).map {
            SamplesFrame.Sample(
                slot: $0, resident: .bytes(4_096), swap: .unchanged, processorMilliseconds: nil)
        }
        let frame = Frame.samples(
            SamplesFrame(ticks: [
                SamplesFrame.Tick(atMilliseconds: 1, availableBytes: nil, samples: samples)
            ]))
        var plain: [UInt8] = []
        var compressed: [UInt8] = []
        try encoder.encode(frame, sequence: 0, mayCompress: false, into: &plain)
        try encoder.encode(frame, sequence: 0, mayCompress: true, into: &compressed)
        #expect(plain[3] == 0 && compressed[3] == 1)
        #expect(compressed.count < plain.count / 4)
        let decoded = try FrameStream.decode(compressed, isWelcomed: true, decoder: &decoder)
        #expect(decoded?.rawBytes == plain.count - 24)
        var noise: [UInt8] = []
        try encoder.encode(.ping(token: 0), sequence: 0, mayCompress: true, into: &noise)
        #expect(noise[3] == 0)
    }
}
