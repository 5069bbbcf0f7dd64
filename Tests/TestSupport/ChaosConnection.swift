import Foundation
import Synchronization

/// Which way bytes go.
public enum ChaosDirection: Int, Sendable {
    /// From the agent to the collector.
    case reports = 0
    /// From the collector to the agent.
    case answers = 1
}

/// What happens to a connection.
public struct ChaosFault: Sendable, CustomStringConvertible {
    /// What a network can do.
    public enum Action: Sendable {
        /// Both directions end.
        case cut
        /// This direction ends, the other goes on until its sender ends it.
        case end
        /// Nothing passes in this direction any more, and nobody is told; the connection is cut so
        /// many milliseconds later.
        case swallow(milliseconds: Int32)
        /// Nothing passes in this direction for so many milliseconds; then everything does.
        case hold(milliseconds: Int32)
        /// The next ACK does not pass, and the connection is cut.
        case cutAtAcknowledgement
    }

    /// Which direction it happens to.
    public var direction: ChaosDirection
    /// How many bytes pass in this direction from now on before it happens.
    public var afterBytes: Int
    /// What happens.
    public var action: Action

    /// Takes the parts as they are.
    public init(_ action: Action, _ direction: ChaosDirection, afterBytes: Int = 0) {
        self.action = action
        self.direction = direction
        self.afterBytes = afterBytes
    }

    /// The ACK of what was received never reaches the agent.
    public static var loseAcknowledgement: ChaosFault {
        ChaosFault(.cutAtAcknowledgement, .answers)
    }

    /// What happens, for people.
    public var description: String { "\(action) of \(direction) after \(afterBytes) bytes" }
}

/// One connection of an agent through a `ChaosProxy`.
public final class ChaosConnection: Sendable {
    /// The number that its observer knows it by.
    public let number: Int

    private let agent: Int32
    private let collector: Int32
    private let observer: any ChaosObserver
    private let state: Mutex<State>

    private struct State {
        var faults: [ChaosFault?] = [nil, nil]
        var isCut = false
        var isClosed = false
        /// Everything that the agent sent, to be sent again; nil once it is more than is kept.
        var recorded: [UInt8]? = []
    }

    private static let maximumRecordedBytes = 4 << 20
    private static let acknowledgementType: UInt8 = 0x07

    init(
        number: Int, agent: Int32, collector: Int32, fault: ChaosFault?,
        observer: any ChaosObserver
    ) {
        self.number = number
        self.agent = agent
        self.collector = collector
        self.observer = observer
        var first = State()
        if let fault { first.faults[fault.direction.rawValue] = fault }
        state = Mutex(first)
    }

    /// Everything that the agent sent through it; nil if that is too much to be kept.
    public var recorded: [UInt8]? { state.withLock { $0.recorded } }

    /// Lets this happen to it.
    public func apply(_ fault: ChaosFault) {
        state.withLock { $0.faults[fault.direction.rawValue] = fault }
    }

    /// Ends it.
    public func cut() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isCut = true
            shutdown(agent, Int32(SHUT_RDWR))
            shutdown(collector, Int32(SHUT_RDWR))
        }
    }

    /// Passes bytes both ways until both have ended, then calls `whenClosed`; blocks.
    func run(whenClosed: @escaping @Sendable () -> Void) {
        let group = DispatchGroup()
        group.enter()
        Thread.detachNewThread { [self] in
            pass(.answers, from: collector, to: agent)
            group.leave()
        }
        pass(.reports, from: agent, to: collector)
        group.wait()
        state.withLock { state in
            state.isClosed = true
            close(agent)
            close(collector)
        }
        observer.closed(connection: number)
        whenClosed()
    }

    // MARK: One direction

    private func pass(_ direction: ChaosDirection, from source: Int32, to target: Int32) {
        var parts = FrameParts(beginsWithPreface: direction == .reports)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var isOpen = true
        while isOpen {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if direction == .reports { record(buffer[..<count]) }
            for part in parts.take(buffer[..<count]) {
                observer.sent(part, direction, connection: number)
                isOpen = isOpen && forward(part, direction, from: source, to: target)
            }
        }
        if isOpen, !parts.rest.isEmpty {
            isOpen = forward(parts.rest, direction, from: source, to: target)
        }
        // What was swallowed or cut has no end that anybody is told of here.
        if isOpen { shutdown(target, Int32(SHUT_WR)) }
    }

    private func record(_ bytes: ArraySlice<UInt8>) {
        state.withLock { state in
            let isRoom =
                (state.recorded?.count ?? 0) + bytes.count <= ChaosConnection.maximumRecordedBytes
            if isRoom { state.recorded? += bytes } else { state.recorded = nil }
        }
    }

    /// Passes a part on, up to the fault of the direction; false once nothing more may pass.
    private func forward(
        _ part: [UInt8], _ direction: ChaosDirection, from source: Int32, to target: Int32
    ) -> Bool {
        let isAcknowledgement =
            direction == .answers && part.count > 2
            && part[2] == ChaosConnection.acknowledgementType
        let due: (fault: ChaosFault, passing: Int)? = state.withLock { state in
            guard var fault = state.faults[direction.rawValue] else { return nil }
            if case .cutAtAcknowledgement = fault.action {
                return isAcknowledgement ? (fault, 0) : nil
            }
            guard fault.afterBytes < part.count else {
                fault.afterBytes -= part.count
                state.faults[direction.rawValue] = fault
                return nil
            }
            state.faults[direction.rawValue] = nil
            return (fault, fault.afterBytes)
        }
        guard let due else { return deliver(part, direction, to: target) }
        guard LoopbackSocket.writeAll(part[..<due.passing], to: target) else { return false }
        switch due.fault.action {
        case .cut, .cutAtAcknowledgement: cut()
        case .end: shutdown(target, Int32(SHUT_WR))
        case .swallow(let milliseconds):
            discard(from: source, milliseconds: milliseconds)
            cut()
        case .hold(let milliseconds):
            wait(source, milliseconds: milliseconds)
            return deliver(part, direction, skipping: due.passing, to: target)
        }
        return false
    }

    private func deliver(
        _ part: [UInt8], _ direction: ChaosDirection, skipping count: Int = 0, to target: Int32
    ) -> Bool {
        guard !state.withLock({ $0.isCut }),
            LoopbackSocket.writeAll(part[count...], to: target)
        else { return false }
        observer.delivered(part, direction, connection: number)
        return true
    }

    /// Waits, but not for a connection that is over.
    private func wait(_ socket: Int32, milliseconds: Int32) {
        var waited = pollfd(fd: socket, events: 0, revents: 0)
        _ = poll(&waited, 1, milliseconds)
    }

    /// Takes in what comes for so long, and forgets it.
    private func discard(from source: Int32, milliseconds: Int32) {
        let end = ContinuousClock.now + .milliseconds(Int(milliseconds))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let left = (end - ContinuousClock.now) / Duration.milliseconds(1)
            var waited = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&waited, 1, Int32(left) + 1) > 0 else { return }
            guard recv(source, &buffer, buffer.count, 0) > 0 else { return }
        }
    }
}

/// Cuts a direction's bytes into the preface and whole frames.
struct FrameParts {
    /// What is not whole yet.
    private(set) var rest: [UInt8] = []
    private var isPrefaceDue: Bool

    private static let prefaceBytes = 8
    private static let headerBytes = 24

    init(beginsWithPreface: Bool) {
        isPrefaceDue = beginsWithPreface
    }

    /// Takes bytes in, gives what they made whole.
    mutating func take(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
        rest += bytes
        var parts: [[UInt8]] = []
        while let length = nextLength, rest.count >= length {
            parts.append(Array(rest[..<length]))
            rest.removeFirst(length)
            isPrefaceDue = false
        }
        return parts
    }

    /// How long the next part is; nil where that is not known yet.
    private var nextLength: Int? {
        if isPrefaceDue { return FrameParts.prefaceBytes }
        guard rest.count >= FrameParts.headerBytes else { return nil }
        let length = rest[4..<8].reduce(0) { $0 << 8 | Int($1) }
        return FrameParts.headerBytes + length
    }
}
