import Glibc
import PeakStore

/// The directory that holds the database: made if it is missing, trusted only if it is ours, and
/// locked against a second collector for as long as this object lives.
///
/// The lock is `flock(2)` on the file `lock`. The kernel drops it when the process ends however it
/// ends, so there is never a stale lock to clear away.
final class DataDirectory: Sendable {
    /// The path without trailing slashes.
    let path: String
    /// The path of the database file.
    var databasePath: String { path + "/" + DataDirectory.databaseName }

    private let descriptor: Int32
    private let lockDescriptor: Int32

    /// The name of the database file.
    static let databaseName = "highwater.db"
    private static let lockName = "lock"

    /// Opens the directory at `path`, making it and its parents with mode 0700 where they are
    /// missing, and locks it.
    ///
    /// Throws `PeakStoreError.inUse` if it is locked already and `.notWritable` if it is a
    /// symbolic link, belongs to somebody else, or may be written by somebody else.
    init(path givenPath: String) throws {
        var trimmed = givenPath[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        path = String(trimmed)
        try DataDirectory.makeDirectories(path)
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let reason =
                errno == ELOOP || errno == ENOTDIR
                ? "it is a symbolic link or not a directory" : errorText(errno)
            throw PeakStoreError.notWritable(path: path, reason: reason)
        }
        do {
            try DataDirectory.checkOwner(descriptor, path: path)
            lockDescriptor = try DataDirectory.lock(descriptor, path: path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(lockDescriptor)
        close(descriptor)
    }

    /// Makes the database file with mode 0600 unless it is there, and returns what of it can be
    /// seen without SQLite.
    ///
    /// SQLite gives the write-ahead log and its index the mode of the database file.
    func openDatabaseFile() throws -> DatabaseFile {
        let name = DataDirectory.databaseName
        let flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        var file = openat(descriptor, name, flags)
        if file < 0, errno == ENOENT {
            file = openat(descriptor, name, flags | O_CREAT | O_EXCL, 0o600)
            // Without this a power cut could leave rows in a file that no directory names.
            if file >= 0, fsync(descriptor) != 0 {
                let reason = errorText(errno)
                close(file)
                throw PeakStoreError.failed(reason: "cannot flush \(path): \(reason)")
            }
        }
        guard file >= 0 else {
            let reason = errno == ELOOP ? "it is a symbolic link" : errorText(errno)
            if errno == ENOSPC || errno == EDQUOT { throw PeakStoreError.full(reason: reason) }
            throw PeakStoreError.notWritable(path: databasePath, reason: reason)
        }
        defer { close(file) }
        return try DatabaseFile(descriptor: file, path: databasePath)
    }

    /// Lets another collector have the directory; done by itself when this object goes.
    func unlock() {
        // A lock that could not be dropped is dropped with the descriptor.
        _ = flock(lockDescriptor, LOCK_UN)
    }

    /// Whether the file that `file` described is still the one with the database's name.
    ///
    /// SQLite goes on writing to a file that was removed; nothing of that would be kept.
    func stillHolds(_ file: DatabaseFile) -> Bool {
        var status = stat()
        guard fstatat(descriptor, DataDirectory.databaseName, &status, AT_SYMLINK_NOFOLLOW) == 0
        else { return false }
        return status.st_dev == file.device && status.st_ino == file.inode
    }

    /// The size of the write-ahead log in bytes; 0 where there is none.
    func writeAheadLogBytes() -> Int64 {
        var status = stat()
        let name = DataDirectory.databaseName + "-wal"
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return 0 }
        return Int64(status.st_size)
    }

    private static func makeDirectories(_ path: String) throws {
        guard mkdir(path, 0o700) != 0 else { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectories(String(path[..<slash]))
            if mkdir(path, 0o700) == 0 { return }
        }
        guard errno == EEXIST else {
            throw PeakStoreError.notWritable(path: path, reason: errorText(errno))
        }
    }

    private static func checkOwner(_ descriptor: Int32, path: String) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw PeakStoreError.notWritable(path: path, reason: errorText(errno))
        }
        guard status.st_uid == geteuid() else {
            throw PeakStoreError.notWritable(
                path: path, reason: "it belongs to user \(status.st_uid), not to \(geteuid())")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw PeakStoreError.notWritable(
                path: path, reason: "others may write to it; use chmod go-w")
        }
    }

    private static func lock(_ directory: Int32, path: String) throws -> Int32 {
        let lockPath = path + "/" + lockName
        let file = openat(
            directory, lockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard file >= 0 else {
            if errno == ENOSPC || errno == EDQUOT {
                throw PeakStoreError.full(reason: "cannot make \(lockPath): \(errorText(errno))")
            }
            throw PeakStoreError.notWritable(path: lockPath, reason: errorText(errno))
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(file)
            if code == EWOULDBLOCK { throw PeakStoreError.inUse(path: path) }
            throw PeakStoreError.notWritable(
                path: lockPath, reason: "cannot be locked: \(errorText(code))")
        }
        return file
    }
}

/// What `strerror` says of an error number.
func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
}
