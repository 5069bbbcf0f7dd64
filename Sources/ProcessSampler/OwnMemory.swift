import CLinux

/// What this program itself holds of memory, as the kernel says it of every process.
public struct OwnMemory: Hashable, Sendable {
    /// Resident memory in bytes (`VmRSS`); nil if it could not be read.
    public var residentBytes: UInt64?
    /// Anonymous memory in bytes (`RssAnon`, since Linux 4.5); nil if it could not be read.
    public var anonymousBytes: UInt64?
    /// The most that was resident, in bytes (`VmHWM`); nil if it could not be read.
    public var peakBytes: UInt64?

    /// Reads it now from this program's own procfs, wherever the processes that it watches are.
    public static func read() -> OwnMemory {
        let path = ProcRoot().path + "/self/status"
        let reader = FileReader()
        // The bytes are the reader's.
        return withExtendedLifetime(reader) {
            reader.readToEnd(path, in: clinux_working_directory()).content
                .map { OwnMemory($0) } ?? OwnMemory()
        }
    }

    /// Nothing could be read.
    init() {}

    /// Takes what is there from a `status` file (`proc_pid_status(5)`).
    init(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            if line.starts(withText: "VmHWM:") {
                peakBytes = OwnMemory.bytes(line, from: 6)
            } else if line.starts(withText: "VmRSS:") {
                residentBytes = OwnMemory.bytes(line, from: 6)
            } else if line.starts(withText: "RssAnon:") {
                anonymousBytes = OwnMemory.bytes(line, from: 8)
            }
        }
    }

    private static func bytes(_ line: UnsafeRawBufferPointer, from offset: Int) -> UInt64? {
        var words = ByteScanner(line, from: offset)
        return words.kibibytes()
    }

    /// Gives back what the start took: its code, and memory that was freed since.
    ///
    /// Of code only mappings of files are given up, which the kernel maps again where they are
    /// needed; it costs some hundred minor faults once.
    public static func settle() {
        clinux_release_code()
        clinux_release_free_memory()
    }

    /// Lets all threads allocate from one heap; to be called before there are any.
    ///
    /// By itself the C library makes a heap for each thread, none of which is ever full.
    public static func useOneHeap() {
        clinux_use_one_heap()
    }
}
