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
    /// Looks at the process at a place of the list again.
    ///
    /// `inode` is what the listing says of its directory now.
    func look(
        at index: Int, inode: UInt64, into snapshot: inout HostSnapshot
    ) -> Presence {
        let now = snapshot.takenAtMilliseconds
        if inode != processes[index].state.inode { rebind(&processes[index].state, to: inode) }
        guard marks != nil else {
            let isMarkDue = processes[index].state.markDueMilliseconds <= now
            let outcome = figures(of: processes[index].state, needsStatus: isMarkDue)
            return look(at: &processes[index], outcome, inode: inode, into: &snapshot)
        }
        switch memory(of: processes[index].state) {
        case .line(let statm) where !statm.isWithoutMemory:
            let isSame = statm == processes[index].state.statm
            if isSame, processes[index].state.markDueMilliseconds > now {
                return look(
                    at: &processes[index], Figures(statm: statm), inode: inode, into: &snapshot)
            }
            self.await(index, statm, inode: inode)
            return .lives
        case .line:
            return look(at: &processes[index], .withoutMemory, inode: inode, into: &snapshot)
        case .gone: return look(at: &processes[index], .gone, inode: inode, into: &snapshot)
        case .refused: return look(at: &processes[index], .refused, inode: inode, into: &snapshot)
        case .malformed:
            return look(at: &processes[index], .malformed, inode: inode, into: &snapshot)
        }
    }

    /// Takes note of another inode number of a process's directory.
    ///
    /// In a tree of ordinary files a held file may belong to a folder that was replaced. In a
    /// procfs it belongs to its process for good, and the kernel gives a directory another number
    /// whenever it has forgotten it. A process that was taken up without a listing had none yet.
    private func rebind(_ state: inout ProcessState, to inode: UInt64) {
        guard state.inode != 0, !(state.isHeld && files.isProcfs) else {
            state.inode = inode
            return
        }
        release(state)
        hold(&state)
    }

    /// Goes on with what reading a process came to.
    private func look(
        at process: inout TrackedProcess, _ outcome: FiguresOutcome, inode: UInt64,
        into snapshot: inout HostSnapshot
    ) -> Presence {
        switch outcome {
        case .figures(let figures):
            return look(at: &process, figures, inode: inode, into: &snapshot)
        case .gone where process.state.thread == 0:
            return vanish(&process.state, into: &snapshot)
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

    /// Goes on with a process that is no more.
    ///
    /// Where the kernel tells of exits, its record is under way and says what nothing else does;
    /// if it does not come, it was lost.
    func vanish(_ state: inout ProcessState, into snapshot: inout HostSnapshot) -> Presence {
        guard events != nil else {
            end(state, .exited, in: &snapshot)
            return .replaced
        }
        let now = snapshot.takenAtMilliseconds
        let since = state.goneSinceMilliseconds ?? now
        state.goneSinceMilliseconds = since
        guard now - since >= Sampler.recordPatienceMilliseconds else { return .lives }
        end(state, .exited, by: since, in: &snapshot)
        unrecorded[state.key.pid] = state.key
        return .replaced
    }

    /// Goes on with a process whose memory was read.
    func look(
        at process: inout TrackedProcess, _ figures: Figures, inode: UInt64,
        into snapshot: inout HostSnapshot
    ) -> Presence {
        let now = snapshot.takenAtMilliseconds
        let isTimeDue = process.state.processorTimeDueMilliseconds <= now
        let wasFork = process.state.isForkWithoutExec
        let changes = Changes(from: process.state, to: figures)
        var used: StatFigures?
        // A file that is not held may be another process's by now; it is this one's if it still
        // has its start after the figures were read.
        if isTimeDue || !process.state.isHeld || inode != process.state.inode
            || (wasFork && !changes.isEmpty) || process.state.execSuspectedAtMilliseconds != nil
        {
            switch stat(of: process.state) {
            case .line(let line):
                guard line.startTicks == process.state.key.startTicks else {
                    return vanish(&process.state, into: &snapshot)
                }
                process.state.inode = inode
                process.state.isForkWithoutExec = wasFork && line.isForkWithoutExec
                if isTimeDue {
                    used = self.figures(of: line)
                    process.state.processorTimeDueMilliseconds =
                        now + processorTimeIntervalMilliseconds
                }
            case .gone: return vanish(&process.state, into: &snapshot)
            case .refused: counters.unreadable += 1
            case .malformed: counters.malformed += 1
            }
        }
        let hasExecuted = wasFork && !process.state.isForkWithoutExec
        if hasExecuted || (!process.state.isForkWithoutExec && isNewImage(process, changes)) {
            let suspectedAt = process.state.execSuspectedAtMilliseconds ?? now
            guard !isToldOfExecs || now - suspectedAt >= Sampler.eventPatienceMilliseconds else {
                // The event of it is under way, and these figures are the new image's.
                process.state.execSuspectedAtMilliseconds = suspectedAt
                process.state.isForkWithoutExec = wasFork
                return .lives
            }
            execute(&process, figures, into: &snapshot)
            process.state.execNoticedAtMilliseconds = now
        } else {
            redescribe(&process, figures, changes, into: &snapshot)
        }
        process.state.execSuspectedAtMilliseconds = nil
        let isNews = figures.statm != process.state.statm || figures.status != nil || used != nil
        guard isNews else {
            process.state.seenAtMilliseconds = now
            return .lives
        }
        observe(&process.state, figures, used, into: &snapshot)
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
        process.state.isUnnamed = false
        process.state.markBytes = 0
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
        guard isDue || isOtherUser || changes.contains(.name) || process.state.isUnnamed else {
            return
        }
        var description = process.description
        if process.state.isUnnamed {
            let read = describe(process.state, figures)
            description.program = read.description.program
            description.comm = read.description.comm
            description.executable = read.description.executable
            description.command = read.description.command
            process.state.commandFingerprint = read.commandFingerprint
            process.state.isUnnamed = false
        } else if changes.contains(.name), let name = figures.status?.name {
            let wasNamedByKernel = description.program == description.comm
            description.comm = name.text
            if wasNamedByKernel, description.executable == nil {
                description.program = name.text
            }
        }
        if isDue || isOtherUser {
            process.state.descriptionDueMilliseconds =
                now + Sampler.descriptionIntervalMilliseconds
            process.memoryCgroup = descriptions.setOwner(
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
        case .gone: return vanish(&process.state, into: &snapshot)
        case .refused:
            counters.unreadable += 1
            return .lives
        case .malformed:
            counters.malformed += 1
            return .lives
        case .line(let line):
            guard line.startTicks == state.key.startTicks else {
                return vanish(&process.state, into: &snapshot)
            }
            let thread = line.threadCount > 1 ? files.livingThread(of: state.key.pid) : nil
            if line.isDead, thread == nil { return vanish(&process.state, into: &snapshot) }
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
    ///
    /// `by` is when it was first missed, if that was at an earlier look.
    func end(
        _ state: ProcessState, _ reason: RunEndReason, by missedAt: Int64? = nil,
        in snapshot: inout HostSnapshot
    ) {
        let bracket = TimeBracket(
            notBeforeMilliseconds: state.seenAtMilliseconds,
            notAfterMilliseconds: missedAt ?? snapshot.takenAtMilliseconds)
        snapshot.close(EndedRun(key: state.key, end: RunEnd(bracket: bracket, reason: reason)))
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
        if let known = state.statm, figures.statm.text != known.text { insert(.text) }
        guard let status = figures.status else { return }
        // Each thread has a name of its own: the process's is the leader's.
        if state.thread == 0, let name = status.name, name != state.name { insert(.name) }
        if let userID = status.userID, userID != state.userID { insert(.user) }
        if let mark = status.markBytes, mark < state.markBytes { insert(.markFell) }
    }
}
