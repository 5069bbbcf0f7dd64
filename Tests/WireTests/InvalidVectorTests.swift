import Testing
import Wire

@Suite("Invalid vectors")
struct InvalidVectorTests {
    @Test(
        "each invalid vector is refused for its reason and at its place",
        arguments: try VectorFile.invalidFrames())
    func refusal(_ vector: VectorFile) throws {
        var decoder = try FrameDecoder()
        do {
            let decoded = try FrameStream.decode(
                vector.bytes, isWelcomed: vector.isWelcomed, decoder: &decoder)
            Issue.record("took it as \(String(describing: decoded))")
        } catch let error as WireError {
            #expect("\(error.code)" == vector.meaning["error"]?.string, "\(error.reason)")
            #expect(error.offset == vector.meaning["offset"]?.int, "\(error.reason)")
            #expect(!error.reason.isEmpty)
            #expect(error.reason.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        }
        // What was refused leaves nothing behind: the same decoder goes on with other frames.
        let ping = try #require(try VectorFile.singleFrames().first { $0.name.hasSuffix("-ping") })
        let next = try FrameStream.decode(ping.bytes, isWelcomed: true, decoder: &decoder)
        #expect(next?.frame == .ping(token: 0x0001_0203_0405_0607))
    }

    @Test("the vectors name every error that a decoder can find, and only known ones")
    func coverage() throws {
        let known = Set(ErrorCode.allCases.map { "\($0)" })
        let named = Set(try VectorFile.invalidFrames().compactMap { $0.meaning["error"]?.string })
        #expect(
            named == [
                "notHighwater", "badHeader", "frameTooLarge", "badChecksum", "badCompression",
                "unknownType", "badPayload",
            ])
        for vector in try VectorFile.invalid.get() {
            #expect(known.contains(vector.meaning["error"]?.string ?? ""), "\(vector.name)")
        }
        #expect(try VectorFile.invalidFrames().count >= 40)
    }
}
