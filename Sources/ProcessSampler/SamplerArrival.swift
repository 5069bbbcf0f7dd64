import MemoryModel

/// What became of a process that was seen for the first time.
enum Arrival {
    /// It is followed from now on.
    case followed(TrackedProcess)
    /// It has no memory, or may not be read.
    case ignored(IgnoredProcess)
    /// It ended while it was looked at; or it is to be looked at again.
    case passedOver
}

/// Taking up processes that are new.
extension Sampler {
    /// Finds out all about a process that is not followed yet, and opens its files.
    func begin(_ entry: ListedProcess, into snapshot: inout HostSnapshot) -> Arrival {
        let now = snapshot.takenAtMilliseconds
        let takenUpAt = BootClock.nowMilliseconds()
        let line: StatLine
        switch files.stat(of: entry.pid) {
        case .line(let found): line = found
        case .gone: return vanished()
        case .refused:
            counters.unreadable += 1
            return ignoring(entry, startTicks: nil, now)
        case .malformed:
            counters.malformed += 1
            return ignoring(entry, startTicks: nil, now)
        }
        if line.isKernelThread {
            _ = lives.take(pid: entry.pid, startTicks: line.startTicks)
            return ignoring(entry, startTicks: line.startTicks, now)
        }
        var state = ProcessState(
            key: ProcessKey(
                pid: entry.pid, startTicks: line.startTicks,
                image: images.image(ofPid: entry.pid, startTicks: line.startTicks)),
            inode: entry.inode, seenAtMilliseconds: now,
            markDueMilliseconds: now,
            processorTimeDueMilliseconds: now
                + stagger(entry.pid, processorTimeIntervalMilliseconds),
            descriptionDueMilliseconds: now
                + stagger(entry.pid, Sampler.descriptionIntervalMilliseconds),
            swapDueMilliseconds: now + stagger(entry.pid, swapIntervalMilliseconds))
        state.isForkWithoutExec = line.isForkWithoutExec
        state.takenUpAtMilliseconds = takenUpAt
        hold(&state)
        switch firstFigures(&state, line) {
        case .figures(let figures):
            return .followed(follow(state, line, figures, into: &snapshot))
        case .withoutMemory:
            release(state)
            return ignoring(entry, startTicks: line.startTicks, now)
        case .gone:
            release(state)
            return vanished()
        case .refused:
            release(state)
            counters.unreadable += 1
            return ignoring(entry, startTicks: nil, now)
        case .malformed:
            release(state)
            counters.malformed += 1
            return ignoring(entry, startTicks: nil, now)
        }
    }

    /// Passes over what ended before it could be read; where the kernel tells of exits, it is not
    /// missed.
    private func vanished() -> Arrival {
        if events == nil { counters.vanished += 1 }
        return .passedOver
    }

    /// Does not follow a process, and looks at it again after a while.
    private func ignoring(
        _ entry: ListedProcess, startTicks: UInt64?, _ now: Int64
    ) -> Arrival {
        .ignored(
            IgnoredProcess(
                pid: entry.pid, inode: entry.inode, startTicks: startTicks,
                dueMilliseconds: now + Sampler.descriptionIntervalMilliseconds))
    }

    /// The first figures: the leader's, or those of a thread that outlives it.
    private func firstFigures(_ state: inout ProcessState, _ line: StatLine) -> FiguresOutcome {
        let outcome = figures(of: state, needsStatus: true)
        guard case .withoutMemory = outcome, line.threadCount > 1,
            let thread = files.livingThread(of: state.key.pid)
        else { return outcome }
        release(state)
        state.thread = thread
        hold(&state)
        return figures(of: state, needsStatus: true)
    }

    /// Starts the run of a new process.
    private func follow(
        _ state: ProcessState, _ line: StatLine, _ figures: Figures,
        into snapshot: inout HostSnapshot
    ) -> TrackedProcess {
        var state = state
        var figures = figures
        let life = lives.take(pid: state.key.pid, startTicks: line.startTicks)
        let told = state.isForkWithoutExec ? nil : life?.images.last?.details
        var read =
            told.map { (description: $0.description, commandFingerprint: $0.commandFingerprint) }
            ?? describe(state, figures)
        // It may have executed a program between the first file and the last: then all of them
        // are read again, or the parent's memory would be reported as the child's.
        if state.isForkWithoutExec, case .line(let later) = stat(of: state),
            later.startTicks == line.startTicks, !later.isForkWithoutExec,
            case .figures(let again) = self.figures(of: state, needsStatus: true)
        {
            state.isForkWithoutExec = false
            figures = again
            read = describe(state, figures)
        }
        read.description.parentPid = line.parentPid
        read.description.startedAtMilliseconds = milliseconds(ofTicks: line.startTicks)
            .flatMap(Int64.init(exactly:))
        if state.isForkWithoutExec {
            read.description.inheritedBytes = InheritedMark.bytes(
                mark: figures.status?.markBytes, atFork: life?.fork?.markBytes,
                parent: knownMark(ofParent: line.parentPid))
        }
        if let life {
            snapshot.completed += life.imagesBefore(state.key)
            state.key.image &+= UInt32(clamping: max(life.images.count - 1, 0))
            if let image = life.images.last {
                read.description.startedAtMilliseconds = image.atMilliseconds
            }
        }
        names.share(&read.description)
        state.commandFingerprint = read.commandFingerprint
        snapshot.started.append(StartedRun(key: state.key, description: read.description))
        observe(&state, figures, self.figures(of: line), into: &snapshot)
        if markIntervalMilliseconds > 0 {
            state.markDueMilliseconds =
                snapshot.takenAtMilliseconds + stagger(state.key.pid, markIntervalMilliseconds)
        }
        return TrackedProcess(
            state: state, description: read.description,
            memoryCgroup: names.shared(
                descriptions.memoryCgroup(
                    files, pid: state.key.pid, thread: state.thread)))
    }

    /// The mark of a parent that is followed, as last seen; nil if it is not.
    private func knownMark(ofParent pid: Int32) -> UInt64? {
        guard let index = place(of: pid) else { return nil }
        let mark = processes[index].state.markBytes
        return mark > 0 ? mark : nil
    }

    /// A part of `interval` that spreads processes evenly over it, at least a millisecond.
    private func stagger(_ pid: Int32, _ interval: Int64) -> Int64 {
        // A golden-ratio step: neighbouring pids, as a fork storm makes them, fall far apart.
        1 + Int64((UInt32(bitPattern: pid) &* 2_654_435_769) >> 8) % interval
    }
}
