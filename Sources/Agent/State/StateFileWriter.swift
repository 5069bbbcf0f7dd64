import Wire

/// Writes what an agent knows into its state file: a header, frames, and GOODBYE as the mark of
/// the end.
struct StateFileWriter: ~Copyable {
    private let file: Int32
    private let calls: any StateFileCalls
    private let maximumBytes: Int
    private var encoder: FrameEncoder
    private var buffer: [UInt8] = []
    private var sequence: UInt64 = 0

    /// How many bytes it all takes, even where that is too much to be written.
    private(set) var byteCount: Int

    /// What is handed to the kernel at once.
    private static let chunkBytes = 16_384

    /// Begins a file that is open and empty; beyond `maximumBytes`, it only counts.
    init(
        _ header: StateFileHeader, to file: Int32, calls: any StateFileCalls,
        maximumBytes: Int = .max
    ) throws(WireError) {
        self.file = file
        self.calls = calls
        self.maximumBytes = maximumBytes
        encoder = try FrameEncoder()
        buffer = header.bytes
        byteCount = buffer.count
    }

    /// Whether it all fits.
    var fits: Bool { byteCount <= maximumBytes }

    /// Adds a frame.
    mutating func append(_ frame: Frame) throws {
        byteCount += try encoder.encode(
            frame, sequence: sequence, mayCompress: true, into: &buffer)
        sequence += 1
        if !fits {
            buffer.removeAll(keepingCapacity: true)
        } else if buffer.count >= StateFileWriter.chunkBytes {
            try flush()
        }
    }

    /// Marks the end and hands everything to the kernel.
    mutating func finish() throws {
        try append(
            .goodbye(GoodbyeFrame(reason: .agentStops, retryAfterMilliseconds: 0)))
        if fits { try flush() }
    }

    private mutating func flush() throws(FileFailure) {
        var written = 0
        while written < buffer.count {
            let start = written
            let count = try buffer.withUnsafeBytes { bytes in
                Result { () throws(FileFailure) in
                    try calls.write(UnsafeRawBufferPointer(rebasing: bytes[start...]), to: file)
                }
            }.get()
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
