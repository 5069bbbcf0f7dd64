import MemoryModel
import Testing

@testable import Wire

/// What would be too long for a vector.
@Suite("The largest DEFINE")
struct LargestDefineTests {
    /// Runs with eight names each that nobody else has.
    private func runs(_ count: Int) -> [DefineFrame.Definition] {
        (0..<count).map { index in
            func name(_ column: String) -> RawText {
                RawText(column + String(index, radix: 36))
            }
            var description = RunDescription(program: name("p"), comm: name("m"))
            description.executable = name("e")
            description.command = name("c")
            description.user = name("u")
            description.cgroup = name("g")
            description.unit = name("n")
            description.container = name("o")
            return DefineFrame.Definition(
                slot: UInt32(index), key: ProcessKey(pid: Int32(index + 1), startTicks: 1),
                description: description)
        }
    }

    @Test("4,096 runs with 32,768 names fit into one frame and come out again")
    func largest() throws {
        let frame = Frame.define(
            DefineFrame(runs: runs(WireLimits.maximumDefinesPerFrame)))
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        try encoder.encode(frame, sequence: 2, mayCompress: true, into: &bytes)
        var decoder = try FrameDecoder()
        let decoded = try FrameStream.decode(bytes, isWelcomed: true, decoder: &decoder)
        #expect(decoded?.frame == frame)
    }

    @Test("one run or one name more is refused at its count")
    func above() throws {
        var decoder = try FrameDecoder()
        let payloads: [(payload: [UInt8], offset: Int)] = [
            (define(count: 4_096, stringCount: 1), -1),
            (define(count: 4_097, stringCount: 1), 0),
            (define(count: 1, stringCount: 32_768), -1),
            (define(count: 1, stringCount: 32_769), 1),
        ]
        for (payload, offset) in payloads {
            let frame = FrameBytes.frame(type: FrameType.define.rawValue, payload: payload)
            do {
                let decoded = try FrameStream.decode(frame, isWelcomed: true, decoder: &decoder)
                #expect(decoded != nil)
                #expect(offset == -1)
            } catch let error as WireError {
                #expect(error.code == .badPayload)
                #expect(error.offset == offset)
            }
        }
    }

    /// DEFINE of runs without anything but the first of as many empty names.
    private func define(count: Int, stringCount: Int) -> [UInt8] {
        var writer = PayloadWriter()
        for number in [count, stringCount] { writer.uint(UInt64(number)) }
        let columns: [(size: Int, value: UInt64)] = [
            (stringCount, 0), (count, 0), (count, 1), (count * 7, 0), (count * 2, 1),
            (count * 6, 0),
        ]
        for (size, value) in columns {
            for _ in 0..<size { writer.uint(value) }
        }
        return writer.bytes
    }
}
