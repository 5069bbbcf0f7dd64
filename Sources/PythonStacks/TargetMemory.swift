internal import ProcessSampler

/// The memory of a program that goes on running while it is read.
public protocol TargetMemory: AnyObject {
    /// Reads as many bytes as the buffer has; false if not all of them could be read.
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool
}

/// The memory of a process on this host.
final class ProcessMemory: TargetMemory {
    private let process: WatchedProcess

    init(_ process: WatchedProcess) {
        self.process = process
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        process.read(address, into: buffer) == buffer.count
    }
}

/// Why a read of a stack gave nothing, or had to be done again.
///
/// The program runs on meanwhile, so a wrong read is nothing unusual.
public enum ReadFault: String, Error, CaseIterable, Hashable, Sendable {
    /// Memory that should be there is not.
    case unreadable
    /// There is no interpreter yet, or no more.
    case noInterpreter
    /// No thread of the interpreter is known.
    case noThread
    /// The thread runs no Python.
    case noFrame
    /// What should be a frame is none.
    case wrongFrame
    /// Frames lead back to one that was seen already.
    case cycle
    /// What should be code is none.
    case wrongCode
    /// What should be a name is none.
    case wrongName
    /// What should be a table of lines is none.
    case wrongLines
    /// More would have had to be read, or gone through, than one stack may cost.
    case tooMuch

    /// The reason in words, for a report.
    public var words: String {
        switch self {
        case .unreadable: "memory that could not be read"
        case .noInterpreter: "no interpreter"
        case .noThread: "no Python thread"
        case .noFrame: "no Python running"
        case .wrongFrame: "what was no frame"
        case .cycle: "frames in a circle"
        case .wrongCode: "what was no code"
        case .wrongName: "what was no name"
        case .wrongLines: "what was no table of lines"
        case .tooMuch: "more than is read for one stack"
        }
    }
}

/// Reads numbers and bytes out of a target, with an allowance.
///
/// Whatever the target's memory holds, one allowance is used up after `maximumReads` reads,
/// `maximumBytes` bytes, or when `maximumWalkedBytes` of what was read before were gone through.
struct AllowedReads {
    /// A stack of 256 new functions takes five reads for each of them.
    static let maximumReads = 4_096
    /// A stack of 256 functions of usual size takes about 0.3 MiB, when all of them are new.
    static let maximumBytes = 4 << 20
    /// The tables of lines of a usual stack have some 100 KiB, and some milliseconds go through it.
    static let maximumWalkedBytes = 4 << 20

    private let memory: any TargetMemory
    private(set) var readsLeft = maximumReads
    private(set) var bytesLeft = maximumBytes
    private(set) var walkedBytesLeft = maximumWalkedBytes

    init(_ memory: any TargetMemory) {
        self.memory = memory
    }

    /// What was read since the beginning.
    var reads: Int { AllowedReads.maximumReads - readsLeft }

    /// Reads `count` bytes.
    mutating func bytes(_ address: UInt64, _ count: Int) throws(ReadFault) -> ByteView {
        guard readsLeft > 0, count >= 0, count <= bytesLeft else { throw .tooMuch }
        readsLeft -= 1
        bytesLeft -= count
        guard address != 0, address <= UInt64(Int64.max) - UInt64(count) else {
            throw .unreadable
        }
        var isRead = false
        let content = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let raw = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count)
            isRead = memory.read(address, into: raw)
            filled = isRead ? count : 0
        }
        guard isRead else { throw .unreadable }
        return ByteView(content)
    }

    /// Takes note of bytes that were gone through without being read again.
    mutating func walked(_ count: Int) throws(ReadFault) {
        walkedBytesLeft -= count
        guard walkedBytesLeft >= 0 else { throw .tooMuch }
    }

    /// Reads one pointer.
    mutating func pointer(_ address: UInt64) throws(ReadFault) -> UInt64 {
        guard let value = try bytes(address, 8).u64(0) else { throw .unreadable }
        return value
    }
}

extension UInt64 {
    /// This address and an offset within a structure.
    func offset(_ count: Int) -> UInt64 { self &+ UInt64(truncatingIfNeeded: count) }
}
