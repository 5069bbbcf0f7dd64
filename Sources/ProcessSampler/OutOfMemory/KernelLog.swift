import CLinux
import Glibc

/// Why the kernel's log cannot be read.
public struct KernelLogProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and what can be done about it, in one sentence without a period.
    public let description: String
}

/// Reads kills for want of memory out of the kernel's log (`/dev/kmsg`).
///
/// It begins with the oldest record that the kernel still keeps, so that kills that nobody watched
/// are found, and an agent that starts again finds the same ones. The pids in the log are those of
/// the initial pid namespace, and its cgroups those of the initial cgroup namespace: use it only
/// where the processes are seen by the same numbers and names. It is for one thread at a time.
///
/// The stamps are the kernel's own clock (`local_clock()`), which starts with boot as
/// `CLOCK_MONOTONIC` does, but is not corrected: it stands still in suspend on most machines, and
/// it drifts by what NTP corrects, up to some seconds a day. Here they are taken as they are, so
/// that the same record always gives the same time; `lagMilliseconds` says how far they were off
/// at last.
public final class KernelLog {
    /// How much earlier than it was read the last new record says that it was written; nil before
    /// there was one.
    ///
    /// It is the stamp's error with the time between two readings on top.
    public private(set) var lagMilliseconds: Int64?
    /// Whether a reading has once come to the end of the log: all after that is new.
    public private(set) var isCaughtUp = false
    /// Why reading stopped for good; nil while it works.
    public private(set) var problem: KernelLogProblem?

    /// Records that were overwritten before they were read.
    public var lostCount: UInt64 { parser.lostCount }

    private let file: Int32
    private var parser = KernelLogReader()
    private let buffer: UnsafeMutableRawBufferPointer

    /// The largest record that the kernel hands out (`CONSOLE_EXT_LOG_MAX`, later
    /// `PRINTKRB_RECORD_MAX` with its escapes); a smaller buffer gives EINVAL.
    private static let maximumRecordBytes = 16_384

    /// Opens the log.
    ///
    /// Throws `KernelLogProblem` if the kernel does not permit it or has none.
    public convenience init(path: String = "/dev/kmsg") throws(KernelLogProblem) {
        let file = clinux_open(clinux_working_directory(), path)
        guard file >= 0 else { throw KernelLog.problem(path, errno) }
        self.init(descriptor: file)
    }

    /// Takes over an open file that hands out one record for each read and does not block.
    init(descriptor: Int32) {
        file = descriptor
        buffer = .allocate(byteCount: KernelLog.maximumRecordBytes, alignment: 16)
    }

    deinit {
        close(file)
        buffer.deallocate()
    }

    /// Reads what is new; at first what is there.
    ///
    /// - Parameters:
    ///   - now: The time, in milliseconds since boot.
    ///   - maximumRecords: The most records that are read; the rest comes with the next call.
    /// - Returns: What the records say about kills, in their order.
    public func read(
        atMilliseconds now: Int64, maximumRecords: Int = 16_384
    ) -> [KernelLogEvent] {
        var events: [KernelLogEvent] = []
        guard problem == nil else { return events }
        var remaining = maximumRecords
        while remaining > 0 {
            remaining -= 1
            let count = Glibc.read(file, buffer.baseAddress, buffer.count)
            guard count <= 0 else {
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                if let event = parser.take(
                    bytes, readAtMilliseconds: now, isBacklog: !isCaughtUp)
                {
                    events.append(event)
                }
                if isCaughtUp { lagMilliseconds = parser.lastMilliseconds.map { now - $0 } }
                continue
            }
            // EPIPE: records were overwritten, and reading goes on with the oldest that is left.
            // EINVAL: a record that no buffer of a sane kernel needs was skipped.
            if count < 0, errno == EINTR || errno == EPIPE || errno == EINVAL { continue }
            if count == 0 || errno != EAGAIN {
                problem = KernelLogProblem(
                    description: "the kernel's log ended: "
                        + (count == 0 ? "end of file" : KernelError.phrase(of: errno)))
            }
            isCaughtUp = true
            break
        }
        return events
    }

    private static func problem(_ path: String, _ code: Int32) -> KernelLogProblem {
        let phrase = "cannot read \(path): \(KernelError.phrase(of: code)); "
        switch code {
        case EPERM, EACCES:
            return KernelLogProblem(
                description: phrase
                    + "grant CAP_SYSLOG (AmbientCapabilities=CAP_SYSLOG), or set "
                    + "kernel.dmesg_restrict=0; until then kills are known from cgroups alone")
        default:
            return KernelLogProblem(
                description: phrase
                    + "let the agent see the host's /dev/kmsg; "
                    + "until then kills are known from cgroups alone")
        }
    }
}
