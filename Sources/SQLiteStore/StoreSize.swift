import Glibc

extension SQLiteStore {
    /// How much of the disk the database and its write-ahead log take, in bytes; nil if that
    /// cannot be told.
    public func sizeBytes() -> UInt64? {
        SQLiteStore.fileBytes(databasePath).map { $0 + UInt64(max(0, writeAheadLogBytes())) }
    }

    /// How much of the disk the database in a directory takes, in bytes; nil if there is none or
    /// that cannot be told.
    public static func sizeBytes(ofDataDirectory path: String) -> UInt64? {
        fileBytes(path + "/" + DataDirectory.databaseName)
    }

    /// How much of the disk its write-ahead log takes, in bytes; 0 if there is none or that cannot
    /// be told.
    public static func logBytes(ofDataDirectory path: String) -> UInt64 {
        fileBytes(path + "/" + DataDirectory.databaseName + "-wal") ?? 0
    }

    private static func fileBytes(_ path: String) -> UInt64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return UInt64(max(0, status.st_size))
    }
}
