import TestSupport
import Testing

@testable import Wire

@Suite("CRC-32C")
struct CRC32CTests {
    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.checksum(of: $0) }
    }

    @Test("the check value and the examples of RFC 3720 appendix B.4 come out")
    func published() {
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([]) == 0)
        #expect(checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(checksum((0..<32).reversed()) == 0x113F_DB5C)
    }

    @Test("eight bytes at a time give what one bit at a time gives, in any pieces")
    func slicing() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let cut = Int.random(in: 0...count, using: &random)
            var pieces = CRC32C()
            bytes[..<cut].withUnsafeBytes { pieces.update($0) }
            bytes[cut...].withUnsafeBytes { pieces.update($0) }
            let expected = bitByBit(bytes)
            #expect(checksum(bytes) == expected, "seed \(seed)")
            #expect(pieces.value == expected, "seed \(seed)")
        }
    }

    private func bitByBit(_ bytes: [UInt8]) -> UInt32 {
        var state: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state & 1 == 1 ? state >> 1 ^ 0x82F6_3B78 : state >> 1 }
        }
        return ~state
    }
}
