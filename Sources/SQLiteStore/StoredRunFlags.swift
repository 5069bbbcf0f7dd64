import MemoryModel

/// Flags of the column `run.flags` that never leave the store.
extension RunFlags {
    /// Its ordinal is in `applied`: once its row is gone, a copy of it does not bring it back.
    static let isNumbered = RunFlags(rawValue: 1 << 31)

    /// What the column says of the run itself.
    init(stored: UInt32) {
        self = RunFlags(rawValue: stored).subtracting(.isNumbered)
    }
}
