import CLinux
import Glibc
import MemoryModel
import Synchronization

/// A datagram and the process that sent it.
public struct ReceivedSection: Hashable, Sendable {
    /// The sender as the kernel has it, in this program's pid namespace; 0 where it is in none
    /// that can be seen from there.
    public var pid: Int32
    /// What it said.
    public var datagram: SectionDatagram

    /// Takes both.
    public init(pid: Int32, datagram: SectionDatagram) {
        self.pid = pid
        self.datagram = datagram
    }
}

/// What came in since it was last asked for.
public struct SectionArrivals: Hashable, Sendable {
    /// The datagrams, in the order in which they came.
    public var received: [ReceivedSection] = []
    /// How many were passed over, by why.
    public var faults: [SectionFault: UInt64] = [:]
    /// How many found no room.
    public var droppedCount: UInt64 = 0

    /// Nothing.
    public init() {}
}

/// Why no programs can tell of their sections.
public struct SectionListenerProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's error number.
    public var code: Int32

    /// What is wrong and what can be done about it, in one line.
    public var description: String {
        switch code {
        case EACCES, EPERM, ENOENT, EROFS:
            "\(KernelError.phrase(of: code)); run the agent as root, or name a path in a "
                + "directory that it may write to (--sections-socket), and the same in the "
                + "programs' environment (HIGHWATER_SOCKET)"
        case EADDRINUSE: "another program listens there, or it is a file of another kind"
        default: KernelError.phrase(of: code)
        }
    }
}

/// Receives what programs of this host tell of their sections, on a thread of its own.
///
/// Any program may send as much as it likes: so many a second are read and so many wait, and the
/// rest is the senders' to count.
public final class SectionListener: Sendable {
    private let arrivals: ArrivalQueue
    private let thread: ListenerThread
    private let file: Int32
    private let path: String

    /// How many datagrams are read a second, and how many more after a quiet time.
    static let ratePerSecond = 1_000
    /// How many are read at once after a quiet time.
    static let burst = 4_096
    /// How many wait to be taken at most.
    static let maximumWaiting = 8_192
    private static let pauseMilliseconds: Int32 = 20

    /// Makes the socket at `path` and listens there; throws why that does not work.
    public init(path: String) throws(SectionListenerProblem) {
        let file = clinux_datagram_listen(path)
        guard file >= 0 else { throw SectionListenerProblem(code: errno) }
        let arrivals = ArrivalQueue()
        do throws(NetlinkFailure) {
            thread = try ListenerThread { stopFile in
                SectionListener.run(file, stopFile, arrivals)
            }
        } catch {
            clinux_datagram_close(file, path)
            throw SectionListenerProblem(code: error.code)
        }
        self.arrivals = arrivals
        self.file = file
        self.path = path
    }

    /// Takes what came in.
    ///
    /// Whoever calls this after reading processes has what those sent that had ended by then, as
    /// far as the thread may read that much.
    public func drain() -> SectionArrivals {
        _ = arrivals.receive(from: file)
        return arrivals.takeAll()
    }

    /// Stops listening and removes the socket; it is not to be asked afterwards.
    public func stop() {
        thread.stop()
        clinux_datagram_close(file, path)
    }

    private static func run(_ file: Int32, _ stopFile: Int32, _ arrivals: ArrivalQueue) {
        while true {
            var files = [
                pollfd(fd: stopFile, events: Int16(POLLIN), revents: 0),
                pollfd(fd: file, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&files, 2, -1) >= 0 || errno == EINTR else { return }
            if files[0].revents != 0 { return }
            guard !arrivals.receive(from: file) else { continue }
            // Who sends too much finds the socket full meanwhile.
            var stop = pollfd(fd: stopFile, events: Int16(POLLIN), revents: 0)
            if poll(&stop, 1, pauseMilliseconds) > 0 { return }
        }
    }
}

/// What came in and waits, and how much more may be read.
private final class ArrivalQueue: Sendable {
    fileprivate struct State {
        var arrivals = SectionArrivals()
        var bucket = TokenBucket(
            perSecond: SectionListener.ratePerSecond, burst: SectionListener.burst,
            atMilliseconds: BootClock.nowMilliseconds())
        var buffer = [UInt8](repeating: 0, count: SectionDatagram.maximumBytes)
    }

    private let state = Mutex(State())

    /// Reads all that is there; false if it may not read on now.
    func receive(from file: Int32) -> Bool {
        state.withLock { state in
            let now = BootClock.nowMilliseconds()
            while true {
                guard state.bucket.take(atMilliseconds: now) else { return false }
                var pid: Int32 = 0
                let count = state.buffer.withUnsafeMutableBytes {
                    clinux_datagram_receive(file, $0.baseAddress, $0.count, &pid)
                }
                guard count >= 0 else { return true }
                state.take(count, from: pid)
            }
        }
    }

    func takeAll() -> SectionArrivals {
        state.withLock { state in
            defer { state.arrivals = SectionArrivals() }
            return state.arrivals
        }
    }
}

extension ArrivalQueue.State {
    mutating func take(_ count: Int, from pid: Int32) {
        do throws(SectionFault) {
            guard count <= buffer.count else { throw .tooLarge }
            let datagram = try SectionDatagram(Array(buffer[..<count]))
            guard arrivals.received.count < SectionListener.maximumWaiting else {
                arrivals.droppedCount += 1
                return
            }
            arrivals.received.append(ReceivedSection(pid: pid, datagram: datagram))
        } catch {
            arrivals.faults[error, default: 0] += 1
        }
    }
}
