import MemoryModel
import ProcessSampler

/// Finds the runs that datagrams of sections are of.
///
/// A datagram may come before the look that finds its process, so each waits for some looks; one
/// whose process nobody found by then is dropped. It holds no socket and no clock.
struct SectionIntake {
    /// A datagram that waits for its run to be found.
    private struct Waiting {
        var section: ReceivedSection
        var looks = 0
    }

    /// Which process: its datagrams say it so.
    struct Sender: Hashable {
        var pid: Int32
        var startTicks: UInt64
    }

    /// A datagram and its run.
    struct Found: Hashable {
        /// The run.
        var run: ProcessKey
        /// What it said.
        var datagram: SectionDatagram
    }

    private var waiting: [Waiting] = []
    private var unsent: [Sender: UInt64] = [:]

    /// How many datagrams were passed over, and could not be read.
    private(set) var faultCount: UInt64 = 0
    /// How many were dropped: there was no room, or nobody knows their process.
    private(set) var droppedCount: UInt64 = 0
    /// How many the programs themselves dropped.
    private(set) var unsentCount: UInt64 = 0

    /// The most that wait.
    static let maximumWaiting = 8_192
    /// How many looks a datagram waits for its run.
    static let patience = 3
    /// The most processes whose own counts are remembered.
    static let maximumSenders = 4_096

    /// Whether nothing waits.
    var isEmpty: Bool { waiting.isEmpty }

    /// The processes of those that wait.
    var pids: Set<Int32> { Set(waiting.lazy.map(\.section.pid)) }

    /// Takes in what came.
    mutating func take(_ arrivals: SectionArrivals) {
        faultCount += arrivals.faults.values.reduce(0, +)
        droppedCount += arrivals.droppedCount
        let room = max(0, SectionIntake.maximumWaiting - waiting.count)
        waiting += arrivals.received.prefix(room).map { Waiting(section: $0) }
        droppedCount += UInt64(max(0, arrivals.received.count - room))
    }

    /// Takes out those whose run is found.
    ///
    /// - Parameters:
    ///   - isLast: Whether this was the last try of a look: those that waited long enough go.
    ///   - passing: Processes that are not to be looked at yet.
    ///   - images: The runs of a process, with when each began, the newest image first.
    /// - Returns: What was found, in the order in which it came.
    mutating func takeFound(
        isLast: Bool, passing: Set<Int32> = [],
        _ images: (Sender) -> [(key: ProcessKey, startedAtMilliseconds: Int64?)]
    ) -> [Found] {
        guard !waiting.isEmpty else { return [] }
        var found: [Found] = []
        var known: [Sender: [(key: ProcessKey, startedAtMilliseconds: Int64?)]] = [:]
        var rest: [Waiting] = []
        for var entry in waiting {
            let datagram = entry.section.datagram
            let sender = Sender(pid: entry.section.pid, startTicks: datagram.startTicks)
            let isPassed = passing.contains(sender.pid)
            if !isPassed, known[sender] == nil { known[sender] = images(sender) }
            if !isPassed, let run = datagram.run(amongst: known[sender] ?? []) {
                note(datagram.unsentCount, of: sender)
                found.append(Found(run: run, datagram: datagram))
                continue
            }
            if isLast { entry.looks += 1 }
            if entry.looks < SectionIntake.patience {
                rest.append(entry)
            } else {
                droppedCount += 1
            }
        }
        waiting = rest
        return found
    }

    private mutating func note(_ count: UInt64, of sender: Sender) {
        guard count > 0 else { return }
        let before = unsent[sender] ?? 0
        guard count > before, unsent[sender] != nil || unsent.count < SectionIntake.maximumSenders
        else { return }
        unsent[sender] = count
        let (sum, isTooLarge) = unsentCount.addingReportingOverflow(count - before)
        unsentCount = isTooLarge ? .max : sum
    }

    /// Forgets processes that ended.
    mutating func forget(_ keys: some Sequence<ProcessKey>) {
        guard !unsent.isEmpty else { return }
        for key in keys { unsent[Sender(pid: key.pid, startTicks: key.startTicks)] = nil }
    }
}

extension SectionDatagram {
    /// How much later than the program's own clock the beginning of an image may be known.
    private static let slackMilliseconds: Int64 = 20

    /// Which image of its process it speaks of: the one that ran when the section began.
    func run(
        amongst images: [(key: ProcessKey, startedAtMilliseconds: Int64?)]
    ) -> ProcessKey? {
        let began = (section?.startedAtMicroseconds ?? atMicroseconds) / 1_000
        let latest = Int64(clamping: began) + SectionDatagram.slackMilliseconds
        let running = images.first { $0.startedAtMilliseconds.map { $0 <= latest } ?? true }
        return (running ?? images.last)?.key
    }

    /// The end in milliseconds, rounded up.
    var atMilliseconds: Int64 { Int64(clamping: atMicroseconds / 1_000) + 1 }

    /// The most that the program image held until then, in bytes; nil where there is no mark.
    var lifetimeBytes: UInt64? { lifetimeKibibytes.map { $0 << 10 } }

    /// Since when the lifetime's peak is, if the section tells: it was reached in it.
    var lifetimeSinceMilliseconds: Int64? {
        guard let section, section.isByMark, section.peakKibibytes == lifetimeKibibytes else {
            return nil
        }
        return Int64(clamping: section.startedAtMicroseconds / 1_000)
    }

    /// The call that it tells of; nil where it tells of none.
    var call: SectionCall? {
        guard let section else { return nil }
        var flags: SectionFlags = []
        if !section.isByMark { flags.insert(.sampled) }
        if !section.isExact { flags.insert(.inexact) }
        if section.isShared { flags.insert(.shared) }
        let bracket = TimeBracket(
            notBeforeMilliseconds: Int64(clamping: section.startedAtMicroseconds / 1_000),
            notAfterMilliseconds: atMilliseconds)
        return SectionCall(
            peak: Peak(
                bytes: section.peakKibibytes << 10, bracket: bracket,
                source: section.isByMark ? .hwm : .sampled),
            growthBytes: (section.peakKibibytes - section.startKibibytes) << 10,
            microseconds: atMicroseconds - section.startedAtMicroseconds, flags: flags)
    }
}
