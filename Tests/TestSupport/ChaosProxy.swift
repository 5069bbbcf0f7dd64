import Foundation
import Synchronization

/// Watches what passes a `ChaosProxy`, frame by frame; called from the proxy's threads.
public protocol ChaosObserver: Sendable {
    /// An agent connected.
    func opened(connection: Int)
    /// A side sent this: the preface, or one whole frame.
    func sent(_ bytes: [UInt8], _ direction: ChaosDirection, connection: Int)
    /// The other side's kernel took all of it.
    func delivered(_ bytes: [UInt8], _ direction: ChaosDirection, connection: Int)
    /// Nothing more will pass.
    func closed(connection: Int)
}

/// Stands between one agent and its collectors and does to their connections what networks do.
///
/// It listens on several ports, which the agent takes for several collectors: one that failed is
/// waited for, and the next one is tried soon. The connections are real, and so are their ends.
public final class ChaosProxy: Sendable {
    /// Where the agent connects.
    public let ports: [Int]

    private let listeners: [Int32]
    private let shared: Shared

    private final class Shared: Sendable {
        let state: Mutex<State>
        let observer: any ChaosObserver

        init(_ observer: any ChaosObserver, _ target: @escaping @Sendable (Int) -> Int?) {
            self.observer = observer
            state = Mutex(State(target: target))
        }
    }

    private struct State {
        var target: @Sendable (Int) -> Int?
        var isClosed = false
        var isIsolated = false
        var connections: [ChaosConnection] = []
        var planned: ChaosFault?
    }

    /// Numbers connections, through all proxies of this program.
    private static let nextNumber = Atomic<Int>(0)

    /// Listens on `portCount` ports.
    ///
    /// `target` says for the place of a port to which port of a collector it leads; nil for none.
    public init(
        portCount: Int, observer: any ChaosObserver,
        target: @escaping @Sendable (Int) -> Int?
    ) throws {
        var listeners: [Int32] = []
        var ports: [Int] = []
        for _ in 0..<portCount {
            let listener = try LoopbackSocket.make()
            listeners.append(listener)
            ports.append(try LoopbackSocket.bind(listener))
            guard listen(listener, 16) == 0 else { throw LoopbackSocket.failure("listen") }
        }
        self.listeners = listeners
        self.ports = ports
        shared = Shared(observer, target)
        Thread.detachNewThread { [listeners, shared] in
            ChaosProxy.acceptAll(listeners, shared)
        }
    }

    deinit {
        let connections = shared.state.withLock { state in
            state.isClosed = true
            return state.connections
        }
        for connection in connections { connection.cut() }
        for listener in listeners { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    /// Leads each port elsewhere from the next connection on.
    public func lead(to target: @escaping @Sendable (Int) -> Int?) {
        shared.state.withLock { $0.target = target }
    }

    /// Ends the connections that stand, and lets no other be made.
    public func isolate() {
        shared.state.withLock { $0.isIsolated = true }
        cut()
    }

    /// Lets connections be made again.
    public func reconnect() {
        shared.state.withLock { $0.isIsolated = false }
    }

    /// The connections that stand.
    public var connections: [ChaosConnection] { shared.state.withLock { $0.connections } }

    /// Lets this happen to the next connection.
    public func plan(_ fault: ChaosFault) {
        shared.state.withLock { $0.planned = fault }
    }

    /// Whether what was planned did not come to pass yet: no connection has begun since, or it
    /// still stands.
    public var isPlanPending: Bool {
        shared.state.withLock { $0.planned != nil || !$0.connections.isEmpty }
    }

    /// Lets this happen to the connections that stand.
    public func apply(_ fault: ChaosFault) {
        for connection in connections { connection.apply(fault) }
    }

    /// Ends the connections that stand.
    public func cut() {
        for connection in connections { connection.cut() }
    }

    private static func acceptAll(_ listeners: [Int32], _ shared: Shared) {
        defer { for listener in listeners { close(listener) } }
        while true {
            var waited = listeners.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waited, nfds_t(waited.count), -1) > 0 else { continue }
            for (place, ready) in waited.enumerated() where ready.revents != 0 {
                if shared.state.withLock({ $0.isClosed }) { return }
                let client = accept(ready.fd, nil, nil)
                guard client >= 0 else { continue }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                // Connecting blocks, if only for a moment.
                Thread.detachNewThread { join(client, through: place, shared) }
            }
        }
    }

    private static func join(_ client: Int32, through place: Int, _ shared: Shared) {
        let (port, fault) = shared.state.withLock { state in
            defer { state.planned = nil }
            return (state.isIsolated ? nil : state.target(place), state.planned)
        }
        guard let port, let server = try? LoopbackSocket.make() else {
            close(client)
            return
        }
        guard (try? LoopbackSocket.connect(server, port: port)) != nil else {
            close(client)
            close(server)
            return
        }
        let number = nextNumber.add(1, ordering: .relaxed).newValue
        shared.observer.opened(connection: number)
        let connection = ChaosConnection(
            number: number, agent: client, collector: server, fault: fault,
            observer: shared.observer)
        let isTooLate = shared.state.withLock { state in
            if !state.isClosed { state.connections.append(connection) }
            return state.isClosed
        }
        if isTooLate { connection.cut() }
        connection.run {
            shared.state.withLock { state in
                state.connections.removeAll { $0 === connection }
            }
        }
    }
}
