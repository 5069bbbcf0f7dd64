import MemoryModel

/// Whether a process that was followed is still there.
enum Presence {
    /// It is.
    case lives
    /// It has ended, and is known not to be worth another look.
    case ended
    /// It has ended, and its pid may be another process's already.
    case replaced
}

/// Looking at processes that are followed.
extension Sampler {
    /// Looks at one process again.
    ///
    /// `inode` is what the listing says of its directory now.
    func look(
        at process: inout TrackedProcess, inode: UInt64, into snapshot: inout HostSnapshot
    ) -> Presence {
        let now = snapshot.takenAtMilliseconds
        let isMarkDue = process.state.markDueMilliseconds <= now
        if inode != process.state.inode {
            // In a tree of ordinary files a held file may belong to a folder that was replaced.
            release(process.state)
            hold(&process.state)
        }
        switch figures(of: process.state, needsStatus: isMarkDue) {
        case .figures(let figures):
            return look(at: &process, figures, inode: inode, into: &snapshot)
        case .gone where process.state.thread == 0:
            end(process.state, .exited, in: &snapshot)
            return .replaced
        case .gone, .withoutMemory:
            return lookWithoutMemory(at: &process, inode: inode, into: &snapshot)
        case .refused:
            counters.unreadable += 1
            return .lives
        case .malformed:
            counters.malformed += 1
            return .lives
        }
    }

    /// Goes on with a process whose memory was read.
    private func look(
        at process: inout TrackedProcess, _ figures: Figures, inode: UInt64,
        into snapshot: inout HostSnapshot
    ) -> Presence {
        let now = snapshot.takenAtMilliseconds
        let isTimeDue = process.state.processorTimeDueMilliseconds <= now
        let wasFork = process.state.isForkWithoutExec
        let changes = Changes(from: process.state, to: figures)
        var processorTime: UInt64?
        // A file that is not held may be another process's by now; it is this one's if it still
        // has its start after the figures were read.
        if isTimeDue || !process.state.isHeld || inode != process.state.inode
            || (wasFork && !changes.isEmpty)
        {
            switch stat(of: process.state) {
            case .line(let line):
                guard line.startTicks == process.state.key.startTicks else {
                    end(process.state, .exited, in: &snapshot)
                    return .replaced
                }
                process.state.inode = inode
                process.state.isForkWithoutExec = wasFork && line.isForkWithoutExec
                if isTimeDue {
                    processorTime = milliseconds(ofTicks: line.processorTicks)
                    process.state.processorTimeDueMilliseconds =
                        now + Sampler.processorTimeIntervalMilliseconds
                }
            case .gone:
                end(process.state, .exited, in: &snapshot)
                return .replaced
            case .refused: counters.unreadable += 1
            case .malformed: counters.malformed += 1
            }
        }
        let hasExecuted = wasFork && !process.state.isForkWithoutExec
        if hasExecuted || (!process.state.isForkWithoutExec && isNewImage(process, changes)) {
            execute(&process, figures, into: &snapshot)
        } else {
            redescribe(&process, figures, changes, into: &snapshot)
        }
        observe(
            &process.state, figures, processorMilliseconds: processorTime, into: &snapshot)
        return .lives
    }

    /// Whether the changes come from another program image.
    ///
    /// The size of the code is a property of the image. Another executable is another image. A new
    /// name may be a mere renaming, unless the mark fell with it, which nothing but a new memory
    /// map explains, or the arguments are others. A fall of the mark alone is none: it falls by
    /// some MiB when threads fault during an unmap.
    private func isNewImage(_ process: TrackedProcess, _ changes: Changes) -> Bool {
        guard !changes.isDisjoint(with: [.text, .name, .markFell]) else { return false }
        if changes.contains(.text) { return true }
        let pid = process.state.key.pid
        let thread = process.state.thread
        if let known = process.description.executable,
            let target = files.readLink("exe", of: pid, thread: thread).content,
            let executable = ExecutableLink.path(target: target), executable != known
        {
            return true
        }
        guard changes.contains(.name) else { return false }
        if changes.contains(.markFell) { return true }
        guard let bytes = descriptions.commandLine(files, pid: pid, thread: thread) else {
            return false
        }
        return CommandLine.fingerprint(bytes) != process.state.commandFingerprint
    }

    /// Ends the run of the image before and starts that of the new one.
    ///
    /// The change came at some time since the look before, which is as exact as looking can be.
    private func execute(
        _ process: inout TrackedProcess, _ figures: Figures, into snapshot: inout HostSnapshot
    ) {
        end(process.state, .executed, in: &snapshot)
        let before = process.state.seenAtMilliseconds
        var (description, fingerprint) = describe(process.state, figures)
        description.parentPid = process.description.parentPid
        description.startedAtMilliseconds = before
        process.state.key.image &+= 1
        process.state.commandFingerprint = fingerprint
        process.state.isForkWithoutExec = false
        process.description = description
        snapshot.started.append(
            StartedRun(key: process.state.key, description: description))
    }

    /// Notes another name, user or cgroup of the same image.
    private func redescribe(
        _ process: inout TrackedProcess, _ figures: Figures, _ changes: Changes,
        into snapshot: inout HostSnapshot
    ) {
        let now = snapshot.takenAtMilliseconds
        let isDue = process.state.descriptionDueMilliseconds <= now
        let isOtherUser = changes.contains(.user)
        guard isDue || isOtherUser || changes.contains(.name) else { return }
        var description = process.description
        if changes.contains(.name), let name = figures.status?.name {
            let wasNamedByKernel = description.program == description.comm
            description.comm = name.text
            if wasNamedByKernel, description.executable == nil {
                description.program = name.text
            }
        }
        if isDue || isOtherUser {
            process.state.descriptionDueMilliseconds =
                now + Sampler.descriptionIntervalMilliseconds
            descriptions.setOwner(
                &description, files, pid: process.state.key.pid, thread: process.state.thread,
                userID: figures.status?.userID ?? process.state.userID)
        }
        guard description != process.description else { return }
        process.description = description
        snapshot.renamed.append(StartedRun(key: process.state.key, description: description))
    }

    /// Goes on with a process whose task has no memory map (any more).
    ///
    /// Either a thread outlives the leader, and then the memory is read through it; or the leader
    /// executed a program while a thread was read; or it is a zombie, and its run is over; or it is
    /// about to become one, and then there is nothing to be said at this look.
    private func lookWithoutMemory(
        at process: inout TrackedProcess, inode: UInt64, into snapshot: inout HostSnapshot
    ) -> Presence {
        let state = process.state
        switch stat(of: state) {
        case .gone:
            end(state, .exited, in: &snapshot)
            return .replaced
        case .refused:
            counters.unreadable += 1
            return .lives
        case .malformed:
            counters.malformed += 1
            return .lives
        case .line(let line):
            guard line.startTicks == state.key.startTicks else {
                end(state, .exited, in: &snapshot)
                return .replaced
            }
            let thread = line.threadCount > 1 ? files.livingThread(of: state.key.pid) : nil
            if line.isDead, thread == nil {
                end(state, .exited, in: &snapshot)
                return .replaced
            }
            release(state)
            process.state.thread = thread ?? 0
            hold(&process.state)
            guard
                case .figures(let figures) = self.figures(of: process.state, needsStatus: true)
            else {
                return .lives
            }
            return look(at: &process, figures, inode: inode, into: &snapshot)
        }
    }

    /// Ends a run at some time between the look that last saw it and this one.
    func end(
        _ state: ProcessState, _ reason: RunEndReason, in snapshot: inout HostSnapshot
    ) {
        let bracket = TimeBracket(
            notBeforeMilliseconds: state.seenAtMilliseconds,
            notAfterMilliseconds: snapshot.takenAtMilliseconds)
        snapshot.ended.append(
            EndedRun(key: state.key, end: RunEnd(bracket: bracket, reason: reason)))
    }
}

/// What of a process is not as it was at the look before.
private struct Changes: OptionSet {
    let rawValue: UInt8

    static let name = Changes(rawValue: 1 << 0)
    static let text = Changes(rawValue: 1 << 1)
    static let markFell = Changes(rawValue: 1 << 2)
    static let user = Changes(rawValue: 1 << 3)

    init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    init(from state: ProcessState, to figures: Figures) {
        self = []
        if figures.statm.text != state.statm?.text { insert(.text) }
        guard let status = figures.status else { return }
        // Each thread has a name of its own: the process's is the leader's.
        if state.thread == 0, status.name != state.name { insert(.name) }
        if status.userID != state.userID { insert(.user) }
        if let mark = status.markBytes, mark < state.markBytes { insert(.markFell) }
    }
}
