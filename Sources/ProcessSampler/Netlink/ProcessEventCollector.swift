import CLinux
import Glibc
import MemoryModel

/// Listens to forks and execs (proc connector) and looks at the processes at once.
///
/// It belongs to one thread at a time, but for waiting, and never waits by itself.
final class ProcessEventCollector {
    private static let maximumBatches = 512

    /// What came since it was taken out.
    private(set) var events = KernelEvents()

    private let notes: ProcessNotes?
    private let socket: NetlinkSocket
    private let batch = MessageBatch(slotBytes: 256)
    private let files: ProcessFiles
    private var descriptions: DescriptionReader
    private let marks: TaskMarkReader?
    private let pollSet: Int32
    private var tokens: [UInt32] = [0, 0]
    private var budget: TokenBucket
    private let ticksPerSecond = UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    private var emptyAt = ClockPair.now()
    private var heard: [ProcessEvent] = []

    /// Begins to listen and proves that the kernel has taken notice.
    init(
        root: ProcRoot, policy: CommandLinePolicy, usersPath: String,
        options: KernelEventOptions, notes: ProcessNotes? = nil
    ) throws(KernelSourceProblem) {
        self.notes = notes
        do {
            files = try ProcessFiles(root)
        } catch {
            throw .foreignTree(path: root.path)
        }
        descriptions = DescriptionReader(policy: policy, users: UserNames(path: usersPath))
        budget = TokenBucket(
            perSecond: options.namesPerSecond, burst: options.namesBurst,
            atMilliseconds: ClockPair.now().monotonic)
        do {
            socket = try NetlinkSocket(
                protocol: CLINUX_NETLINK_CONNECTOR, groups: ProcessEvent.group,
                receiveBytes: options.receiveBytes)
        } catch {
            throw KernelSourceProblem(error)
        }
        // Without it, processes are described all the same, and only their marks are missing.
        do { marks = try TaskMarkReader() } catch { marks = nil }
        pollSet = clinux_poll_open()
        guard pollSet >= 0, clinux_poll_add(pollSet, socket.file, 0) == 0 else {
            throw KernelSourceProblem(NetlinkFailure("wait for events of processes"))
        }
        do {
            try socket.send(ProcessEvent.request(.all))
            guard let code = acknowledgement() else {
                throw KernelSourceProblem.unsupported(interface: "events of the proc connector")
            }
            guard code == 0 else { throw KernelSourceProblem(NetlinkFailure("listen", code: code)) }
            try socket.send(ProcessEvent.request(.forkAndExec))
        } catch let failure as NetlinkFailure {
            // The connector is there, but not in this network namespace.
            throw failure.code == ECONNREFUSED
                ? .foreignNamespace(kind: "network") : KernelSourceProblem(failure)
        } catch let problem as KernelSourceProblem {
            throw problem
        } catch {
            throw .unsupported(interface: "the proc connector")
        }
    }

    deinit {
        if pollSet >= 0 { close(pollSet) }
        do {
            // Older kernels count their listeners and do not notice when one goes.
            try socket.send(ProcessEvent.request(.nothing))
        } catch {
            // Then the kernel makes events that nobody gets: a little work, and no harm.
        }
    }

    /// Adds a file that ends the wait, too.
    func alsoWait(for file: Int32) throws(NetlinkFailure) {
        guard clinux_poll_add(pollSet, file, .max) == 0 else {
            throw NetlinkFailure("wait for a file")
        }
    }

    /// Waits until events are there.
    ///
    /// Returns false once the file of `alsoWait` is readable.
    func wait() -> Bool {
        let count = clinux_poll_wait(pollSet, &tokens, Int32(tokens.count), -1)
        return !tokens.prefix(Int(max(count, 0))).contains(.max)
    }

    /// Takes all events that are there.
    func pass() {
        for _ in 0..<ProcessEventCollector.maximumBatches where !takeBatch() { return }
    }

    /// Takes as many events as one call gives.
    ///
    /// Returns whether there may be more.
    func takeBatch() -> Bool {
        switch socket.receive(into: batch) {
        case .messages(let count):
            heard.removeAll(keepingCapacity: true)
            for slot in 0..<count {
                for message in NetlinkMessages(batch[slot]) {
                    if let event = ProcessEvent(message.payload) { heard.append(event) }
                }
            }
            notes?.append(heard.lazy.compactMap(\.process))
            lookAtForked()
            lookAtExecuted()
            // It was emptied; an overrun, if there was one, wakes again.
            guard count < batch.slots else { return true }
            emptyAt = .now()
            return false
        case .overrun:
            let now = ClockPair.now()
            events.losses.append(
                // The kernel only says that there were some.
                EventLoss(
                    reason: .processEventsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: emptyAt.boot, notAfterMilliseconds: now.boot),
                    count: nil))
            return true
        case .empty:
            emptyAt = .now()
            return false
        case .failed:
            return false
        }
    }

    /// Takes out what came.
    func takeEvents() -> KernelEvents {
        defer { events = KernelEvents() }
        return events
    }

    /// The kernel's answer to the request to listen; nil if it gave none.
    private func acknowledgement() -> Int32? {
        for _ in 0..<ProcessEventCollector.maximumBatches {
            guard case .messages(let count) = socket.receive(into: batch) else { return nil }
            for slot in 0..<count {
                for message in NetlinkMessages(batch[slot]) {
                    if case .acknowledgement(let code) = ProcessEvent(message.payload) {
                        return code
                    }
                }
            }
        }
        return nil
    }

    /// Reads the marks of the processes that were made, all at once.
    private func lookAtForked() {
        let first = events.forked.count
        let now = ClockPair.now()
        for case .fork(let parent, let thread, let pid, let time) in heard where thread == pid {
            let monotonic = Int64(clamping: time / 1_000_000)
            events.forked.append(
                ForkedProcess(
                    pid: pid, parentPid: parent,
                    atMilliseconds: monotonic + (now.boot - now.monotonic),
                    monotonicMilliseconds: monotonic, markBytes: nil))
        }
        guard events.forked.count > first, let marks else { return }
        do {
            try marks.read(events.forked[first...].map(\.pid)) { index, statistics in
                events.forked[first + index].markBytes = statistics?.markBytes
            }
        } catch {
            // They stay nil: not known.
        }
    }

    /// Reads what the processes run that executed something.
    private func lookAtExecuted() {
        for (index, event) in heard.enumerated() {
            guard case .exec(let pid, let time) = event else { continue }
            let now = ClockPair.now()
            let monotonic = Int64(clamping: time / 1_000_000)
            var image = ExecutedImage(
                pid: pid, atMilliseconds: monotonic + (now.boot - now.monotonic),
                monotonicMilliseconds: monotonic, details: nil)
            let isReplaced = heard[(index + 1)...].contains {
                if case .exec(pid, _) = $0 { true } else { false }
            }
            if !isReplaced {
                if budget.take(atMilliseconds: now.monotonic) {
                    image.details = details(of: image)
                } else {
                    events.unreadNames += 1
                }
            }
            events.executed.append(image)
        }
    }

    /// What a process now runs; nil if it has ended.
    private func details(of image: ExecutedImage) -> ImageDetails? {
        guard case .line(let line) = files.stat(of: image.pid), !line.isForkWithoutExec,
            !line.isDead
        else { return nil }
        // A process that began after the event has the number of the one that it was about.
        let started = Int64(clamping: line.startTicks) * 1_000 / Int64(ticksPerSecond)
        guard started <= image.atMilliseconds + 1_000 / Int64(ticksPerSecond) else { return nil }
        guard let status = files.read("status", of: image.pid).content.map({ StatusFile($0) })
        else { return nil }
        var read = descriptions.read(files, pid: image.pid, thread: 0, status: status)
        read.description.parentPid = line.parentPid
        read.description.startedAtMilliseconds = image.atMilliseconds
        return ImageDetails(
            startTicks: line.startTicks, description: read.description,
            commandFingerprint: read.commandFingerprint, markBytes: status.markBytes)
    }
}
