import CLinux
import Glibc

/// Asks the kernel for the statistics of living threads, many at a time (taskstats, `GET` by PID).
///
/// It never waits: the kernel has answered all of a batch when sending returns, and what is not
/// there then is nil. It belongs to one thread at a time.
final class TaskMarkReader {
    /// Requests in one call.
    static let batchSize = 64
    /// Bytes of one request.
    private static let requestBytes = 28

    private let socket: NetlinkSocket
    private let family: UInt16
    private let batch = MessageBatch(slotBytes: 1_024)
    private var request: [UInt8] = []
    private var sequence: UInt32 = 1

    /// Opens a socket and checks that the kernel answers, by asking for this process.
    ///
    /// Throws `KernelSourceProblem` if it does not.
    init() throws(KernelSourceProblem) {
        do {
            socket = try NetlinkSocket(
                protocol: CLINUX_NETLINK_GENERIC, receiveBytes: 1 << 20)
            guard let family = try socket.resolve(TaskRecord.familyName, batch) else {
                throw KernelSourceProblem.unsupported(interface: "taskstats")
            }
            self.family = family
            var found = false
            try read([getpid()]) { _, statistics in found = statistics != nil }
            guard found else { throw KernelSourceProblem.unsupported(interface: "taskstats") }
        } catch let failure as NetlinkFailure {
            throw KernelSourceProblem(failure)
        } catch let problem as KernelSourceProblem {
            throw problem
        } catch {
            throw KernelSourceProblem(NetlinkFailure("read taskstats"))
        }
    }

    /// Reads the statistics of threads.
    ///
    /// - Parameters:
    ///   - pids: The threads; a process's own number stands for its leader.
    ///   - take: Gets each index into `pids` once, in no order, with what the kernel says; nil for
    ///     what has ended.
    /// - Throws: `NetlinkFailure` if the kernel does not let this program ask at all.
    func read(
        _ pids: [Int32], _ take: (Int, TaskStatistics?) -> Void
    ) throws(NetlinkFailure) {
        var start = 0
        while start < pids.count {
            let count = min(TaskMarkReader.batchSize, pids.count - start)
            prepare(pids, start, count)
            try socket.send(request)
            var missing = count == 64 ? UInt64.max : (1 << UInt64(count)) - 1
            let first = sequence
            sequence &+= UInt32(count)
            while missing != 0, try receive(first, count, start, &missing, take) {}
            for index in 0..<count where missing & (1 << UInt64(index)) != 0 {
                take(start + index, nil)
            }
            start += count
        }
    }

    /// The statistics of one thread; nil if it has ended or the kernel does not say.
    func statistics(of pid: Int32) -> TaskStatistics? {
        var found: TaskStatistics?
        do {
            try read([pid]) { _, statistics in found = statistics }
        } catch {
            return nil
        }
        return found
    }

    /// Writes the requests for a part of the threads; only numbers change from batch to batch.
    private func prepare(_ pids: [Int32], _ start: Int, _ count: Int) {
        while request.count < count * TaskMarkReader.requestBytes {
            GenericNetlink.append(
                command: TaskRecord.Request.command, of: family,
                attribute: TaskRecord.Request.pid, payload: [0, 0, 0, 0], sequence: 0,
                isAcknowledged: false, to: &request)
        }
        request.removeLast(request.count - count * TaskMarkReader.requestBytes)
        request.withUnsafeMutableBytes { bytes in
            for index in 0..<count {
                let offset = index * TaskMarkReader.requestBytes
                bytes.storeBytes(
                    of: sequence &+ UInt32(index), toByteOffset: offset + 8, as: UInt32.self)
                bytes.storeBytes(
                    of: pids[start + index], toByteOffset: offset + 24, as: Int32.self)
            }
        }
    }

    /// Takes the answers that have come; false if there are none.
    private func receive(
        _ first: UInt32, _ count: Int, _ start: Int, _ missing: inout UInt64,
        _ take: (Int, TaskStatistics?) -> Void
    ) throws(NetlinkFailure) -> Bool {
        let received: Int
        switch socket.receive(into: batch) {
        case .messages(let count): received = count
        case .overrun: return true
        case .empty: return false
        case .failed(let code): throw NetlinkFailure("read taskstats", code: code)
        }
        for slot in 0..<received {
            for message in NetlinkMessages(batch[slot]) {
                let index = Int(message.sequence &- first)
                guard index < count, missing & (1 << UInt64(index)) != 0 else { continue }
                missing &= ~(1 << UInt64(index))
                if let code = message.errorCode {
                    if code == EPERM { throw NetlinkFailure("read taskstats", code: code) }
                    take(start + index, nil)
                } else if message.type == family {
                    take(start + index, TaskRecord(message.payload)?.statistics)
                } else {
                    take(start + index, nil)
                }
            }
        }
        return true
    }
}
