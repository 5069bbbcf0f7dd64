import PeakStore
import SQLiteStore

/// Copies the database of a collector, for the command line.
package enum DatabaseCopy {
    /// Copies the database of `dataDirectory` into the empty file `path`.
    ///
    /// `onStep` is told what is copied and what there is, in bytes. Throws a `CollectorProblem`, or
    /// what `onStep` throws.
    package static func copy(
        dataDirectory: String, to path: String, onStep: (UInt64, UInt64) throws -> Void
    ) throws {
        do {
            try StoreCopy(dataDirectory: dataDirectory).copy(to: path) {
                try onStep($0.copiedBytes, $0.totalBytes)
            }
        } catch let error as PeakStoreError {
            throw CollectorProblem.store(error)
        }
    }
}
