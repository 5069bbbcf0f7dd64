import Glibc
import NIOCore
package import PeakStore

/// Why a collector cannot do its work, in one line that says what to do.
package enum CollectorProblem: Error, CustomStringConvertible {
    /// An address cannot be listened at.
    case cannotListen(ListenAddress, flag: String, reason: any Error)
    /// The store cannot be opened, or failed.
    case store(PeakStoreError)

    /// The line.
    package var description: String {
        switch self {
        case .cannotListen(let address, let flag, let reason):
            return "cannot listen at \(address): \(CollectorProblem.phrase(of: reason)); "
                + "give another address with \(flag)"
        case .store(let error): return error.advice
        }
    }

    private static func phrase(of reason: any Error) -> String {
        switch reason {
        case let error as IOError where error.errnoCode == EADDRINUSE:
            "another program listens there"
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL:
            "this machine does not have that address"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as SocketAddressError.UnknownHost: error.errorDescription
        default: "\(reason)"
        }
    }
}

extension PeakStoreError {
    /// What is wrong and what to do, in one line.
    fileprivate var advice: String {
        switch self {
        case .newerVersion(let found, let supported):
            """
            the database has version \(found), this program knows \(supported); run a newer \
            memcollector, or give another --data-dir
            """
        case .notADatabase(let path, let reason):
            """
            \(path) is not a database of memcollector, or is damaged (\(reason)); restore it from \
            a copy, or give another --data-dir
            """
        case .notWritable(let path, let reason):
            "cannot write \(path) (\(reason)); make it writable, or give another --data-dir"
        case .inUse(let path):
            "another collector uses \(path); stop it, or give another --data-dir"
        case .locked(let reason):
            "another program holds the database (\(reason)); end it, or wait for it"
        case .full(let reason):
            "the disk is full (\(reason)); free some room, no restart is needed"
        case .refused(let reason): reason
        case .failed(let reason):
            "the store failed (\(reason)); look at the disk before it is started again"
        }
    }
}
