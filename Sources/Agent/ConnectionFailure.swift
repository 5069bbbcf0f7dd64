import Glibc
import NIOCore
import NIOPosix

/// Why a connection could not be made, in words for a log line.
package enum ConnectionFailure {
    /// The kernel's or the resolver's words, without those of the library between.
    package static func phrase(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first { return phrase(of: failure.error) }
            if let failure = error.dnsAError ?? error.dnsAAAAError { return phrase(of: failure) }
            return "the name \(error.host) is not known"
        case let error as SocketAddressError.UnknownHost: return error.errorDescription
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "nobody answered in time"
        default: return "\(error)"
        }
    }
}
