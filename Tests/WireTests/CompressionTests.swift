import TestSupport
import Testing

@testable import Wire

@Suite("Compression")
struct CompressionTests {
    private func compressed(_ bytes: [UInt8]) throws -> [UInt8] {
        var deflater = try Deflater()
        var output = [UInt8](repeating: 0, count: bytes.count + 64)
        let length = bytes.withUnsafeBytes { raw in
            output.withUnsafeMutableBytes { deflater.deflate(raw, into: $0) }
        }
        return Array(output[..<(try #require(length))])
    }

    private func inflated(
        _ bytes: [UInt8], rawLength: Int, by inflater: inout Inflater
    ) throws -> [UInt8] {
        try bytes.withUnsafeBytes { raw in
            Array(try inflater.inflate(raw, rawLength: rawLength))
        }
    }

    @Test("what was compressed comes back, one after the other with the same state")
    func roundTrip() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var inflater = try Inflater()
        for count in [0, 1, 2, 100, 4_096, 65_537, WireLimits.maximumRawBytes] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...3, using: &random) }
            let again = try inflated(
                try compressed(bytes), rawLength: count, by: &inflater)
            #expect(again == bytes, "seed \(seed)")
        }
    }

    @Test("a payload that does not become smaller has no compressed form")
    func noise() throws {
        var random = SeededGenerator(seed: 7)
        let bytes = (0..<1_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        var deflater = try Deflater()
        var output = [UInt8](repeating: 0, count: bytes.count - 1)
        let length = bytes.withUnsafeBytes { raw in
            output.withUnsafeMutableBytes { deflater.deflate(raw, into: $0) }
        }
        #expect(length == nil)
        // And the state is good for the next payload.
        let zeros = [UInt8](repeating: 0, count: 1_000)
        let next = zeros.withUnsafeBytes { raw in
            output.withUnsafeMutableBytes { deflater.deflate(raw, into: $0) }
        }
        #expect(try #require(next) < 40)
    }

    @Test("every prefix of a stream, and a stream with a byte behind it, is refused")
    func exactEnd() throws {
        let bytes = Array("peak peak peak peak resident resident".utf8)
        let stream = try compressed(bytes)
        var inflater = try Inflater()
        for count in 0..<stream.count {
            #expect(throws: WireError.self) {
                try inflated(Array(stream[..<count]), rawLength: bytes.count, by: &inflater)
            }
        }
        for tail: UInt8 in [0, 0x78, 0xFF] {
            #expect(throws: WireError.self) {
                try inflated(stream + [tail], rawLength: bytes.count, by: &inflater)
            }
        }
        #expect(try inflated(stream, rawLength: bytes.count, by: &inflater) == bytes)
    }

    @Test("a stream of more or fewer bytes than announced is refused, also at the limit")
    func exactLength() throws {
        let limit = WireLimits.maximumRawBytes
        var inflater = try Inflater()
        for count in [10, limit] {
            let stream = try compressed(Array(repeating: 5, count: count))
            for announced in [0, count - 1, count + 1] {
                #expect(throws: WireError.self) {
                    try inflated(stream, rawLength: announced, by: &inflater)
                }
            }
            #expect(try inflated(stream, rawLength: count, by: &inflater).count == count)
        }
        let above = try compressed(Array(repeating: 5, count: limit + 1))
        #expect(throws: WireError.self) { try inflated(above, rawLength: limit, by: &inflater) }
        #expect(throws: WireError.self) { try inflated(above, rawLength: -1, by: &inflater) }
    }

    @Test("fifty thousand empty blocks are read in one go and end in an answer")
    func emptyBlocks() throws {
        let empty: [UInt8] = [0, 0, 0, 0xFF, 0xFF]
        let stream =
            [0x78, 0x9C] + Array(repeatElement(empty, count: 50_000).joined())
            + [1, 0, 0, 0xFF, 0xFF, 0, 0, 0, 1]
        var inflater = try Inflater()
        #expect(try inflated(stream, rawLength: 0, by: &inflater).isEmpty)
        #expect(throws: WireError.self) { try inflated(stream, rawLength: 1, by: &inflater) }
    }
}
