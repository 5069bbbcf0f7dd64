import Foundation
import Synchronization

/// Stands between an agent and a collector and keeps all bytes that pass.
public final class RecordingProxy: Sendable {
    /// Where the agent connects.
    public let port: Int
    private let listener: Int32
    private let record = Record()

    private final class Record: Sendable {
        let sent = Mutex<[[UInt8]]>([])
        let answered = Mutex<[[UInt8]]>([])
    }

    /// What the one side of each connection sent so far.
    public var sent: [[UInt8]] { record.sent.withLock { $0 } }
    /// What the other side of each connection answered so far.
    public var answered: [[UInt8]] { record.answered.withLock { $0 } }

    /// Listens, and passes on to `port`.
    public init(to target: Int) throws {
        let listener = try LoopbackSocket.make()
        port = try LoopbackSocket.bind(listener)
        guard listen(listener, 16) == 0 else { throw LoopbackSocket.failure("listen") }
        self.listener = listener
        let record = record
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                RecordingProxy.join(client, to: target, record)
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func join(_ client: Int32, to target: Int, _ record: Record) {
        guard let server = try? LoopbackSocket.make() else {
            close(client)
            return
        }
        guard (try? LoopbackSocket.connect(server, port: target)) != nil else {
            close(client)
            close(server)
            return
        }
        let index = record.sent.withLock { sent in
            sent.append([])
            return sent.count - 1
        }
        record.answered.withLock { $0.append([]) }
        // Each direction has its own pair of descriptors, so that each closes what it owns.
        let clientCopy = fcntl(client, F_DUPFD_CLOEXEC, 0)
        let serverCopy = fcntl(server, F_DUPFD_CLOEXEC, 0)
        Thread.detachNewThread {
            pass(from: client, to: server) { bytes in
                record.sent.withLock { $0[index] += bytes }
            }
        }
        Thread.detachNewThread {
            pass(from: serverCopy, to: clientCopy) { bytes in
                record.answered.withLock { $0[index] += bytes }
            }
        }
    }

    private static func pass(
        from source: Int32, to target: Int32, _ note: (ArraySlice<UInt8>) -> Void
    ) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            note(buffer[..<count])
            guard LoopbackSocket.writeAll(buffer[..<count], to: target) else { break }
        }
        shutdown(target, Int32(SHUT_WR))
        close(source)
        close(target)
    }
}
