import CLinux
import Glibc

/// What reading a file gave.
enum ReadOutcome {
    /// Its bytes, which are good until the next read through the same reader.
    case bytes(UnsafeRawBufferPointer)
    /// There is no such file, process or cgroup (any more).
    case gone
    /// The kernel does not permit it.
    case refused

    /// Tells from `errno` what a failed call means.
    static func failure() -> ReadOutcome {
        switch errno {
        case ENOENT, ESRCH, ENOTDIR, ENODEV: .gone
        default: .refused
        }
    }

    /// The bytes; nil where there are none.
    var content: UnsafeRawBufferPointer? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }
}

/// Reads files into one buffer that is used again and again.
final class FileReader {
    /// The most bytes that are read of a file.
    ///
    /// A user in 65,536 groups makes a `status` of 0.7 MB. Pages of the buffer that no file fills
    /// are never resident.
    static let maximumBytes = 1 << 20

    private let buffer: UnsafeMutableRawBufferPointer

    /// Makes the buffer.
    init() {
        buffer = .allocate(byteCount: FileReader.maximumBytes, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Reads an open file from its beginning by one call.
    ///
    /// That is all there is of a file about a process: the kernel writes it anew for each read
    /// at offset 0 and hands it out whole.
    func read(_ file: Int32, limit: Int = FileReader.maximumBytes) -> ReadOutcome {
        var count = pread(file, buffer.baseAddress, min(limit, buffer.count), 0)
        while count < 0, errno == EINTR {
            count = pread(file, buffer.baseAddress, min(limit, buffer.count), 0)
        }
        guard count >= 0 else { return .failure() }
        return .bytes(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    /// Opens a file relative to `directory`, reads it by one call, and closes it.
    func read(
        _ path: UnsafePointer<CChar>, in directory: Int32, limit: Int = FileReader.maximumBytes
    ) -> ReadOutcome {
        let file = clinux_open(directory, path)
        guard file >= 0 else { return .failure() }
        defer { close(file) }
        return read(file, limit: limit)
    }

    /// Opens a file relative to `directory`, reads it to its end or the limit, and closes it.
    func readToEnd(_ path: UnsafePointer<CChar>, in directory: Int32) -> ReadOutcome {
        let file = clinux_open(directory, path)
        guard file >= 0 else { return .failure() }
        defer { close(file) }
        var total = 0
        while total < buffer.count, let start = buffer.baseAddress.map({ $0 + total }) {
            let count = pread(file, start, buffer.count - total, off_t(total))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure() }
            if count == 0 { break }
            total += count
        }
        return .bytes(UnsafeRawBufferPointer(rebasing: buffer[..<total]))
    }

    /// Reads where a symbolic link relative to `directory` points to.
    func readLink(_ path: UnsafePointer<CChar>, in directory: Int32) -> ReadOutcome {
        let target = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard let target else { return .refused }
        let count = readlinkat(directory, path, target, Int(PATH_MAX))
        guard count >= 0 else { return .failure() }
        return .bytes(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
}
