/// A message of the proc connector (`linux/cn_proc.h`), as far as this program wants to know.
enum ProcessEvent: Hashable {
    /// A thread or process was made.
    case fork(parentPid: Int32, thread: Int32, pid: Int32, monotonicNanoseconds: UInt64)
    /// A process executes another program.
    case exec(pid: Int32, monotonicNanoseconds: UInt64)
    /// The answer to a request to listen: 0, or an error number.
    case acknowledgement(code: Int32)
    /// Anything else.
    case other

    /// The process that was made or executes a program; nil where it is only a thread.
    var process: Int32? {
        switch self {
        case .fork(_, let thread, let pid, _): thread == pid ? pid : nil
        case .exec(let pid, _): pid
        case .acknowledgement, .other: nil
        }
    }

    /// The kernel's kinds of events, as a set (`enum proc_cn_event`).
    private enum Kind {
        static let none: UInt32 = 0
        static let fork: UInt32 = 1
        static let exec: UInt32 = 2
    }

    /// The multicast group, and both halves of the connector's id (`CN_IDX_PROC`, `CN_VAL_PROC`).
    static let group: UInt32 = 1

    /// Parses a message's payload: `struct cn_msg`, then `struct proc_event`; nil if it is neither.
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.integer(at: 0, UInt32.self) == ProcessEvent.group,
            payload.integer(at: 4, UInt32.self) == ProcessEvent.group,
            let length = payload.integer(at: 16, UInt16.self), Int(length) <= payload.count - 20
        else { return nil }
        let event = payload.part(20..<(20 + Int(length)))
        guard let kind = event.integer(at: 0, UInt32.self),
            let time = event.integer(at: 8, UInt64.self)
        else { return nil }
        switch kind {
        case Kind.none:
            guard let code = event.integer(at: 16, Int32.self) else { return nil }
            self = .acknowledgement(code: code)
        case Kind.fork:
            guard let parent = event.integer(at: 20, Int32.self),
                let thread = event.integer(at: 24, Int32.self),
                let pid = event.integer(at: 28, Int32.self)
            else { return nil }
            self = .fork(
                parentPid: parent, thread: thread, pid: pid, monotonicNanoseconds: time)
        case Kind.exec:
            guard let pid = event.integer(at: 20, Int32.self) else { return nil }
            self = .exec(pid: pid, monotonicNanoseconds: time)
        default:
            self = .other
        }
    }

    /// The request to hear of events.
    ///
    /// Kernels before 6.6 know only all or nothing, and ignore a request for some kinds.
    enum Listening {
        /// All kinds; the kernel acknowledges it.
        case all
        /// Forks and execs alone.
        case forkAndExec
        /// Nothing any more.
        case nothing
    }

    /// The bytes of such a request.
    static func request(_ listening: Listening) -> [UInt8] {
        var body: [UInt8] = []
        GenericNetlink.append(UInt32(listening == .nothing ? 2 : 1), to: &body)
        if listening == .forkAndExec {
            GenericNetlink.append(Kind.fork | Kind.exec, to: &body)
        }
        var bytes: [UInt8] = []
        GenericNetlink.append(UInt32(NetlinkMessage.headerBytes + 20 + body.count), to: &bytes)
        // The type is NLMSG_DONE; no flags, no sequence number, no port.
        GenericNetlink.append(UInt16(3), to: &bytes)
        bytes += Array(repeating: 0, count: 10)
        GenericNetlink.append(group, to: &bytes)
        GenericNetlink.append(group, to: &bytes)
        bytes += Array(repeating: 0, count: 8)
        GenericNetlink.append(UInt16(body.count), to: &bytes)
        GenericNetlink.append(UInt16(0), to: &bytes)
        return bytes + body
    }
}
