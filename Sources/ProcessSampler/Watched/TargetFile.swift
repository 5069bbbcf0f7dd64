import CLinux
import Glibc
import MemoryModel

/// An ordinary file of another process, open for reading.
public final class TargetFile {
    private let file: Int32

    /// Takes an open file, and closes it in the end.
    private init(_ file: Int32) {
        self.file = file
    }

    deinit { close(file) }

    /// Up to `count` bytes from `offset` on; nil if not all of them are there.
    public func bytes(at offset: UInt64, count: Int) -> [UInt8]? {
        guard count >= 0, let start = off_t(exactly: offset) else { return nil }
        var read = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while read < count, let base = buffer.baseAddress {
                let step = pread(file, base + read, count - read, start + off_t(read))
                if step < 0, errno == EINTR { continue }
                guard step > 0 else { break }
                read += step
            }
            filled = read
        }
        return read == count ? bytes : nil
    }

    /// Opens a file by a path that the process itself named, from its own root on.
    ///
    /// Whoever chose the path is not trusted: no link is followed, nothing but an ordinary file is
    /// opened, and it has to be the one that is mapped (`inode`). Returns nil otherwise.
    static func open(_ path: RawText, below root: Int32, inode: UInt64) -> TargetFile? {
        var directory = dup(root)
        guard directory >= 0 else { return nil }
        defer { close(directory) }
        let names = path.bytes.split(separator: UInt8(ascii: "/"))
        guard let last = names.last, names.count <= 256 else { return nil }
        for name in names.dropLast() {
            guard let text = fileName(name) else { return nil }
            let next = clinux_open_unlinked(directory, text, true)
            guard next >= 0 else { return nil }
            close(directory)
            directory = next
        }
        // A device or FIFO can act on being opened; that it is none is asked before.
        guard let text = fileName(last), clinux_is_ordinary_file(directory, text) else {
            return nil
        }
        let file = clinux_open_unlinked(directory, text, false)
        guard file >= 0 else { return nil }
        return checked(file, inode: inode)
    }

    /// Takes the program that a process runs, by the link that the kernel keeps to it.
    static func openProgram(in directory: Int32) -> TargetFile? {
        let file = clinux_open(directory, "exe")
        guard file >= 0 else { return nil }
        return TargetFile(file)
    }

    private static func checked(_ file: Int32, inode: UInt64) -> TargetFile? {
        let opened = TargetFile(file)
        var found: UInt64 = 0
        guard clinux_inode(file, &found) == 0, found == inode else { return nil }
        return opened
    }

    private static func fileName(_ bytes: ArraySlice<UInt8>) -> [CChar]? {
        guard !bytes.elementsEqual([46, 46]), !bytes.contains(0) else { return nil }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
