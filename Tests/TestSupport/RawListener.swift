import Foundation
import Synchronization

/// Accepts connections on loopback and hands each to a test, on a thread of its own.
public final class RawListener: Sendable {
    /// One accepted connection; it is closed when the test's function returns.
    public struct Peer: Sendable {
        fileprivate let descriptor: Int32

        /// The bytes that came next; nil once the other side closed.
        public func read() -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                return count > 0 ? Array(buffer[..<count]) : nil
            }
        }

        /// Sends all of it; false if the other side closed.
        @discardableResult
        public func write(_ bytes: [UInt8]) -> Bool {
            LoopbackSocket.writeAll(bytes[...], to: descriptor)
        }
    }

    /// Where it listens.
    public let port: Int
    private let listener: Int32

    /// Listens; `serve` gets each connection.
    public init(_ serve: @escaping @Sendable (Peer) -> Void) throws {
        let listener = try LoopbackSocket.make()
        port = try LoopbackSocket.bind(listener)
        guard listen(listener, 16) == 0 else { throw LoopbackSocket.failure("listen") }
        self.listener = listener
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                Thread.detachNewThread {
                    serve(Peer(descriptor: client))
                    shutdown(client, Int32(SHUT_RDWR))
                    close(client)
                }
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}
