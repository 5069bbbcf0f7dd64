import CLinux
import Glibc
import MemoryModel

/// Why the page faults of a process cannot be sampled.
public enum FaultSamplerError: Error, Hashable, Sendable {
    /// The kernel does not permit it: `kernel.perf_event_paranoid`, or a container's filter.
    case refused
    /// The process is in a tree that is not this program's own, where its id means another one.
    case foreignTree
    /// It would take more open files than are allowed for it: threads times processors.
    case tooManyThreads
    /// The process has ended.
    case gone
    /// Something else; the number is the kernel's `errno`.
    case failed(code: Int32)

    /// The reason in words, for a report.
    public var words: String {
        switch self {
        case .refused: "the kernel does not let this user sample page faults"
        case .foreignTree: "page faults are only sampled from the process's own pid namespace"
        case .tooManyThreads: "it has too many threads to sample their page faults"
        case .gone: "it has ended"
        case .failed(let code): "page faults cannot be sampled: error \(code)"
        }
    }
}

/// The page faults of one process as they happen: thread and address of each so-many-th one.
///
/// For each thread and processor there is one open file, and for each processor one ring of memory
/// that they share; threads that are made later come by themselves. Nothing of the process is
/// changed, and it never waits: what finds no room in a ring is lost and counted.
public final class FaultSampler {
    /// What came since the last question.
    public struct Batch: Hashable, Sendable {
        /// Faults of the process, those of one processor in the order of their times.
        public var samples: [FaultSample] = []
        /// Samples that are lost.
        public var lostCount: UInt64 = 0
    }

    /// The most files that are held open for one process.
    public static let maximumFiles = 1_024
    /// The most bytes that all rings of one process have together; one page each is the least.
    public static let maximumRingBytes = 1 << 20
    /// The most bytes of one ring: 1,024 samples.
    static let usualRingBytes = 32_768

    /// Each so-many-th fault of a thread on a processor is told.
    public let period: UInt64
    /// Whether faults within the kernel, as by `read(2)` into fresh memory, are left out because
    /// the kernel does not show them to this user.
    public let isUserOnly: Bool

    private struct Ring {
        let processor: Int32
        let file: Int32
        let memory: UnsafeMutableRawPointer
        var readCount: UInt64 = 0
    }

    private let pid: Int32
    private let ringBytes: Int
    private let pollSet: Int32
    private var rings: [Ring] = []
    private var files: [Int32] = []
    private var buffer: [UInt8]

    /// Begins to sample.
    ///
    /// - Parameters:
    ///   - process: The process.
    ///   - root: The tree that it was found in.
    ///   - period: How many faults one sample stands for.
    /// - Throws: `FaultSamplerError` if that is not possible.
    public init(
        _ process: WatchedProcess, root: ProcRoot = ProcRoot(), period: UInt64
    ) throws(FaultSamplerError) {
        guard FaultSampler.isOwn(root) else { throw .foreignTree }
        pid = process.pid
        self.period = max(1, period)
        let reader = FileReader()
        let processors = OnlineProcessors.read(reader)
        ringBytes = FaultSampler.ringBytes(processorCount: processors.count)
        buffer = [UInt8](repeating: 0, count: ringBytes)
        pollSet = clinux_poll_open()
        guard pollSet >= 0 else { throw .failed(code: errno) }
        var opening = Opening(period: self.period)
        do throws(FaultSamplerError) {
            try FaultSampler.open(process, processors, &opening, ringBytes: ringBytes)
        } catch {
            opening.close(ringBytes)
            close(pollSet)
            throw error
        }
        files = opening.files
        isUserOnly = opening.isUserOnly
        rings = opening.rings
        for (index, ring) in rings.enumerated() {
            _ = clinux_poll_add(pollSet, ring.file, UInt32(index))
        }
    }

    deinit {
        for ring in rings { clinux_faults_unmap(ring.memory, ringBytes) }
        for file in files { close(file) }
        close(pollSet)
    }

    /// A power of two of pages, such that all rings keep to `maximumRingBytes`.
    static func ringBytes(processorCount: Int) -> Int {
        let page = max(4_096, Int(sysconf(Int32(_SC_PAGESIZE))))
        var bytes = max(page, usualRingBytes)
        while bytes > page, bytes * processorCount > maximumRingBytes { bytes /= 2 }
        return bytes
    }

    /// Whether ids in a tree mean the same processes as this program's system calls.
    private static func isOwn(_ root: ProcRoot) -> Bool {
        let reader = FileReader()
        let path = root.path + "/self/status"
        guard let bytes = reader.read(path, in: clinux_working_directory()).content else {
            return false
        }
        return NamespaceIDs.all(bytes) == [getpid()]
    }

    /// What has been opened so far.
    private struct Opening {
        let period: UInt64
        var files: [Int32] = []
        var rings: [Ring] = []
        var isUserOnly = false

        init(period: UInt64) {
            self.period = period
        }

        func close(_ ringBytes: Int) {
            for ring in rings { clinux_faults_unmap(ring.memory, ringBytes) }
            for file in files { Glibc.close(file) }
        }

        /// Opens one thread on one processor; nil where one of the two is not there any more.
        mutating func add(_ thread: Int32, on processor: Int32) throws(FaultSamplerError) -> Int32?
        {
            guard files.count < FaultSampler.maximumFiles else { throw .tooManyThreads }
            let file = clinux_faults_open(thread, processor, period, &isUserOnly)
            guard file < 0 else {
                files.append(file)
                return file
            }
            switch errno {
            case ESRCH, ENODEV: return nil
            case EACCES, EPERM, ENOSYS: throw .refused
            case EMFILE, ENFILE: throw .tooManyThreads
            default: throw .failed(code: errno)
            }
        }
    }

    private static func open(
        _ process: WatchedProcess, _ processors: [Int], _ opening: inout Opening, ringBytes: Int
    ) throws(FaultSamplerError) {
        var known: Set<Int32> = []
        // A thread that one which is not open yet makes meanwhile is found by listing once more.
        for _ in 0..<8 {
            let found = process.threads().filter { !known.contains($0) }
            if found.isEmpty { break }
            for thread in found {
                known.insert(thread)
                try open(thread, processors, &opening, ringBytes: ringBytes)
            }
        }
        guard !opening.rings.isEmpty else { throw .gone }
    }

    private static func open(
        _ thread: Int32, _ processors: [Int], _ opening: inout Opening, ringBytes: Int
    ) throws(FaultSamplerError) {
        for processor in processors.map({ Int32($0) }) {
            guard let file = try opening.add(thread, on: processor) else { continue }
            if let ring = opening.rings.first(where: { $0.processor == processor }) {
                guard clinux_faults_share(file, ring.file) == 0 else {
                    throw .failed(code: errno)
                }
            } else {
                guard let memory = clinux_faults_map(file, ringBytes) else {
                    // EPERM: more locked memory than the user may have.
                    throw errno == EPERM ? .refused : .failed(code: errno)
                }
                opening.rings.append(Ring(processor: processor, file: file, memory: memory))
            }
        }
    }

    /// Whether something has come since it was taken last.
    public var hasNew: Bool {
        rings.contains { clinux_faults_written($0.memory) != $0.readCount }
    }

    /// Waits until something comes, at most so long.
    public func wait(milliseconds: Int32) {
        var token: UInt32 = 0
        _ = clinux_poll_wait(pollSet, &token, 1, max(0, milliseconds))
    }

    /// Takes what has come; at most what all rings hold.
    public func take() -> Batch {
        var batch = Batch()
        for index in rings.indices { take(&rings[index], into: &batch) }
        return batch
    }

    private func take(_ ring: inout Ring, into batch: inout Batch) {
        let written = clinux_faults_written(ring.memory)
        guard written != ring.readCount else { return }
        let count = Int(clamping: written &- ring.readCount)
        // The kernel keeps to the room that there is.
        if count <= ringBytes {
            let records = buffer.withUnsafeMutableBytes { bytes in
                clinux_faults_copy(
                    ring.memory, ringBytes, ring.readCount, bytes.baseAddress, count)
                return FaultRecords(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
            batch.samples += records.samples.filter { $0.process == pid }
            batch.lostCount = batch.lostCount.saturatingSum(records.lostCount)
            if records.isMalformed { batch.lostCount = batch.lostCount.saturatingSum(1) }
        } else {
            batch.lostCount = batch.lostCount.saturatingSum(1)
        }
        ring.readCount = written
        clinux_faults_release(ring.memory, written)
    }
}
