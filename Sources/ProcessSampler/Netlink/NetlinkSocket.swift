import CLinux
import Glibc

/// Why something of netlink did not work: what was tried, and the kernel's `errno`.
struct NetlinkFailure: Error, Hashable {
    /// What was tried, as the end of "cannot ...".
    var operation: String
    /// The kernel's error number.
    var code: Int32

    /// Keeps the number of the call that has just failed.
    init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }
}

/// A netlink socket that never blocks, and the buffers into which its messages come.
///
/// It belongs to one thread at a time.
final class NetlinkSocket {
    /// What receiving gave.
    enum Reception {
        /// So many messages.
        case messages(Int)
        /// Nothing waits.
        case empty
        /// The receive buffer was full and messages were lost.
        case overrun
        /// Something else is wrong.
        case failed(Int32)
    }

    /// The descriptor.
    let file: Int32

    /// Opens a socket of a protocol that is a member of some groups.
    init(
        protocol number: Int, groups: UInt32 = 0, receiveBytes: Int
    ) throws(NetlinkFailure) {
        let file = clinux_netlink_open(Int32(number), groups, Int32(clamping: receiveBytes))
        guard file >= 0 else { throw NetlinkFailure("open a netlink socket") }
        self.file = file
    }

    deinit { close(file) }

    /// Sends bytes to the kernel, which has acted on them when this returns.
    func send(_ bytes: [UInt8]) throws(NetlinkFailure) {
        guard clinux_netlink_send(file, bytes, bytes.count) == 0 else {
            throw NetlinkFailure("send to the kernel")
        }
    }

    /// Receives as many messages as there are and as the batch can hold.
    func receive(into batch: MessageBatch) -> Reception {
        let count = clinux_netlink_receive(
            file, batch.memory, batch.slotBytes, UInt32(batch.slots), batch.lengths)
        if count > 0 { return .messages(Int(count)) }
        if count == 0 || errno == EAGAIN { return .empty }
        return errno == ENOBUFS ? .overrun : .failed(errno)
    }

    /// Asks for the number of a family of generic netlink; nil if the kernel has none of that name.
    func resolve(_ name: StaticString, _ batch: MessageBatch) throws(NetlinkFailure) -> UInt16? {
        var bytes: [UInt8] = []
        GenericNetlink.appendResolve(name, sequence: 1, to: &bytes)
        try send(bytes)
        guard case .messages(let count) = receive(into: batch) else { return nil }
        for index in 0..<count {
            for message in NetlinkMessages(batch[index]) {
                if let family = GenericNetlink.family(in: message) { return family }
            }
        }
        return nil
    }

    /// Sends a request to a family and waits for the kernel's word on it.
    ///
    /// Messages that came before the answer are handed to `other`.
    func command(
        _ command: UInt8, of family: UInt16, attribute: UInt16, payload: [UInt8],
        _ operation: String, _ batch: MessageBatch, other: (NetlinkMessage) -> Void = { _ in }
    ) throws(NetlinkFailure) {
        let sequence: UInt32 = 0xFFFF_FFFF
        var bytes: [UInt8] = []
        GenericNetlink.append(
            command: command, of: family, attribute: attribute, payload: payload,
            sequence: sequence, isAcknowledged: true, to: &bytes)
        try send(bytes)
        // An overrun is told once, and the answer may still come.
        for _ in 0..<4_096 {
            let count: Int
            switch receive(into: batch) {
            case .messages(let received): count = received
            case .overrun: continue
            case .empty: throw NetlinkFailure(operation, code: ETIMEDOUT)
            case .failed(let code): throw NetlinkFailure(operation, code: code)
            }
            var answer: Int32?
            for index in 0..<count {
                for message in NetlinkMessages(batch[index]) {
                    if message.sequence == sequence, let code = message.errorCode {
                        answer = code
                    } else {
                        other(message)
                    }
                }
            }
            guard let answer else { continue }
            if answer != 0 { throw NetlinkFailure(operation, code: answer) }
            return
        }
        throw NetlinkFailure(operation, code: ETIMEDOUT)
    }
}

/// Memory for the messages of one call, used again and again.
final class MessageBatch {
    /// Messages that one call takes at most.
    let slots: Int
    /// The longest message that fits.
    let slotBytes: Int
    fileprivate let memory: UnsafeMutableRawPointer
    fileprivate let lengths: UnsafeMutablePointer<UInt32>

    /// Makes the memory.
    init(slots: Int = Int(CLINUX_NETLINK_SLOTS), slotBytes: Int) {
        self.slots = min(slots, Int(CLINUX_NETLINK_SLOTS))
        self.slotBytes = slotBytes
        memory = .allocate(byteCount: self.slots * slotBytes, alignment: 16)
        lengths = .allocate(capacity: self.slots)
    }

    deinit {
        memory.deallocate()
        lengths.deallocate()
    }

    /// A message that the last call brought; empty if it was too long or not the kernel's.
    subscript(index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < slots, "There is no such message.")
        return UnsafeRawBufferPointer(
            start: memory + index * slotBytes, count: min(Int(lengths[index]), slotBytes))
    }
}
