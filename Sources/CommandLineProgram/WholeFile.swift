import Glibc

/// A file that is written whole or not at all.
public enum WholeFile {
    /// Writes `bytes` to a new file beside `path`, brings them to the disk, and gives it that name.
    ///
    /// A regular file that is there is replaced in one step and keeps its permissions; a link is
    /// followed. Anything else that is there is left alone. Throws a `ProgramFailure` that says
    /// what to do; then the old file stands as it was.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        let target = try target(of: path)
        let (folder, name) = parts(of: target.path)
        let temporary = "\(folder)/.\(name.prefix(64)).\(getpid()).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure(path, "a file cannot be made in \(folder)") }
        do {
            if let mode = target.mode { _ = fchmod(file, mode) }
            try fill(file, with: bytes, path)
        } catch {
            close(file)
            unlink(temporary)
            throw error
        }
        guard close(file) == 0, rename(temporary, target.path) == 0 else {
            let problem = failure(path, "it cannot be written")
            unlink(temporary)
            throw problem
        }
        sync(folder: folder)
    }

    /// Where the file is, and the permissions of one that is there.
    private static func target(of path: String) throws -> (path: String, mode: mode_t?) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw failure(path, "it cannot be looked at") }
            return (path, nil)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ProgramFailure(
                "cannot write \(path): it is no regular file; name another, or use - for standard"
                    + " output")
        }
        guard let resolved = realpath(path, nil) else {
            throw failure(path, "it cannot be looked at")
        }
        defer { free(resolved) }
        return (String(cString: resolved), status.st_mode & 0o777)
    }

    private static func parts(of path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), path[path.index(after: slash)...])
    }

    private static func fill(_ file: Int32, with bytes: [UInt8], _ path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "it cannot be written") }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw failure(path, "it did not reach the disk") }
    }

    /// Brings the new name to the disk, where the file system can; the content is there already.
    private static func sync(folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ path: String, _ problem: String) -> ProgramFailure {
        ProgramFailure("cannot write \(path): \(problem): \(String(cString: strerror(errno)))")
    }
}
