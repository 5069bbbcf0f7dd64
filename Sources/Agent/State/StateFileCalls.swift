import Glibc

/// The calls by which files of the state directory are read and change, one for each that the
/// kernel sees.
///
/// Tests put faults between them, or an end of the program.
protocol StateFileCalls: Sendable {
    /// Makes a new file for its owner alone; there must be none of that name.
    func create(_ name: String, in folder: Int32) throws(FileFailure) -> Int32
    /// Writes some of the bytes, at least one, and gives their number.
    func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws(FileFailure) -> Int
    /// Reads what comes next and gives the number of bytes; 0 at the end.
    func read(into bytes: UnsafeMutableRawBufferPointer, from file: Int32) throws(FileFailure)
        -> Int
    /// Waits until a file, or the names in a folder, are on the disk.
    func sync(_ file: Int32) throws(FileFailure)
    /// Closes a file.
    func close(_ file: Int32)
    /// Gives a file another name, in the place of one that has it.
    func rename(_ name: String, to other: String, in folder: Int32) throws(FileFailure)
    /// Removes a file.
    func remove(_ name: String, in folder: Int32) throws(FileFailure)
}

/// The kernel's own calls.
struct SystemFileCalls: StateFileCalls {
    func create(_ name: String, in folder: Int32) throws(FileFailure) -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = openat(folder, name, flags, 0o600)
        guard file >= 0 else { throw FileFailure("cannot make \(name)") }
        return file
    }

    func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws(FileFailure) -> Int {
        var count = Glibc.write(file, bytes.baseAddress, bytes.count)
        while count < 0, errno == EINTR {
            count = Glibc.write(file, bytes.baseAddress, bytes.count)
        }
        guard count > 0 else { throw FileFailure("cannot write", code: count < 0 ? errno : EIO) }
        return count
    }

    func read(
        into bytes: UnsafeMutableRawBufferPointer, from file: Int32
    ) throws(FileFailure) -> Int {
        var count = Glibc.read(file, bytes.baseAddress, bytes.count)
        while count < 0, errno == EINTR {
            count = Glibc.read(file, bytes.baseAddress, bytes.count)
        }
        guard count >= 0 else { throw FileFailure("cannot read") }
        return count
    }

    func sync(_ file: Int32) throws(FileFailure) {
        guard fsync(file) == 0 else { throw FileFailure("cannot sync") }
    }

    func close(_ file: Int32) { _ = Glibc.close(file) }

    func rename(_ name: String, to other: String, in folder: Int32) throws(FileFailure) {
        guard renameat(folder, name, folder, other) == 0 else {
            throw FileFailure("cannot rename \(name) to \(other)")
        }
    }

    func remove(_ name: String, in folder: Int32) throws(FileFailure) {
        guard unlinkat(folder, name, 0) == 0 else { throw FileFailure("cannot remove \(name)") }
    }
}
