import FoundationEssentials
import Testing
import Wire

@Suite("Lying lengths", .serialized)
struct LyingLengthTests {
    /// The most address space that this process ever had, in KiB (`VmPeak`, `proc_pid_status(5)`).
    private func mostAddressSpaceKiB() throws -> Int {
        let status = String(
            decoding: try Data(contentsOf: URL(filePath: "/proc/self/status")), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    @Test("lengths and counts of up to 2^64 - 1 are refused without memory for them")
    func noAllocation() throws {
        var decoder = try FrameDecoder()
        let before = try mostAddressSpaceKiB()
        var refused = 0
        for announced in [UInt64(1) << 16, 1 << 24, 1 << 32, 1 << 40, 1 << 60, .max] {
            for type in FrameType.allCases {
                for place in 0..<12 {
                    let payload =
                        Array(repeating: UInt8(1), count: place) + leb128(announced) + [1, 1, 1]
                    let frame = FrameBytes.frame(type: type.rawValue, payload: payload)
                    do {
                        _ = try FrameStream.decode(frame, isWelcomed: true, decoder: &decoder)
                    } catch let error as WireError {
                        #expect(error.code == .badPayload)
                        refused += 1
                    }
                }
            }
        }
        #expect(refused > 500)
        // Threads of other tests reserve address space of their own; 4 GiB would be a lie believed.
        #expect(try mostAddressSpaceKiB() - before < 1 << 20)
    }

    private func leb128(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
