import CLinux
import Glibc
import MemoryModel

/// Listens to the exit records of all processors and makes ends of processes of them.
///
/// It belongs to one thread at a time and never waits by itself.
final class ExitRecordCollector {
    /// The most batches that are taken from one processor in one pass.
    private static let maximumBatches = 512
    /// How often the processors in use are looked at.
    private static let processorsIntervalMilliseconds: Int64 = 60_000

    /// What came since it was taken out.
    private(set) var events = KernelEvents()
    /// Records that were received.
    private(set) var receivedCount: UInt64 = 0

    private let receiveBytes: Int
    private let notes: ProcessNotes?
    private let family: UInt16
    private let marks: TaskMarkReader
    private let batch = MessageBatch(slots: 32, slotBytes: 2_048)
    private let files: ProcessFiles
    private let pollSet: Int32
    private var channels: [ExitRecordChannel] = []
    private var assembler: ExitGroupAssembler
    private var heldEnds: [HeldEnd] = []
    private var newEnds: [HeldEnd] = []
    private var heldGaps: [RecordGap] = []
    private var newGaps: [RecordGap] = []
    private var lastParent: (pid: Int32, markBytes: UInt64?)?
    private var strays: [UInt32] = []
    /// When it was last looked which sockets have something: the others had nothing then.
    private var polledAtMilliseconds: Int64
    private var processorsDue: Int64
    private var tokens = [UInt32](repeating: 0, count: 64)

    /// A record with which a process ended, until it is sure that its threads' records are here.
    private struct HeldEnd {
        let record: TaskRecord
        let receipt: RecordReceipt
        let parentMarkBytes: UInt64?
    }

    /// Registers for all processors in use and proves that records come.
    init(
        root: ProcRoot, receiveBytes: Int, notes: ProcessNotes? = nil
    ) throws(KernelSourceProblem) {
        let now = ClockPair.now()
        self.notes = notes
        self.receiveBytes = receiveBytes
        marks = try TaskMarkReader()
        assembler = ExitGroupAssembler(startedMonotonicMilliseconds: now.monotonic)
        polledAtMilliseconds = now.monotonic
        processorsDue = now.boot + ExitRecordCollector.processorsIntervalMilliseconds
        do {
            files = try ProcessFiles(root)
        } catch {
            throw .foreignTree(path: root.path)
        }
        do {
            let socket = try NetlinkSocket(
                protocol: CLINUX_NETLINK_GENERIC, receiveBytes: 1 << 16)
            let found = try socket.resolve(TaskRecord.familyName, batch)
            family = found ?? 0
        } catch {
            throw KernelSourceProblem(error)
        }
        pollSet = clinux_poll_open()
        guard family != 0 else { throw .unsupported(interface: "taskstats") }
        guard pollSet >= 0 else { throw KernelSourceProblem(NetlinkFailure("open an epoll")) }
        do {
            try addProcessors()
        } catch {
            throw KernelSourceProblem(error)
        }
        try proveRecords()
    }

    deinit {
        for channel in channels { deregister(channel) }
        if pollSet >= 0 { close(pollSet) }
    }

    /// Adds a file that ends the wait, too.
    func alsoWait(for file: Int32) throws(NetlinkFailure) {
        guard clinux_poll_add(pollSet, file, .max) == 0 else {
            throw NetlinkFailure("wait for a file")
        }
    }

    /// Whether something is to be done soon although nothing comes.
    var isHolding: Bool { !heldEnds.isEmpty || !heldGaps.isEmpty }

    /// Waits until records are there, at most so long.
    ///
    /// Returns false once the file of `alsoWait` is readable.
    func wait(milliseconds: Int32) -> Bool {
        let count = clinux_poll_wait(pollSet, &tokens, Int32(tokens.count), milliseconds)
        return !tokens.prefix(Int(max(count, 0))).contains(.max)
    }

    /// Takes all records that are there.
    ///
    /// Ends are told with the pass after the one that brought them: by then the records of
    /// the process's other threads, which other processors write, have come.
    ///
    /// `quietUntil` is a time of the clock that stops in suspend until which no record can have
    /// come; nil if that is not known.
    func pass(quietUntilMilliseconds quietUntil: Int64? = nil) {
        lastParent = nil
        for pid in notes?.drain() ?? [] { assembler.noteProcess(pid) }
        let polled = ClockPair.now()
        forEachReady { drain($0, max(polledAtMilliseconds, quietUntil ?? .min)) }
        polledAtMilliseconds = polled.monotonic
        for end in heldEnds {
            guard var ended = assembler.take(end.record, at: end.receipt) else { continue }
            ended.parentMarkBytes = end.parentMarkBytes
            events.ended.append(ended)
        }
        fillParentMarks()
        for gap in heldGaps where gap.length > gap.found {
            events.losses.append(
                EventLoss(
                    reason: .exitRecordsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: gap.after, notAfterMilliseconds: gap.before),
                    count: UInt64(gap.length - gap.found)))
        }
        // An end that was lost would leave its beginning here.
        if !events.losses.isEmpty { forgetEnded() }
        (heldEnds, newEnds) = (newEnds, [])
        (heldGaps, newGaps) = (newGaps, [])
        let now = ClockPair.now().boot
        if now >= processorsDue { lookAfter(now) }
    }

    /// Takes out what came.
    func takeEvents() -> KernelEvents {
        defer { events = KernelEvents() }
        return events
    }

    /// Asks for the marks of parents whose child's leader had ended before the others, and takes
    /// those of parents that have ended from their own records.
    private func fillParentMarks() {
        func lacksMark(_ ended: EndedProcess) -> Bool {
            ended.isForkWithoutExec != false && ended.parentMarkBytes == nil
        }
        guard events.ended.contains(where: lacksMark) else { return }
        var marks: [Int32: UInt64] = [:]
        for end in heldEnds + newEnds {
            marks[end.record.statistics.groupID ?? end.record.pid] =
                end.record.statistics.markBytes
        }
        for index in events.ended.indices where lacksMark(events.ended[index]) {
            events.ended[index].parentMarkBytes = events.ended[index].parentPid
                .flatMap { markOfParent($0, atLeast: .max) ?? marks[$0] }
        }
    }

    /// Forgets the beginnings of processes that do not live any more.
    func forgetEnded() {
        assembler.forget { kill($0, 0) == 0 || errno == EPERM }
    }

    /// Calls `body` for each channel that has something.
    private func forEachReady(_ body: (Int) -> Void) {
        for _ in 0...(channels.count / tokens.count) {
            let count = clinux_poll_wait(pollSet, &tokens, Int32(tokens.count), 0)
            guard count > 0 else { return }
            for index in 0..<Int(count) {
                let channel = Int(tokens[index])
                if channel < channels.count { body(channel) }
            }
            if count < tokens.count { return }
        }
    }

    /// What is done once a minute.
    private func lookAfter(_ now: Int64) {
        processorsDue = now + ExitRecordCollector.processorsIntervalMilliseconds
        if assembler.pendingCount > 1_024 { forgetEnded() }
        do {
            try addProcessors()
        } catch {
            // The next look tries again; the processor's records are missing until then.
            events.unusableRecords += 1
        }
    }

    /// Takes the records of one processor.
    private func drain(_ index: Int, _ quietUntil: Int64) {
        let quietUntil = channels[index].isBacklogged ? .min : quietUntil
        channels[index].isBacklogged = true
        for _ in 0..<ExitRecordCollector.maximumBatches {
            switch channels[index].socket.receive(into: batch) {
            case .messages(let count):
                let now = ClockPair.now()
                let since = max(channels[index].emptyAt.monotonic, quietUntil)
                let receipt = RecordReceipt(
                    bootMilliseconds: now.boot, monotonicMilliseconds: now.monotonic,
                    delayMilliseconds: max(now.monotonic - since, 0))
                for slot in 0..<count {
                    for message in NetlinkMessages(batch[slot]) {
                        take(message, index, receipt)
                    }
                }
            case .overrun:
                channels[index].isOverrun = true
                channels[index].isSounded = false
            case .empty:
                guard channels[index].isOverrun, !channels[index].isSounded else {
                    channels[index].isOverrun = false
                    channels[index].emptyAt = ClockPair.now()
                    channels[index].isBacklogged = false
                    return
                }
                // How many are missing shows with the next record: this makes one.
                channels[index].isSounded = true
                if clinux_run_empty_thread(Int32(channels[index].processor)) != 0 { return }
            case .failed:
                return
            }
        }
    }

    /// Takes one message of one processor.
    private func take(_ message: NetlinkMessage, _ index: Int, _ receipt: RecordReceipt) {
        guard message.type == family else { return }
        receivedCount += 1
        let step = channels[index].tracker.take(
            message.sequence, isOverrun: channels[index].isOverrun)
        note(step, message.sequence, index, receipt)
        guard let record = TaskRecord(message.payload) else {
            events.unusableRecords += 1
            return
        }
        let statistics = record.statistics
        if statistics.groupID == getpid() { return }
        guard statistics.isEndOfGroup || record.endedGroupID != nil else {
            let ended = assembler.take(record, at: receipt, hasLivingThreads: hasLivingThreads)
            if let ended { events.ended.append(ended) }
            return
        }
        newEnds.append(
            HeldEnd(
                record: record, receipt: receipt,
                parentMarkBytes: statistics.isForkWithoutExec
                    ? statistics.parentPid.flatMap {
                        markOfParent($0, atLeast: statistics.markBytes ?? 0)
                    } : nil))
    }

    /// The mark of a parent, which many ends in one pass may have in common.
    ///
    /// One that is known is asked for again if it is below its child's: it has risen since.
    private func markOfParent(_ pid: Int32, atLeast childBytes: UInt64) -> UInt64? {
        if let lastParent, lastParent.pid == pid, let known = lastParent.markBytes,
            known >= childBytes
        {
            return known
        }
        let markBytes = marks.statistics(of: pid)?.markBytes
        lastParent = (pid, markBytes)
        return markBytes
    }

    /// Keeps the account of missing numbers.
    private func note(
        _ step: SequenceTracker.Step, _ number: UInt32, _ index: Int, _ receipt: RecordReceipt
    ) {
        switch step {
        case .due: return
        case .gap(let first, let count):
            var gap = RecordGap(
                first: first, length: count, after: channels[index].emptyAt.boot,
                before: receipt.bootMilliseconds)
            strays.removeAll { stray in
                guard gap.contains(stray), gap.found < gap.length else { return false }
                gap.found += 1
                return true
            }
            newGaps.append(gap)
            if gap.length > gap.found {
                assembler.noteLoss(untilMonotonicMilliseconds: receipt.monotonicMilliseconds)
            }
        case .stray:
            if let found = heldGaps.firstIndex(where: { $0.contains(number) }) {
                heldGaps[found].found += 1
            } else if let found = newGaps.firstIndex(where: { $0.contains(number) }) {
                newGaps[found].found += 1
            } else {
                if strays.count >= 64 { strays.removeFirst() }
                strays.append(number)
            }
        }
    }

    /// Whether a process, which may be a leader that ended before its threads, has threads.
    private func hasLivingThreads(_ pid: Int32) -> Bool {
        guard case .line(let line) = files.stat(of: pid) else { return false }
        return line.threadCount > 1
    }

    /// Registers for the processors that are in use and not listened to.
    private func addProcessors() throws(NetlinkFailure) {
        let known = Set(channels.map(\.processor))
        for processor in OnlineProcessors.read(files.reader) where !known.contains(processor) {
            let socket = try NetlinkSocket(
                protocol: CLINUX_NETLINK_GENERIC, receiveBytes: receiveBytes)
            try socket.command(
                TaskRecord.Request.command, of: family,
                attribute: TaskRecord.Request.register,
                payload: Array(String(processor).utf8) + [0], "listen to exit records", batch)
            guard clinux_poll_add(pollSet, socket.file, UInt32(channels.count)) == 0 else {
                throw NetlinkFailure("wait for exit records")
            }
            channels.append(
                ExitRecordChannel(processor: processor, socket: socket, emptyAt: .now()))
            // The first number on this processor, so that a gap after it can be seen.
            _ = clinux_run_empty_thread(Int32(processor))
        }
    }

    /// Makes sure that this program is where the kernel sends records to.
    ///
    /// In a network namespace of its own it may register, and nothing ever comes.
    private func proveRecords() throws(KernelSourceProblem) {
        _ = clinux_run_empty_thread(-1)
        pass()
        guard receivedCount > 0 else { throw .foreignNamespace(kind: "network") }
    }

    private func deregister(_ channel: ExitRecordChannel) {
        do {
            try channel.socket.command(
                TaskRecord.Request.command, of: family,
                attribute: TaskRecord.Request.deregister,
                payload: Array(String(channel.processor).utf8) + [0],
                "stop listening to exit records", batch)
        } catch {
            // The kernel finds out by itself with the next record that it cannot deliver.
        }
    }
}
