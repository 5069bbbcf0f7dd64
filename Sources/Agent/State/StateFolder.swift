import Glibc
import Synchronization

/// An opened state directory: trusted, and locked against a second agent as long as this lives.
///
/// The lock is `flock(2)` on the file `lock`. The kernel drops it when the process ends however it
/// ends, so there is never a stale one to clear away. Files are reached by the open folder, so what
/// becomes of its path meanwhile does not matter.
final class StateFolder: Sendable {
    /// The path, for messages.
    let path: String
    let calls: any StateFileCalls

    /// Held while a file is written whose size was chosen by what others leave of the room.
    private let writing = Mutex(())
    private let descriptor: Int32
    private let lockDescriptor: Int32

    private static let lockName = "lock"
    /// More names than this are no state directory.
    private static let maximumNames = 10_000

    /// Opens the folder at `path`, making it and its parents for their owner only.
    ///
    /// Throws a `StateDirectory.Problem`: what is wrong, and what to do.
    init(
        path givenPath: String, calls: any StateFileCalls = SystemFileCalls()
    ) throws(StateDirectory.Problem) {
        let directory = StateDirectory(path: givenPath)
        path = directory.path
        self.calls = calls
        try directory.makeFolders()
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StateFolder.refusal(errno, of: path, isFolder: true)
        }
        do throws(StateDirectory.Problem) {
            try StateFolder.checkOwner(of: descriptor, path)
            try StateFolder.checkFiles(in: descriptor, path)
            lockDescriptor = try StateFolder.lock(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(lockDescriptor)
        close(descriptor)
    }

    // MARK: Trust

    private static func refusal(
        _ code: Int32, of path: String, isFolder: Bool
    ) -> StateDirectory.Problem {
        if code == ELOOP || code == ENOTDIR {
            return StateDirectory.Problem(
                kind: .untrusted,
                description: isFolder
                    ? """
                    \(path) is a symbolic link or no folder; name the folder itself with --state-dir
                    """
                    : "\(path) is a symbolic link, which the agent does not follow; remove it")
        }
        return StateDirectory.Problem("cannot open \(path)", code: code)
    }

    private static func checkOwner(
        of folder: Int32, _ path: String
    ) throws(StateDirectory.Problem) {
        var status = stat()
        guard fstat(folder, &status) == 0 else {
            throw StateDirectory.Problem("cannot read \(path)", code: errno)
        }
        guard isOwnerTrusted(status) else {
            throw StateDirectory.Problem(
                kind: .untrusted,
                description:
                    "\(path) belongs to user \(status.st_uid), not to \(geteuid()), as whom the "
                    + "agent runs; chown it, or give another folder with --state-dir")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw StateDirectory.Problem(
                kind: .untrusted,
                description: "others may write to \(path); run chmod go-w \(path), or give another "
                    + "folder with --state-dir")
        }
    }

    /// What belongs to root can be trusted by anybody.
    private static func isOwnerTrusted(_ status: stat) -> Bool {
        status.st_uid == geteuid() || status.st_uid == 0
    }

    /// Checks all files of an agent: somebody who could once write here may have left links.
    private static func checkFiles(
        in folder: Int32, _ path: String
    ) throws(StateDirectory.Problem) {
        for name in try names(in: folder, path) where StateFileName.isOurs(name) {
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw StateDirectory.Problem(
                    kind: .untrusted,
                    description: "\(path)/\(name) is a symbolic link or another special file, "
                        + "which the agent does not follow; remove it")
            }
            guard isOwnerTrusted(status) else {
                throw StateDirectory.Problem(
                    kind: .untrusted,
                    description: "\(path)/\(name) belongs to user \(status.st_uid), not to "
                        + "\(geteuid()), as whom the agent runs; chown or remove it")
            }
        }
    }

    // MARK: The lock

    private static func lock(
        _ folder: Int32, _ path: String
    ) throws(StateDirectory.Problem) -> Int32 {
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let file = openat(folder, lockName, flags, 0o600)
        guard file >= 0 else { throw refusal(errno, of: path + "/" + lockName, isFolder: false) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(file) }
            guard code == EWOULDBLOCK else {
                throw StateDirectory.Problem("cannot lock \(path)/\(lockName)", code: code)
            }
            throw StateDirectory.Problem(
                kind: .inUse,
                description: "another memagent\(owner(of: file)) uses \(path); stop it, or give "
                    + "this one a folder of its own with --state-dir")
        }
        // Only for the message above: without it, that says less.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(file, 0) == 0 { _ = pwrite(file, text, text.count, 0) }
        return file
    }

    /// Who holds the lock, as it wrote itself.
    private static func owner(of file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(file, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(0, count)).prefix { $0 >= 48 && $0 <= 57 }
        return digits.isEmpty ? "" : " (pid \(String(decoding: digits, as: UTF8.self)))"
    }

    // MARK: Files

    /// The names of all files here.
    func names() throws(StateDirectory.Problem) -> [String] {
        try StateFolder.names(in: descriptor, path)
    }

    private static func names(
        in folder: Int32, _ path: String
    ) throws(StateDirectory.Problem) -> [String] {
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else {
            let code = errno
            if copy >= 0 { close(copy) }
            throw StateDirectory.Problem("cannot list \(path)", code: code)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < maximumNames, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// How large a file is, in bytes; nil if there is none.
    func size(of name: String) -> Int? {
        status(of: name).map { Int($0.st_size) }
    }

    /// When a file was last written, in UTC milliseconds; nil if there is none.
    func changedAtMilliseconds(of name: String) -> Int64? {
        status(of: name).map {
            Int64($0.st_mtim.tv_sec) * 1_000 + Int64($0.st_mtim.tv_nsec) / 1_000_000
        }
    }

    private func status(of name: String) -> stat? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return status
    }

    /// Runs `body` while nothing else of its kind runs: what it finds of the room stays true.
    func alone<Result: Sendable>(_ body: () throws -> Result) rethrows -> Result {
        try writing.withLock { _ in try body() }
    }

    /// Opens a file to read it; nil if there is none.
    func openToRead(_ name: String) throws(FileFailure) -> Int32? {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure("cannot read \(path)/\(name)")
        }
        return file
    }

    /// The first bytes of a file; nil if there is none.
    func beginning(of name: String, maximumBytes: Int) throws(FileFailure) -> [UInt8]? {
        guard let file = try openToRead(name) else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw FileFailure("cannot read \(path)/\(name)") }
        return Array(bytes[..<count])
    }

    /// Writes a short file in place, without waiting for the disk.
    ///
    /// It is one call, so that whoever reads finds the old content or the new one.
    func overwrite(_ name: String, with bytes: [UInt8]) throws(FileFailure) {
        let flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let file = openat(descriptor, name, flags, 0o600)
        guard file >= 0 else { throw FileFailure("cannot write \(path)/\(name)") }
        defer { close(file) }
        let count = pwrite(file, bytes, bytes.count, 0)
        guard count == bytes.count else {
            throw FileFailure("cannot write \(path)/\(name)", code: count < 0 ? errno : ENOSPC)
        }
    }

    /// Puts a file in the place of the one of that name, so that it is there whole or not at all,
    /// after a power cut as well.
    ///
    /// What `body` throws is passed on; the file of before stays then.
    func replace(_ name: String, _ body: (Int32) throws -> Void) throws {
        let temporary = name + StateFileName.temporarySuffix
        // One that an agent left that was killed here.
        if size(of: temporary) != nil { try calls.remove(temporary, in: descriptor) }
        let file = try calls.create(temporary, in: descriptor)
        do {
            do {
                try body(file)
                try calls.sync(file)
            } catch {
                calls.close(file)
                throw error
            }
            calls.close(file)
            try calls.rename(temporary, to: name, in: descriptor)
        } catch {
            // A full disk has no room for it; it is of no use.
            do throws(FileFailure) { try calls.remove(temporary, in: descriptor) } catch {}
            throw error
        }
        try calls.sync(descriptor)
    }

    /// Removes a file for good, after a power cut as well.
    func remove(_ name: String) throws(FileFailure) {
        do throws(FileFailure) {
            try calls.remove(name, in: descriptor)
        } catch {
            guard error.code == ENOENT else { throw error }
        }
        try calls.sync(descriptor)
    }

    /// Gives a file another name.
    func rename(_ name: String, to other: String) throws(FileFailure) {
        try calls.rename(name, to: other, in: descriptor)
        try calls.sync(descriptor)
    }
}
