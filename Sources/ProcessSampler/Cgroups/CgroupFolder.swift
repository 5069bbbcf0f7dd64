import CLinux
import Glibc
import MemoryModel

/// The names of a version's files.
struct CgroupFileNames {
    let mark: StaticString
    let current: StaticString
    let events: StaticString
    let limit: StaticString
    let swapMark: StaticString?

    /// Version 1 has no file for the mark of swap: `memory.memsw` counts memory and swap together,
    /// and the marks of two sums do not say what their difference was.
    static let version1 = CgroupFileNames(
        mark: "memory.max_usage_in_bytes", current: "memory.usage_in_bytes",
        events: "memory.oom_control", limit: "memory.limit_in_bytes", swapMark: nil)

    /// `memory.peak` is there since Linux 5.19, `memory.swap.peak` came later still.
    static let version2 = CgroupFileNames(
        mark: "memory.peak", current: "memory.current", events: "memory.events",
        limit: "memory.max", swapMark: "memory.swap.peak")
}

/// One cgroup that is followed: its held files, and what was last read.
final class CgroupFolder {
    /// Its path as `/proc/PID/cgroup` writes it.
    let path: RawText
    /// The cgroup above it; nil for the top.
    let parent: RawText?
    /// The names of the folders that lead to it from the top, each ending with a zero.
    let names: [CChar]
    /// The look that found it mentioned last.
    var look: UInt64 = 0
    /// When that was.
    var mentionedAtMilliseconds: Int64 = 0
    /// What was read last; nil before that and after the cgroup went.
    var observation: CgroupObservation?
    /// When its events were read.
    var eventsAtMilliseconds: Int64 = 0
    /// When limit, composition and swap were read; nil for not yet.
    var detailAtMilliseconds: Int64?
    /// What it used then.
    var currentAtDetailBytes: UInt64?
    /// The greatest mark, or use where there is no mark, at which they were read.
    var detailAtBytes: UInt64 = 0
    /// The files that are read at each look; nil if they are not held.
    private(set) var held: HeldFiles?

    /// The open files of mark, use and events; -1 for one that there is not.
    struct HeldFiles {
        var mark: Int32
        var current: Int32
        var events: Int32
    }

    init(path: RawText, parent: RawText?, relative: [UInt8]) {
        self.path = path
        self.parent = parent
        names =
            relative.isEmpty
            ? []
            : relative.map { $0 == UInt8(ascii: "/") ? 0 : CChar(bitPattern: $0) } + [0]
    }

    deinit { release() }

    /// Opens the cgroup's folder below `top`, step by step and through no symbolic link.
    ///
    /// Returns -1 with the reason in `errno`; else a descriptor that the caller closes.
    func open(below top: Int32) -> Int32 {
        names.withUnsafeBufferPointer { names in
            var directory = clinux_open_unlinked(top, ".", true)
            guard var name = names.baseAddress else { return directory }
            let end = name + names.count
            while directory >= 0, name < end {
                let next = clinux_open_unlinked(directory, name, true)
                let code = errno
                close(directory)
                errno = code
                directory = next
                name += strlen(name) + 1
            }
            return directory
        }
    }

    /// Opens the files that are read at each look, to be held.
    func hold(_ names: CgroupFileNames, in directory: Int32) {
        release()
        held = HeldFiles(
            mark: CgroupFolder.open(names.mark, in: directory),
            current: CgroupFolder.open(names.current, in: directory),
            events: CgroupFolder.open(names.events, in: directory))
    }

    /// Closes what is held.
    func release() {
        guard let files = held else { return }
        held = nil
        for file in [files.mark, files.current, files.events] where file >= 0 { close(file) }
    }

    /// Opens a file of a cgroup's folder; -1 if that fails.
    static func open(_ name: StaticString, in directory: Int32) -> Int32 {
        name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount + 1) {
            clinux_open_unlinked(directory, $0, false)
        }
    }
}
