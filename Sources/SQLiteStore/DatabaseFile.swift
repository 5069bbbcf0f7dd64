import GRDB
import Glibc
import PeakStore

/// A database file as it can be judged before SQLite may write to it.
///
/// The first 100 bytes of a file are SQLite's header (`https://www.sqlite.org/fileformat.html`,
/// section 1.3): the text `SQLite format 3` and a zero, the user version at offset 60 and the
/// application id at offset 68, both big-endian.
struct DatabaseFile: Sendable {
    /// Which file this is, together with `inode`.
    let device: dev_t
    /// Which file this is on its device.
    let inode: ino_t
    /// Nothing has been written to it yet.
    let isEmpty: Bool

    private let path: String
    private let header: [UInt8]

    private static let headerBytes = 100
    private static let magic = Array("SQLite format 3\0".utf8)

    /// Reads the header of the open file `descriptor`, which must be a file of our own.
    init(descriptor: Int32, path: String) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw PeakStoreError.notWritable(path: path, reason: errorText(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw PeakStoreError.notWritable(
                path: path, reason: "it is not a regular file of user \(geteuid())")
        }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
        isEmpty = status.st_size == 0
        header = try DatabaseFile.readHeader(descriptor, path: path)
        guard isEmpty || header.starts(with: DatabaseFile.magic) else {
            throw PeakStoreError.notADatabase(path: path, reason: "it is not an SQLite file")
        }
    }

    /// Refuses a file that is another program's or newer than `supported`, without changing it.
    ///
    /// `hasLog` tells whether there is a write-ahead log, which may hold a newer header.
    func check(supportedVersion supported: Int, hasLog: Bool) throws {
        guard !isEmpty else { return }
        let identity = identityOfHeader()
        try identity.check(path: path, supportedVersion: supported)
        guard hasLog || identity.applicationID == 0 else { return }
        try identityBySQLite().check(path: path, supportedVersion: supported)
    }

    private func identityOfHeader() -> DatabaseIdentity {
        DatabaseIdentity(
            applicationID: number(at: 68), version: Int(number(at: 60)), hasTables: false)
    }

    /// Asks SQLite, which reads the write-ahead log, too, over a connection that cannot write.
    private func identityBySQLite() throws -> DatabaseIdentity {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let identity = try queue.read { database in
            DatabaseIdentity(
                applicationID: try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
                version: try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0,
                hasTables: try Bool.fetchOne(
                    database, sql: "SELECT count(*) > 0 FROM sqlite_master") ?? false)
        }
        try queue.close()
        return identity
    }

    private func number(at offset: Int) -> Int32 {
        Int32(bitPattern: header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }

    private static func readHeader(_ descriptor: Int32, path: String) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: headerBytes)
        let count = pread(descriptor, &bytes, headerBytes, 0)
        guard count >= 0 else {
            throw PeakStoreError.failed(reason: "cannot read \(path): \(errorText(errno))")
        }
        guard count == 0 || count == headerBytes else {
            throw PeakStoreError.notADatabase(path: path, reason: "it is too short")
        }
        return bytes
    }
}

/// Whose database a file is.
private struct DatabaseIdentity {
    var applicationID: Int32
    var version: Int
    var hasTables: Bool

    func check(path: String, supportedVersion supported: Int) throws {
        // A crash before the first migration leaves a database of nobody with nothing in it.
        if applicationID == 0, version == 0, !hasTables { return }
        guard applicationID == Schema.applicationID else {
            throw PeakStoreError.notADatabase(
                path: path, reason: "it is another program's database")
        }
        guard version <= supported else {
            throw PeakStoreError.newerVersion(found: version, supported: supported)
        }
    }
}
