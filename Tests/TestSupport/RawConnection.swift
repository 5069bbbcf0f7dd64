import Foundation

/// A TCP connection to loopback that says whatever a test likes, and reads until the other side
/// closes.
public final class RawConnection: Sendable {
    private let descriptor: Int32

    /// Connects; with `receiveBytes`, the kernel keeps little of what is not read.
    public init(port: Int, receiveBytes: Int32? = nil) throws {
        descriptor = try LoopbackSocket.make()
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        if var receiveBytes {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes,
                socklen_t(MemoryLayout<Int32>.size))
        }
        do {
            try LoopbackSocket.connect(descriptor, port: port)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Sends all of it; false if the other side closed before it had taken everything.
    @discardableResult
    public func send(_ bytes: [UInt8]) async -> Bool {
        await onThread { LoopbackSocket.writeAll(bytes[...], to: self.descriptor) }
    }

    /// Says that nothing more will be sent.
    public func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What comes until the other side closes; throws if that takes a minute.
    public func readToEnd() async throws -> [UInt8] {
        try await read { _ in false }
    }

    /// What comes until `isEnough` or until the other side closes.
    public func read(until isEnough: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8]
    {
        let (bytes, code) = await onThread { () -> ([UInt8], Int32) in
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while !isEnough(bytes) {
                let count = recv(self.descriptor, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                // A connection that is reset is closed, too; what came before it counts.
                if count < 0, errno != ECONNRESET { return (bytes, errno) }
                guard count > 0 else { break }
                bytes += buffer[..<count]
            }
            return (bytes, 0)
        }
        guard code == 0 else {
            throw Program.Failure(
                description: "the connection was not closed: \(String(cString: strerror(code)))")
        }
        return bytes
    }
}

/// A port at which nobody listens, and nobody else can, as long as this lives.
public final class ClosedPort: Sendable {
    /// The port.
    public let port: Int
    private let descriptor: Int32

    /// Takes a port that the kernel chooses.
    public init() throws {
        descriptor = try LoopbackSocket.make()
        port = try LoopbackSocket.bind(descriptor)
    }

    deinit { close(descriptor) }
}

/// The calls of `socket(7)` that the tests need, on 127.0.0.1.
enum LoopbackSocket {
    static func make() throws -> Int32 {
        // Programs that are started meanwhile must not hold the connection open.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw failure("socket") }
        return descriptor
    }

    /// Binds to a port that the kernel chooses, and gives it.
    static func bind(_ descriptor: Int32) throws -> Int {
        var address = address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(descriptor, $0, length) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw failure("bind") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    static func connect(_ descriptor: Int32, port: Int) throws {
        var address = address(port: port)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw failure("connect to port \(port)") }
    }

    static func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    static func failure(_ what: String) -> Program.Failure {
        Program.Failure(description: "\(what): \(String(cString: strerror(errno)))")
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// Runs what blocks on a thread of its own, so that other tests go on.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
