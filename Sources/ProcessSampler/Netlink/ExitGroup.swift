import MemoryModel

/// What the records of one process have said so far.
struct ExitGroup {
    /// One record.
    struct Part {
        /// The thread's statistics.
        var statistics: TaskStatistics
        /// Whether the thread leads its process.
        var isLeader: Bool
        /// How long the process had lived by then.
        var groupElapsedMicroseconds: UInt64?
        /// When the process began, as this record has it.
        var start: StartEstimate?

        /// How long the process had lived when this thread began.
        var begunMicroseconds: UInt64? {
            guard let group = groupElapsedMicroseconds,
                let own = statistics.elapsedMicroseconds
            else { return nil }
            return group > own ? group - own : 0
        }
    }

    /// Rises from process to process.
    let ordinal: UInt64

    /// How soon after the leader's end the process must have ended for both to have one cause.
    private static let sameCauseMicroseconds: UInt64 = 1_000_000

    private var leader: Part?
    private var start: StartEstimate?
    /// Of all records.
    private var markBytes: UInt64?
    /// Of the latest leader and of the threads that began after the one before it had ended.
    private var imageMarkBytes: UInt64?
    /// Of the threads that began after the latest leader's record.
    private var nextImageMarkBytes: UInt64?
    /// How long the process had lived when the leader before the latest one ended.
    private var imageBegunMicroseconds: UInt64?
    /// Whether a second thread became the leader: it executed a program.
    private var hasNewLeader = false
    private var processorMicroseconds: UInt64?
    private var minorFaults: UInt64?
    private var majorFaults: UInt64?

    /// Nothing yet.
    init(ordinal: UInt64) {
        self.ordinal = ordinal
    }

    /// Whether a record of a process with that start can be of this one.
    func agrees(with other: StartEstimate?) -> Bool {
        guard let start, let other else { return true }
        return start.agrees(with: other)
    }

    /// Adds a record.
    mutating func add(_ part: Part) {
        if let own = part.start {
            if start == nil { start = own } else { start?.narrow(by: own) }
        }
        addMark(of: part)
        if part.isLeader { leader = part }
        add(part.statistics.processorMicroseconds, to: &processorMicroseconds)
        add(part.statistics.minorFaults, to: &minorFaults)
        add(part.statistics.majorFaults, to: &majorFaults)
    }

    /// Raises the marks that a record belongs to.
    ///
    /// A thread that executes a program ends all others, takes over the leader's number, and
    /// leaves a record of its own later: a second leader. What the threads before it say is the
    /// mark of the program before.
    private mutating func addMark(of part: Part) {
        let mark = part.statistics.markBytes
        markBytes = ExitGroup.greater(markBytes, mark)
        if part.isLeader {
            imageMarkBytes = ExitGroup.greater(nextImageMarkBytes, mark)
            nextImageMarkBytes = nil
            hasNewLeader = leader != nil
            imageBegunMicroseconds = leader?.groupElapsedMicroseconds
            return
        }
        guard let begun = part.begunMicroseconds else { return }
        if let ended = leader?.groupElapsedMicroseconds, begun > ended {
            nextImageMarkBytes = ExitGroup.greater(nextImageMarkBytes, mark)
        }
        if let start = imageBegunMicroseconds, begun > start {
            imageMarkBytes = ExitGroup.greater(imageMarkBytes, mark)
        }
    }

    private static func greater(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return left ?? right }
        return max(left, right)
    }

    private func add(_ value: UInt64?, to sum: inout UInt64?) {
        guard let value else { return }
        sum = (sum ?? 0).saturatingSum(value)
    }

    /// The process, which has ended with its last record.
    func ended(
        _ pid: Int32, last: Part, at receipt: RecordReceipt, completeSinceMilliseconds: Int64
    ) -> EndedProcess {
        let named = (leader ?? last).statistics
        let status = exitStatus(last)
        return EndedProcess(
            pid: pid, startMonotonicMilliseconds: start?.middle,
            startUncertaintyMilliseconds: start.map { ($0.latest - $0.earliest + 1) / 2 } ?? 0,
            elapsedMicroseconds: last.groupElapsedMicroseconds,
            endedAtMilliseconds: receipt.bootMilliseconds,
            endedMonotonicMilliseconds: receipt.monotonicMilliseconds,
            parentPid: last.statistics.parentPid, userID: named.userID,
            name: named.name?.text, isNameOfThread: leader == nil,
            isForkWithoutExec: leader?.statistics.isForkWithoutExec,
            // Threads that ended because another executed a program had the old one's memory.
            markBytes: hasNewLeader ? imageMarkBytes : markBytes,
            exitCode: status.flatMap { $0 & 0x7F == 0 ? Int32($0 >> 8 & 0xFF) : nil },
            exitSignal: status.flatMap { $0 & 0x7F != 0 ? Int32($0 & 0x7F) : nil },
            processorMilliseconds: processorMicroseconds.map { $0 / 1_000 },
            minorFaults: minorFaults, majorFaults: majorFaults,
            isComplete: last.statistics.version >= TaskStatistics.groupVersion
                && start.map { $0.earliest >= completeSinceMilliseconds } ?? false,
            parentMarkBytes: nil)
    }

    /// The process's status, which only leaders' records have.
    ///
    /// A leader that ended alone has one of its own that need not be the process's. It ended with
    /// the others if a signal ended it - another thread's exit sends one -, if it was the last,
    /// or if such a signal ended the last soon after.
    private func exitStatus(_ last: Part) -> UInt32? {
        guard let leader, let status = leader.statistics.exitStatus else { return nil }
        if last.isLeader || leader.statistics.isSignaled { return status }
        guard last.statistics.isSignaled, let end = last.groupElapsedMicroseconds,
            let leaderEnd = leader.groupElapsedMicroseconds,
            end < leaderEnd.saturatingSum(ExitGroup.sameCauseMicroseconds)
        else { return nil }
        return status
    }
}
