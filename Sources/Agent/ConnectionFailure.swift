import Glibc
import NIOCore
import NIOPosix

/// Why a connection could not be made, for a log line.
enum ConnectionFailure {
    /// The reason in the system's words, where the system gave it.
    static func phrase(of error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                phrase(of: first.error)
            } else if error.dnsAError != nil || error.dnsAAAAError != nil {
                "the name \(error.host) cannot be resolved"
            } else {
                "it could not be connected to"
            }
        case is SocketAddressError.UnknownHost: "the name cannot be resolved"
        case ChannelError.connectTimeout: "it did not answer in time"
        default: "\(error)"
        }
    }
}
