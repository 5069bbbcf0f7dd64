import CLinux
import Glibc
import MemoryModel

/// The files of the processes in one tree: opened, held and read, but not understood.
final class ProcessFiles {
    /// The tree.
    let root: ProcRoot
    /// The tree's directory, open.
    let directory: Int32
    /// Whether it is a procfs, and not a tree of ordinary files that looks like one.
    ///
    /// Only a procfs binds an open file to its process.
    let isProcfs: Bool
    /// What reads.
    let reader = FileReader()

    private let path: UnsafeMutablePointer<CChar>
    private static let pathBytes = 96

    /// Opens the tree.
    ///
    /// Throws `SamplerError.unreadableRoot` if it cannot be listed.
    init(_ root: ProcRoot) throws(SamplerError) {
        let directory = clinux_open_directory(clinux_working_directory(), root.path)
        guard directory >= 0 else {
            throw .unreadableRoot(path: root.path, code: errno)
        }
        self.root = root
        self.directory = directory
        isProcfs = clinux_is_procfs(directory)
        path = .allocate(capacity: ProcessFiles.pathBytes)
    }

    deinit {
        close(directory)
        path.deallocate()
    }

    /// Reads the file `name` of a process, or of one of its threads where `thread` is not 0.
    func read(
        _ name: StaticString, of pid: Int32, thread: Int32 = 0,
        limit: Int = FileReader.maximumBytes
    ) -> ReadOutcome {
        setPath(name, of: pid, thread: thread)
        return reader.read(path, in: directory, limit: limit)
    }

    /// Reads where the link `name` of a process or of one of its threads points to.
    func readLink(_ name: StaticString, of pid: Int32, thread: Int32 = 0) -> ReadOutcome {
        setPath(name, of: pid, thread: thread)
        return reader.readLink(path, in: directory)
    }

    /// Opens the file `name` of a process or of one of its threads, to be held; nil if that fails.
    func open(_ name: StaticString, of pid: Int32, thread: Int32 = 0) -> Int32? {
        setPath(name, of: pid, thread: thread)
        let file = clinux_open(directory, path)
        return file >= 0 ? file : nil
    }

    /// Reads and parses `stat` of a process.
    func stat(of pid: Int32) -> StatOutcome {
        StatOutcome(read("stat", of: pid))
    }

    /// A thread other than the leader that has memory; nil if there is none among the first 256.
    func livingThread(of pid: Int32) -> Int32? {
        for thread in threads(of: pid, limit: 256) where thread != pid {
            guard let bytes = read("statm", of: pid, thread: thread).content,
                let line = StatmLine(bytes), !line.isWithoutMemory
            else { continue }
            return thread
        }
        return nil
    }

    /// The threads of a process, at most so many; none if it is no more.
    func threads(of pid: Int32, limit: Int) -> [Int32] {
        setPath("task", of: pid, thread: 0)
        let tasks = clinux_open_directory(directory, path)
        guard tasks >= 0 else { return [] }
        defer { close(tasks) }
        var listing = ProcessListing()
        _ = listing.refresh(tasks, limit: limit)
        return listing.entries.prefix(limit).map(\.pid)
    }

    /// Writes `PID/NAME` or `PID/task/THREAD/NAME` into the path buffer.
    private func setPath(_ name: StaticString, of pid: Int32, thread: Int32) {
        var end = append(pid, at: 0)
        if thread != 0 {
            end = append("/task/", at: end)
            end = append(thread, at: end)
        }
        path[end] = CChar(UInt8(ascii: "/"))
        end = append(name, at: end + 1)
        path[end] = 0
    }

    private func append(_ text: StaticString, at start: Int) -> Int {
        let count = min(text.utf8CodeUnitCount, ProcessFiles.pathBytes - 1 - start)
        memcpy(path + start, text.utf8Start, count)
        return start + count
    }

    private func append(_ number: Int32, at start: Int) -> Int {
        var rest = number.magnitude
        var count = 0
        repeat {
            path[start + count] = CChar(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
            count += 1
        } while rest > 0
        var digits = UnsafeMutableBufferPointer(start: path + start, count: count)
        digits.reverse()
        return start + count
    }
}

/// What reading `stat` of a process gave.
enum StatOutcome {
    /// The line.
    case line(StatLine)
    /// There is no such process any more.
    case gone
    /// The kernel does not permit it.
    case refused
    /// It was not as documented.
    case malformed

    /// Parses what was read.
    init(_ outcome: ReadOutcome) {
        switch outcome {
        case .gone: self = .gone
        case .refused: self = .refused
        case .bytes(let bytes): self = StatLine(bytes).map { .line($0) } ?? .malformed
        }
    }
}
