import CLinux
import MemoryModel

/// One page fault of a process, as the kernel told it.
public struct FaultSample: Hashable, Sendable {
    /// The process, in the agent's own pid namespace.
    public var process: Int32
    /// The thread, likewise.
    public var thread: Int32
    /// When it was, by CLOCK_MONOTONIC, in nanoseconds.
    public var nanoseconds: UInt64
    /// The address that was touched.
    public var address: UInt64

    /// Takes the parts.
    public init(process: Int32, thread: Int32, nanoseconds: UInt64, address: UInt64) {
        self.process = process
        self.thread = thread
        self.nanoseconds = nanoseconds
        self.address = address
    }
}

/// What the kernel wrote into a ring of page faults (`perf_event_open(2)`, "MMAP layout").
///
/// Each record has a header, and a sample these fields behind it, as `clinux_faults_open` asks for:
///
///     TYPE u32  MISC u16  SIZE u16
///     PID u32  TID u32  TIME u64  ADDRESS u64        of PERF_RECORD_SAMPLE
///     ID u64  LOST u64                               of PERF_RECORD_LOST
///
/// All other records are skipped. Numbers are in the byte order of the machine.
public struct FaultRecords: Hashable, Sendable {
    /// The samples, in the order in which they are written.
    public private(set) var samples: [FaultSample] = []
    /// Samples that found no room in the ring, as the kernel counted.
    public private(set) var lostCount: UInt64 = 0
    /// Whether what was there made no sense from some place on, and was not read further.
    public private(set) var isMalformed = false

    private static let headerBytes = 8
    private static let sampleBytes = 24
    private static let lostBytes = 16

    /// Reads records that follow each other without a gap.
    public init(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let size = take(UnsafeRawBufferPointer(rebasing: rest)) else {
                isMalformed = true
                return
            }
            rest = rest.dropFirst(size)
        }
    }

    /// Takes the first record and gives its size; nil if it makes no sense.
    private mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= FaultRecords.headerBytes else { return nil }
        let type = bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        let size = Int(bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        guard size >= FaultRecords.headerBytes, size <= bytes.count else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: bytes[FaultRecords.headerBytes..<size])
        switch type {
        case UInt32(CLINUX_FAULTS_RECORD_SAMPLE):
            guard let sample = FaultRecords.sample(body) else { return nil }
            samples.append(sample)
        case UInt32(CLINUX_FAULTS_RECORD_LOST):
            guard body.count >= FaultRecords.lostBytes else { return nil }
            lostCount = lostCount.saturatingSum(
                body.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        default: break
        }
        return size
    }

    private static func sample(_ body: UnsafeRawBufferPointer) -> FaultSample? {
        guard body.count >= sampleBytes else { return nil }
        return FaultSample(
            process: body.loadUnaligned(fromByteOffset: 0, as: Int32.self),
            thread: body.loadUnaligned(fromByteOffset: 4, as: Int32.self),
            nanoseconds: body.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            address: body.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }
}
