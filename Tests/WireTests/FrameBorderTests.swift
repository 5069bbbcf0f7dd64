import TestSupport
import Testing
import Wire

@Suite("Borders of frames")
struct FrameBorderTests {
    @Test("every prefix of a frame asks for more", arguments: try VectorFile.singleFrames())
    func prefixes(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        for count in 0..<vector.bytes.count {
            let decoded = try vector.bytes.withUnsafeBytes { bytes in
                try decoder.decode(
                    UnsafeRawBufferPointer(rebasing: bytes[..<count]),
                    isWelcomed: vector.isWelcomed)
            }
            #expect(decoded == nil, "after \(count) bytes")
        }
    }

    @Test(
        "no frame with one flipped bit is taken: it is refused, or waits for bytes",
        arguments: try VectorFile.singleFrames())
    func flippedBits(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        var refused = 0
        var bytes = vector.bytes
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            defer { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
            do {
                let decoded = try FrameStream.decode(
                    bytes, isWelcomed: vector.isWelcomed, decoder: &decoder)
                #expect(decoded == nil, "bit \(bit)")
            } catch is WireError {
                refused += 1
            }
        }
        #expect(refused > 100)
    }

    @Test(
        "a stream gives the same frames wherever it is cut in two",
        arguments: try VectorFile.valid.get().filter { $0.meaning["frames"] != nil })
    func everySplit(_ vector: VectorFile) throws {
        let bytes =
            vector.meaning["preface"] == .bool(true)
            ? Array(vector.bytes.dropFirst(8)) : vector.bytes
        var whole = try FrameStream()
        try whole.take(bytes)
        let expected = whole.frames
        #expect(expected.count >= 2)
        for cut in 0...bytes.count {
            var stream = try FrameStream()
            try stream.take(bytes[..<cut])
            try stream.take(bytes[cut...])
            #expect(stream.frames == expected, "cut at \(cut)")
        }
        var drip = try FrameStream()
        for byte in bytes { try drip.take([byte]) }
        #expect(drip.frames == expected)
    }

    @Test("ten thousand frames in one piece come out in order")
    func coalesced() throws {
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        for sequence in 0..<UInt64(10_000) {
            try encoder.encode(
                .ping(token: ~sequence), sequence: sequence, mayCompress: true, into: &bytes)
        }
        var decoder = try FrameDecoder()
        var position = 0
        for sequence in 0..<UInt64(10_000) {
            let decoded = try bytes.withUnsafeBytes { raw in
                try decoder.decode(
                    UnsafeRawBufferPointer(rebasing: raw[position...]), isWelcomed: true)
            }
            #expect(decoded?.frame == .ping(token: ~sequence))
            #expect(decoded?.sequence == sequence)
            position += decoded?.consumedBytes ?? 0
        }
        #expect(position == bytes.count)
    }

    @Test("a stray byte between two frames ends it: the decoder never looks for the next frame")
    func strayByte() throws {
        let ping = try #require(try VectorFile.singleFrames().first { $0.name.hasSuffix("-ping") })
        var stream = try FrameStream(isWelcomed: true)
        #expect(throws: WireError.self) { try stream.take(ping.bytes + [0] + ping.bytes) }
        #expect(stream.frames.count == 1)
    }

    @Test("random bytes, and random bytes behind a right header, never trap")
    func noise() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var decoder = try FrameDecoder()
        var taken = 0
        for _ in 0..<20_000 {
            let type = FrameType.allCases.randomElement(using: &random)?.rawValue ?? 0x80
            let payload = (0..<Int.random(in: 0..<96, using: &random)).map { _ in
                UInt8.random(in: 0...(Bool.random(using: &random) ? 3 : 255), using: &random)
            }
            let frame = FrameBytes.frame(type: type, payload: payload)
            do {
                let decoded = try FrameStream.decode(frame, isWelcomed: true, decoder: &decoder)
                taken += decoded == nil ? 0 : 1
            } catch is WireError {
                continue
            }
        }
        #expect(taken > 0, "seed \(seed)")
    }

    @Test("what WELCOME allows can lower the limit of a payload and not raise it")
    func maximumWireBytes() throws {
        var decoder = try FrameDecoder()
        let small = FrameBytes.frame(type: 0x80, payload: Array(repeating: 1, count: 5_000))
        let large = FrameBytes.frame(type: 0x80, payload: Array(repeating: 1, count: 262_145))
        for (bytes, maximum, isTaken) in [
            (small, 5_000, true), (small, 4_999, false), (large, Int.max, false),
        ] {
            let decoded = try? bytes.withUnsafeBytes { raw in
                try decoder.decode(raw, isWelcomed: true, maximumWireBytes: maximum)
            }
            #expect((decoded != nil) == isTaken)
        }
    }
}
