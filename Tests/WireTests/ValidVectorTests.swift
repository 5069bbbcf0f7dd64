import MemoryModel
import Testing
import Wire

@Suite("Valid vectors")
struct ValidVectorTests {
    @Test("each valid vector means what its JSON says", arguments: try VectorFile.singleFrames())
    func meaning(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        let decoded = try #require(
            try FrameStream.decode(
                vector.bytes, isWelcomed: vector.isWelcomed, decoder: &decoder))
        #expect(decoded.consumedBytes == vector.bytes.count)
        var expected = vector.meaning
        expected.remove(["direction", "state", "canonical"])
        #expect(.object(decoded.meaning(isCompressed: vector.bytes[3] == 1)) == expected)
    }

    @Test(
        "each canonical vector comes out of the encoder byte by byte",
        arguments: try VectorFile.singleFrames().filter { $0.meaning["canonical"] == .bool(true) })
    func encodesBack(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        let decoded = try #require(
            try FrameStream.decode(
                vector.bytes, isWelcomed: vector.isWelcomed, decoder: &decoder))
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        let length = try encoder.encode(
            decoded.frame, sequence: decoded.sequence, mayCompress: false, into: &bytes)
        #expect(bytes == vector.bytes)
        #expect(length == vector.bytes.count)
    }

    @Test(
        "a vector that is not canonical still keeps its meaning through the encoder",
        arguments: try VectorFile.singleFrames())
    func meaningSurvives(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        let decoded = try #require(
            try FrameStream.decode(
                vector.bytes, isWelcomed: vector.isWelcomed, decoder: &decoder))
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        try encoder.encode(
            decoded.frame, sequence: decoded.sequence, mayCompress: true, into: &bytes)
        let again = try FrameStream.decode(bytes, isWelcomed: true, decoder: &decoder)
        #expect(again?.frame == decoded.frame)
        #expect(again?.sequence == decoded.sequence)
    }

    @Test(
        "each session of the vectors is the frames that its JSON lists",
        arguments: try VectorFile.valid.get().filter { $0.meaning["frames"] != nil })
    func session(_ vector: VectorFile) throws {
        let expected = try #require(vector.meaning["frames"]?.array)
        #expect(!expected.isEmpty)
        var bytes = vector.bytes[...]
        if vector.meaning["preface"] == .bool(true) {
            #expect(Array(bytes.prefix(8)) == FrameEncoder.preface)
            bytes = bytes.dropFirst(8)
        }
        var stream = try FrameStream()
        try stream.take(bytes)
        let meanings = stream.frames.map { JSONValue.object($0.meaning(isCompressed: false)) }
        #expect(meanings == expected)
        #expect(stream.pendingBytes == 0)
    }

    @Test("there are several vectors of every frame type, and one that is compressed of each batch")
    func coverage() throws {
        var seen: [String: Int] = [:]
        var compressed: Set<String> = []
        for vector in try VectorFile.singleFrames() {
            let type = try #require(vector.meaning["type"]?.string)
            seen[type, default: 0] += 1
            if vector.meaning["compressed"] == .bool(true) { compressed.insert(type) }
        }
        let once: Set<String> = ["PING", "PONG"]
        for type in FrameType.allCases {
            let name = vectorName(of: type)
            #expect(seen[name, default: 0] >= (once.contains(name) ? 1 : 2), "\(name)")
        }
        let batches: Set<String> = [
            "DEFINE", "SAMPLES", "PEAKS", "EXIT", "COUNTERS", "TOTALS", "CGROUP", "OOM", "GAP",
            "WINDOWS", "COVERED", "SECTIONS", "PYTHON_GROWTH",
        ]
        #expect(compressed.isSuperset(of: batches))
    }

    private func vectorName(of type: FrameType) -> String {
        switch type {
        case .acknowledgement: "ACK"
        case .stateEnd: "STATE_END"
        case .outOfMemory: "OOM"
        case .pythonGrowth: "PYTHON_GROWTH"
        default: "\(type)".uppercased()
        }
    }
}

extension JSONValue {
    fileprivate mutating func remove(_ keys: [String]) {
        guard case .object(var members) = self else { return }
        for key in keys { members[key] = nil }
        self = .object(members)
    }
}
