import Glibc

extension SQLiteStore {
    /// How much of the disk the database and its write-ahead log take, in bytes; nil if that
    /// cannot be told.
    public func sizeBytes() -> UInt64? {
        var status = stat()
        guard stat(databasePath, &status) == 0 else { return nil }
        return UInt64(max(0, status.st_size)) + UInt64(max(0, writeAheadLogBytes()))
    }
}
