import CLinux
import Glibc
public import MemoryModel

/// Why a process cannot be watched from within its memory.
public enum WatchError: Error, Hashable, Sendable {
    /// There is no such process.
    case gone
    /// The kernel does not permit to read its memory.
    case refused
    /// It has no memory: a thread of the kernel, or a process that has ended.
    case withoutMemory
    /// Something else; the number is the kernel's `errno`.
    case failed(code: Int32)
}

/// How much of a process is resident.
public enum ResidentReading: Hashable, Sendable {
    /// Bytes in memory.
    case bytes(UInt64)
    /// The process has ended, or only threads other than its first are left.
    case gone
    /// It could not be read.
    case unreadable
}

/// Page faults of one thread.
public struct ThreadFaults: Hashable, Sendable {
    /// The thread's id on this host.
    public var thread: Int32
    /// Faults since it began.
    public var count: UInt64

    /// Takes both.
    public init(thread: Int32, count: UInt64) {
        self.thread = thread
        self.count = count
    }

    /// Takes a thread's line of `stat`; nil if its counts are too large to be true.
    init?(thread: Int32, _ line: StatLine) {
        let (count, isTooLarge) = line.faults.minor.addingReportingOverflow(line.faults.major)
        guard !isTooLarge else { return nil }
        self.init(thread: thread, count: count)
    }
}

/// One process whose memory is read while it runs; nothing of it is stopped or changed.
///
/// All files are opened below its directory, which is held: a pid that is used again is not taken
/// for it. It belongs to one thread at a time.
public final class WatchedProcess {
    /// The process.
    public let pid: Int32

    private let directory: Int32
    private let statm: Int32
    private var memory: Int32
    private let reader = FileReader()
    private let pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
    private var listing = ProcessListing()
    private var threadFiles: [Int32: ThreadFiles] = [:]

    /// The most threads that are looked at.
    public static let maximumThreads = 4_096
    /// Files of so many threads are left open.
    private static let maximumThreadFiles = 8
    /// The most bytes of `maps` that are read: 65,530 mappings with paths of usual length.
    private static let maximumMapsBytes = 16 << 20

    /// Opens the process's files.
    ///
    /// - Parameters:
    ///   - pid: The process.
    ///   - root: The tree that has it.
    /// - Throws: `WatchError` if its memory cannot be read.
    public init(pid: Int32, root: ProcRoot = ProcRoot()) throws(WatchError) {
        guard pid > 0 else { throw .gone }
        self.pid = pid
        directory = clinux_open_directory(
            clinux_working_directory(), root.path + "/" + String(pid))
        guard directory >= 0 else { throw WatchedProcess.failure() }
        statm = clinux_open(directory, "statm")
        guard statm >= 0 else {
            let failure = WatchedProcess.failure()
            close(directory)
            throw failure
        }
        memory = clinux_open(directory, "mem")
        guard memory >= 0 else {
            let failure = WatchedProcess.failure()
            close(directory)
            close(statm)
            throw failure
        }
    }

    deinit {
        close(memory)
        close(statm)
        close(directory)
    }

    private static func failure() -> WatchError {
        switch errno {
        case ENOENT, ESRCH: .gone
        case EACCES, EPERM: .refused
        default: .failed(code: errno)
        }
    }

    /// What is resident now, by `statm`; about a microsecond.
    public func residentBytes() -> ResidentReading {
        switch reader.read(statm, limit: 256) {
        case .gone: return .gone
        case .refused: return .unreadable
        case .bytes(let bytes):
            guard let line = StatmLine(bytes) else { return .unreadable }
            if line.isWithoutMemory { return .gone }
            let (count, isTooLarge) = line.resident.multipliedReportingOverflow(by: pageBytes)
            return isTooLarge ? .unreadable : .bytes(count)
        }
    }

    /// Reads memory at `address`; returns how many bytes came, 0 if none.
    public func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let offset = off_t(exactly: address) else { return 0 }
        var count = pread(memory, buffer.baseAddress, buffer.count, offset)
        while count < 0, errno == EINTR {
            count = pread(memory, buffer.baseAddress, buffer.count, offset)
        }
        return max(0, count)
    }

    /// Opens the memory anew: what is open stays that of the program before an `exec`.
    ///
    /// Throws `WatchError` if that is not possible.
    public func reopenMemory() throws(WatchError) {
        let file = clinux_open(directory, "mem")
        guard file >= 0 else { throw WatchedProcess.failure() }
        close(memory)
        memory = file
    }

    /// The files that are mapped, in the order of their addresses.
    ///
    /// Throws `WatchError` if `maps` cannot be read or is empty.
    public func mappedFiles() throws(WatchError) -> [MappedFile] {
        let file = clinux_open(directory, "maps")
        guard file >= 0 else { throw WatchedProcess.failure() }
        defer { close(file) }
        var maps = MapsFile()
        var total = 0
        let code = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            while total < WatchedProcess.maximumMapsBytes {
                let count = Glibc.read(file, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return errno }
                if count == 0 { return Int32(0) }
                total += count
                maps.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return Int32(0)
        }
        switch code {
        case 0: break
        case ESRCH: throw .gone
        case EACCES, EPERM: throw .refused
        default: throw .failed(code: code)
        }
        guard total > 0 else { throw .withoutMemory }
        return maps.files
    }

    /// The path of the program that it runs; nil if that cannot be read.
    public func programPath() -> RawText? {
        reader.readLink("exe", in: directory).content.map { RawText($0) }
    }

    /// Opens a mapped file from the process's own root on; nil if it is not there any more.
    public func open(_ mapped: MappedFile) -> TargetFile? {
        if mapped.path == programPath() { return TargetFile.openProgram(in: directory) }
        let root = clinux_open_directory(directory, "root")
        guard root >= 0 else { return nil }
        defer { close(root) }
        return TargetFile.open(mapped.path, below: root, inode: mapped.inode)
    }

    /// The ids of its threads on this host, ascending, at most `maximumThreads`.
    public func threads() -> [Int32] {
        let tasks = clinux_open_directory(directory, "task")
        guard tasks >= 0 else { return [] }
        defer { close(tasks) }
        // What a listing that broke off has is good enough: a thread that is missing grows later.
        _ = listing.refresh(tasks, limit: WatchedProcess.maximumThreads)
        return listing.entries.prefix(WatchedProcess.maximumThreads).map(\.pid)
    }

    /// Page faults of a thread since it began; nil if it has ended.
    public func faults(ofThread thread: Int32) -> ThreadFaults? {
        line(ofThread: thread).flatMap { ThreadFaults(thread: thread, $0) }
    }

    /// Page faults of its only thread; nil if there are several, or it has ended.
    public func faultsOfOnlyThread() -> ThreadFaults? {
        guard let line = line(ofThread: pid), line.threadCount == 1 else { return nil }
        return ThreadFaults(thread: pid, line)
    }

    /// What a thread does just now.
    public func activity(ofThread thread: Int32) -> ThreadActivity {
        guard let files = files(ofThread: thread), files.systemCall >= 0 else { return .unknown }
        return content(files.systemCall, ofThread: thread, limit: 512)
            .map { ThreadActivity($0) } ?? .unknown
    }

    private func line(ofThread thread: Int32) -> StatLine? {
        files(ofThread: thread)
            .flatMap { content($0.stat, ofThread: thread, limit: 4_096) }.flatMap { StatLine($0) }
    }

    private func files(ofThread thread: Int32) -> ThreadFiles? {
        if let known = threadFiles[thread] { return known }
        guard let files = ThreadFiles(thread, in: directory) else { return nil }
        if threadFiles.count >= WatchedProcess.maximumThreadFiles { threadFiles = [:] }
        threadFiles[thread] = files
        return files
    }

    /// The content of a thread's file; where it has ended, another thread may have its number.
    private func content(
        _ file: Int32, ofThread thread: Int32, limit: Int
    ) -> UnsafeRawBufferPointer? {
        let content = reader.read(file, limit: limit).content
        if content == nil { threadFiles[thread] = nil }
        return content
    }

    /// What a thread's id is in the process's own pid namespace; nil if it has ended.
    ///
    /// Kernels before 4.1 do not tell, and then it is the id on this host.
    public func innerID(ofThread thread: Int32) -> Int32? {
        guard let bytes = reader.read("task/\(thread)/status", in: directory).content else {
            return nil
        }
        return NamespaceIDs.innermost(bytes) ?? thread
    }

    /// When it began, in clock ticks since boot; nil if it has ended.
    public func startTicks() -> UInt64? {
        let line = reader.read("stat", in: directory, limit: 4_096).content.flatMap { StatLine($0) }
        return line?.startTicks
    }

    /// Which of its pages are in memory; nil if that cannot be read.
    public func pagemap() -> PagemapFile? {
        let file = clinux_open(directory, "pagemap")
        return file >= 0 ? PagemapFile(file) : nil
    }

    /// The kernel's mark of the most that was ever resident; nil if it cannot be read.
    public func markBytes() -> UInt64? {
        reader.read("status", in: directory).content.flatMap { StatusFile($0).markBytes }
    }

    /// The kernel's name of the process; nil if it cannot be read.
    public func name() -> RawText? {
        reader.read("status", in: directory).content.flatMap { StatusFile($0).name?.text }
    }
}

/// The line `NSpid` of `status`: a task's id in each pid namespace, the innermost last.
enum NamespaceIDs {
    static func innermost(_ bytes: UnsafeRawBufferPointer) -> Int32? { all(bytes)?.last }

    /// All ids, the outermost namespace's first; nil if they are not told.
    static func all(_ bytes: UnsafeRawBufferPointer) -> [Int32]? {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            guard line.starts(withText: "NSpid:") else { continue }
            return line[6...].split(whereSeparator: { $0 == 9 || $0 == 32 }).compactMap {
                Int32(String(decoding: $0, as: UTF8.self))
            }
        }
        return nil
    }
}
