import Foundation
import MemoryModel
import TestSupport

/// What a report says of the processes of a storm, held against what they said of themselves.
struct StormAccount {
    /// A row of the report.
    private struct Row {
        var id: String
        var bytes: UInt64?
        /// False where the kernel's record of the exit said or confirmed the peak.
        var isLowerBound: Bool
        var isInherited: Bool
        var exitCode: Int32?
        var exitSignal: Int32?
        /// Whether nobody has said yet that it ended.
        var isLive: Bool

        init?(_ fields: [String: Any]) {
            guard let id = fields["run_id"] as? String else { return nil }
            self.id = id
            bytes = (fields["peak_rss_bytes"] as? NSNumber)?.uint64Value
            isLowerBound = fields["peak_is_lower_bound"] as? Bool ?? true
            isInherited = fields["peak_is_inherited"] as? Bool ?? false
            isLive = !(fields["ended_at"] is String)
            exitCode = (fields["exit_code"] as? NSNumber)?.int32Value
            exitSignal = (fields["exit_signal"] as? NSNumber)?.int32Value
        }

    }

    /// How far the kernel's rough count of pages may be from its exact one, for one processor.
    ///
    /// It counts pages on each processor by itself, in four kinds, and adds to the sum when a
    /// processor has 32 of a kind, or two for each processor. Since Linux 6.16 `VmHWM` is summed
    /// exactly when it is read, but exit records have the rough sum.
    private static let roughBytesPerProcessor: UInt64 = {
        let page = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        return 4 * max(32, 2 * processors) * page
    }()
    private static let processors = UInt64(max(sysconf(Int32(_SC_NPROCESSORS_CONF)), 1))
    /// How far around the start a run is looked for, so that a wrong one can be told from none.
    private static let searchedTicks = 5
    private static let searchedImages: UInt32 = 6
    /// What only processes touch that live longer than a look takes.
    private static let largeBytes: UInt64 = 70 << 20
    /// What is less may be the storm's own memory, which its children begin with.
    private static let smallestOwnBytes: UInt64 = 12 << 20
    /// Complaints that are spelled out at most.
    private static let complaintLimit = 10

    /// Processes of the storm.
    private(set) var processCount = 0
    /// Those whose last image is in the report.
    private(set) var foundCount = 0
    /// Those that are in it with what the kernel's record of their exit says.
    private(set) var confirmedCount = 0
    /// Those that are not in it, or without that record.
    var missedCount: Int { processCount - confirmedCount }
    /// Exit records that the agent knows to have lost.
    let lostCount: Int
    /// Forks and execs that the agent knows to have lost: without them images cannot be told apart.
    let lostEventCount: Int
    /// Single-threaded processes whose peak is to the byte what the kernel had at their end.
    private(set) var exactCount = 0
    /// Single-threaded processes of which that is known.
    private(set) var comparableCount = 0
    /// The farthest that a peak is from the process's own last reading, in bytes.
    private(set) var largestDifference = (single: UInt64(0), threaded: UInt64(0))
    /// The farthest that a start is from the true one, in clock ticks.
    private(set) var largestStartDifference = 0
    /// Images before an exec, and those of them that are in the report.
    private(set) var oldImages = (made: 0, found: 0, measured: 0)
    /// Processes that only inherited, and those of them that the report says so of.
    private(set) var inherited = (made: 0, flagged: 0)
    /// What was missed, the first few in words.
    private(set) var missed: [String] = []
    /// What is wrong, the first few in words.
    private(set) var complaints: [String] = []
    private(set) var complaintCount = 0

    /// Whether nothing was lost and no look left out: then what lives for two looks is known.
    private let wasAlwaysWatched: Bool
    /// How far off a start may be, in clock ticks.
    private let startToleranceTicks: Int
    private let host: HostID
    private let boot: BootID
    private let rows: [String: Row]
    private let ranked: Set<String>

    /// Looks for every process of `storm` in what a collector reports of the host `name`.
    ///
    /// A start may be `startToleranceTicks` off: where no event of the fork was had, it is
    /// reckoned from the record of the exit.
    init(
        _ storm: StormRecord, host name: String, startToleranceTicks: Int,
        in collector: RunningCollector
    ) async throws {
        let range = ["report", "--by", "run", "--since", "1h", "--top", "100000", "--host", name]
        let report = try await collector.ask(range + ["--inherited"])
        guard let host = HostID(name), let fields = report["rows"] as? [[String: Any]],
            let coverage = report["coverage"] as? [String: Any],
            let counters = coverage["counters"] as? [String: Any],
            let lost = (counters["exit_records_lost"] as? NSNumber)?.intValue,
            let lostEvents = (counters["process_events_lost"] as? NSNumber)?.intValue
        else { throw Program.Failure(description: "the report has not what is looked for") }
        for left in ["rows_not_shown", "runs_not_read"] {
            guard (coverage[left] as? NSNumber)?.intValue == 0 else {
                throw Program.Failure(description: "the report leaves out rows: \(left)")
            }
        }
        self.host = host
        self.startToleranceTicks = startToleranceTicks
        wasAlwaysWatched = [
            "exit_records_lost", "process_events_lost", "skipped_ticks", "stretched_ticks",
        ].allSatisfy { (counters[$0] as? NSNumber)?.intValue == 0 }
        lostCount = lost
        lostEventCount = lostEvents
        boot =
            fields.compactMap { $0["boot_id"] as? String }.first
            .flatMap { UniqueID(hexadecimal: $0) } ?? UniqueID(high: 0, low: 0)
        rows = Dictionary(
            fields.compactMap { Row($0) }.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        ranked = Set(
            try await collector.rows(range).compactMap { $0["run_id"] as? String })
        for process in storm.processes { check(process) }
    }

    /// What was found, in lines for people.
    var text: String {
        func kibibytes(_ bytes: UInt64) -> String { "\(bytes >> 10) KiB" }
        return """
            storm: \(processCount) processes; \(foundCount) found, \(confirmedCount) with their \
            exit record, \(missedCount) missed; lost: \(lostCount) exit records, at least \
            \(lostEventCount) forks and execs
            single-threaded: \(exactCount) of \(comparableCount) equal to the kernel's mark at \
            the end; at most \(kibibytes(largestDifference.single)) from their own last reading
            multi-threaded: at most \(kibibytes(largestDifference.threaded)) from their own last \
            reading, on \(StormAccount.processors) processors
            starts: at most \(largestStartDifference) ticks off
            images before an exec: \(oldImages.found) of \(oldImages.made) reported, \
            \(oldImages.measured) of them measured
            only inherited: \(inherited.flagged) of \(inherited.made) flagged
            """ + missed.map { "\nmissed: \($0)" }.joined()
    }

    private mutating func note(_ process: StormRecord.Process, _ text: String) {
        guard missed.count < StormAccount.complaintLimit else { return }
        missed.append("\(process.kind) \(process.ordinal), pid \(process.pid): \(text)")
    }

    private mutating func complain(_ process: StormRecord.Process, _ text: String) {
        complaintCount += 1
        guard complaints.count < StormAccount.complaintLimit else { return }
        complaints.append("\(process.kind) \(process.ordinal), pid \(process.pid): \(text)")
    }

    private func row(
        _ process: StormRecord.Process, startOffset: Int, image: UInt32
    ) -> Row? {
        let start = UInt64(clamping: Int64(clamping: process.startTicks) + Int64(startOffset))
        let key = ProcessKey(pid: process.pid, startTicks: start, image: image)
        return rows[RunKey(host: host, boot: boot, process: key).shortID]
    }

    /// The rows of a process by their image numbers, and how far off their start is.
    private func find(
        _ process: StormRecord.Process
    ) -> (rows: [Row], startDifference: Int)? {
        for distance in 0...max(startToleranceTicks, StormAccount.searchedTicks) {
            for offset in distance == 0 ? [0] : [distance, -distance] {
                let found = (0..<StormAccount.searchedImages).compactMap {
                    row(process, startOffset: offset, image: $0)
                }
                if !found.isEmpty { return (found, distance) }
            }
        }
        return nil
    }

    private mutating func check(_ process: StormRecord.Process) {
        processCount += 1
        if process.isOnlyInherited { inherited.made += 1 }
        if process.oldMarkBytes != nil { oldImages.made += 1 }
        guard let (found, difference) = find(process), let last = found.last else {
            note(process, "nothing is reported of it")
            return
        }
        foundCount += 1
        largestStartDifference = max(largestStartDifference, difference)
        if difference > startToleranceTicks {
            complain(process, "its start is \(difference) ticks off")
        }
        checkOldImage(process, found.dropLast().last)
        guard !last.isLowerBound, !last.isLive else {
            note(process, "\(last)")
            return
        }
        confirmedCount += 1
        checkEnd(process, last)
        checkInheritance(process, last)
        checkSize(process, last)
    }

    private mutating func checkEnd(_ process: StormRecord.Process, _ row: Row) {
        let told = (row.exitCode, row.exitSignal)
        if process.isLeaderless, told == (nil, nil) { return }
        if told != (process.end?.exitCode, process.end?.exitSignal) {
            complain(process, "its end is \(told), and was \(String(describing: process.end))")
        }
    }

    private mutating func checkInheritance(_ process: StormRecord.Process, _ row: Row) {
        let isRanked = ranked.contains(row.id)
        if process.isOnlyInherited {
            if row.isInherited, !isRanked { inherited.flagged += 1 }
            if !row.isInherited { complain(process, "what it inherited counts as its own") }
            if isRanked { complain(process, "what it inherited is in the ranking") }
        } else if process.markBytes >= StormAccount.smallestOwnBytes, !process.isGrandchild,
            lostEventCount == 0
        {
            // Without the event of its fork nobody knows how much it inherited.
            if row.isInherited { complain(process, "its own memory counts as inherited") }
            if !isRanked { complain(process, "it is not in the ranking") }
        }
    }

    private mutating func checkSize(_ process: StormRecord.Process, _ row: Row) {
        // Without the event of its exec its last two images are one run; without the records of
        // the threads that ended with it, so are their marks.
        guard process.oldMarkBytes == nil || lostEventCount + lostCount == 0 else { return }
        guard let bytes = row.bytes else {
            complain(process, "it has no peak")
            return
        }
        let own = process.markBytes
        let difference = max(bytes, own) - min(bytes, own)
        if process.isMultiThreaded {
            largestDifference.threaded = max(largestDifference.threaded, difference)
            if difference > StormAccount.processors << 20 {
                complain(process, "its peak is \(bytes), and its own mark \(own)")
            }
            return
        }
        // So it is with an exec by a thread.
        if lostCount > 0, process.kind == "threadexec" { return }
        largestDifference.single = max(largestDifference.single, difference)
        if let atEnd = process.markAtEndBytes {
            comparableCount += 1
            if bytes == atEnd { exactCount += 1 }
            // Between the two, or above both by what is rough about them, where a look found the
            // exact sum before the end.
            let rough = StormAccount.roughBytesPerProcessor * StormAccount.processors
            if bytes < min(atEnd, own) || bytes > max(atEnd, own) + rough {
                complain(process, "its peak is \(bytes), its mark \(own), at its end \(atEnd)")
            }
        } else if difference > StormAccount.roughBytesPerProcessor * StormAccount.processors {
            complain(process, "its peak is \(bytes), and its own mark \(own)")
        }
    }

    /// The image that another one took the place of: its last known mark is a lower bound.
    private mutating func checkOldImage(_ process: StormRecord.Process, _ row: Row?) {
        guard let own = process.oldMarkBytes else { return }
        guard let row else {
            // It lived longer than it is from one look to the next.
            if own > StormAccount.largeBytes, wasAlwaysWatched {
                complain(process, "nothing tells of \(own) bytes before its exec")
            }
            return
        }
        oldImages.found += 1
        if !row.isLowerBound { complain(process, "the image before its exec counts as final") }
        guard let bytes = row.bytes else { return }
        oldImages.measured += 1
        let rough = StormAccount.roughBytesPerProcessor * StormAccount.processors
        // Where the event of the exec was lost, the new image counts to the old one until a look.
        if bytes > own + rough, lostEventCount == 0 {
            complain(process, "the image before its exec has \(bytes), and had \(own)")
        }
    }
}
