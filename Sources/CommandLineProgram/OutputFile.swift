import Glibc

/// A file that has its name only once all of it is on the disk.
///
/// What is written goes into a file beside it that nobody else may read. The name is taken by a
/// rename, which an interruption leaves undone.
public struct OutputFile: Sendable {
    /// The name that it will have.
    public let path: String
    /// The name that it has until then.
    public let temporaryPath: String

    private let descriptor: Int32

    /// Makes the file.
    ///
    /// Throws a `ProgramFailure` where that cannot be done, and for a `path` that is something else
    /// than a file.
    public init(path: String) throws {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw ProgramFailure("\(path) is not a file; name another with --output")
        }
        self.path = path
        temporaryPath = path + ".partial-\(getpid())"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        descriptor = open(temporaryPath, flags, 0o600)
        guard descriptor >= 0 else { throw OutputFile.failure("make", temporaryPath) }
    }

    /// Appends `bytes`.
    public func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw OutputFile.failure("write", temporaryPath) }
            rest = rest.dropFirst(count)
        }
    }

    /// Flushes it to the disk and gives it its name; returns its size in bytes.
    public func finish() throws -> UInt64 {
        var status = stat()
        guard fsync(descriptor) == 0, fstat(descriptor, &status) == 0 else {
            throw OutputFile.failure("flush", temporaryPath)
        }
        close(descriptor)
        guard rename(temporaryPath, path) == 0 else { throw OutputFile.failure("make", path) }
        // Without this a power cut could leave the old file, or none.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            defer { close(directory) }
            guard fsync(directory) == 0 else { throw OutputFile.failure("flush", folder) }
        }
        return UInt64(max(0, status.st_size))
    }

    /// Takes away what there is of it.
    public func abandon() {
        close(descriptor)
        _ = unlink(temporaryPath)
    }

    private static func failure(_ verb: String, _ path: String) -> ProgramFailure {
        ProgramFailure("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
