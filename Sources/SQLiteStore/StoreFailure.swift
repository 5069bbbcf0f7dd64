import GRDB
import GRDBSQLite
import Glibc
import PeakStore

/// A row that this program cannot have written.
struct DamagedRow: Error {
    /// What is wrong with it.
    var reason: String
}

/// How SQLite's failures become those of the store.
enum StoreFailure {
    /// What `error` means to a user of the store in the database file `path`.
    ///
    /// `systemError` is `errno` of the call that failed, where SQLite kept it.
    static func translate(
        _ error: any Error, path: String, systemError: Int32 = 0
    ) -> PeakStoreError {
        if let known = error as? PeakStoreError { return known }
        if let damaged = error as? DamagedRow {
            return .notADatabase(path: path, reason: damaged.reason)
        }
        guard let error = error as? DatabaseError else { return .failed(reason: "\(error)") }
        let reason = describe(error, systemError: systemError)
        switch error.resultCode {
        case .SQLITE_FULL: return .full(reason: reason)
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .locked(reason: reason)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT: return .notADatabase(path: path, reason: reason)
        case .SQLITE_IOERR, .SQLITE_CANTOPEN:
            if meansFull(error, systemError: systemError) { return .full(reason: reason) }
            return error.resultCode == .SQLITE_IOERR
                ? .failed(reason: reason) : .notWritable(path: path, reason: reason)
        case .SQLITE_READONLY, .SQLITE_PERM:
            return .notWritable(path: path, reason: reason)
        case .SQLITE_INTERRUPT:
            return .refused(
                reason: "this was ended because it took so long that the database's log grew too "
                    + "large; ask for less, such as a shorter range, or use 'memcollector export'")
        default: return .failed(reason: reason)
        }
    }

    /// Whether after `error`, which means `meaning`, nothing may be acknowledged any more.
    ///
    /// After a failed flush the kernel may hold pages as clean that never reached the disk, so
    /// that the next flush would succeed and lie.
    static func isFinal(_ error: any Error, meaning: PeakStoreError) -> Bool {
        if meaning.isPassing { return false }
        if case .refused = meaning { return false }
        guard let error = error as? DatabaseError else { return true }
        switch error.resultCode {
        case .SQLITE_NOMEM, .SQLITE_INTERRUPT: return false
        default: return true
        }
    }

    /// A full disk, quota or file size limit: SQLite itself tells only the first from the rest.
    private static func meansFull(_ error: DatabaseError, systemError: Int32) -> Bool {
        guard error.extendedResultCode != .SQLITE_IOERR_FSYNC,
            error.extendedResultCode != .SQLITE_IOERR_DIR_FSYNC
        else { return false }
        return [ENOSPC, EDQUOT, EFBIG].contains(systemError)
    }

    private static func describe(_ error: DatabaseError, systemError: Int32) -> String {
        let text = error.message ?? "SQLite error"
        let code = "SQLite code \(error.extendedResultCode.rawValue)"
        return systemError == 0
            ? "\(text) (\(code))" : "\(text) (\(code): \(errorText(systemError)))"
    }
}

extension Database {
    /// `errno` of the write that failed last, in the database or in its write-ahead log; 0 if none
    /// did.
    ///
    /// `sqlite3_system_errno` does not do: a commit that fails is undone first, and by then
    /// `errno` is another call's.
    var systemError: Int32 {
        guard let connection = sqliteConnection else { return 0 }
        for pointer in [SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER] {
            var file: UnsafeMutablePointer<sqlite3_file>?
            guard sqlite3_file_control(connection, "main", pointer, &file) == SQLITE_OK,
                let file, let methods = file.pointee.pMethods
            else { continue }
            var code: Int32 = 0
            _ = methods.pointee.xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code)
            if code != 0 { return code }
        }
        return 0
    }
}
