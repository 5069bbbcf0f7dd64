import Wire

/// Takes bytes in any pieces and gives frames, as a connection does.
struct FrameStream: ~Copyable {
    private var decoder: FrameDecoder
    private var pending: [UInt8] = []
    private var isWelcomed: Bool
    private(set) var frames: [DecodedFrame] = []
    private var hasEnded = false

    init(isWelcomed: Bool = false) throws {
        decoder = try FrameDecoder()
        self.isWelcomed = isWelcomed
    }

    /// How many bytes belong to a frame that is not whole yet.
    var pendingBytes: Int { pending.count }

    mutating func take(_ bytes: some Sequence<UInt8>) throws {
        // What follows the last frame of a direction is not read.
        guard !hasEnded else { return }
        pending.append(contentsOf: bytes)
        while !hasEnded, let decoded = try next() {
            pending.removeFirst(decoded.consumedBytes)
            frames.append(decoded)
            // The stream of either side begins with the frame after which it may compress.
            isWelcomed = true
            switch decoded.frame {
            case .error, .goodbye: (hasEnded, pending) = (true, [])
            default: break
            }
        }
    }

    private mutating func next() throws -> DecodedFrame? {
        try FrameStream.decode(pending, isWelcomed: isWelcomed, decoder: &decoder)
    }

    /// Decodes the frame that `bytes` begin with.
    static func decode(
        _ bytes: [UInt8], isWelcomed: Bool, decoder: inout FrameDecoder
    ) throws -> DecodedFrame? {
        try bytes.withUnsafeBytes { raw in
            try decoder.decode(raw, isWelcomed: isWelcomed)
        }
    }
}
