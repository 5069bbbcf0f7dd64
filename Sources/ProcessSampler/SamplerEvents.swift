import MemoryModel

/// What the kernel told of between two looks.
extension Sampler {
    /// Takes in what was told since the look before: execs, exits, and what came and went.
    func takeEvents(into snapshot: inout HostSnapshot) {
        guard let events else { return }
        var told = early.appending(events.drain())
        early = KernelEvents()
        scope?.admit(&told)
        let now = snapshot.takenAtMilliseconds
        note(told)
        snapshot.losses = told.losses
        if !told.losses.isEmpty { listAtNextLook() }
        let outcome = lives.take(
            told, at: now, suspendedMilliseconds: BootClock.suspendedMilliseconds(),
            followedStart: { pid in place(of: pid).map { processes[$0].state.key.startTicks } })
        for image in outcome.executed {
            guard let index = place(of: image.pid) else { continue }
            // One that came too late was noticed without it, or was before all that is known.
            let noticedAt = processes[index].state.execNoticedAtMilliseconds ?? .min
            guard image.atMilliseconds > noticedAt,
                image.atMilliseconds >= processes[index].state.takenUpAtMilliseconds
            else {
                processes[index].state.forgetFigures()
                continue
            }
            execute(&processes[index], image, into: &snapshot)
        }
        var removed: [Int] = []
        for end in outcome.ended {
            guard let index = place(of: end.pid) else { continue }
            self.end(processes[index], end, in: &snapshot)
            removed.append(index)
        }
        forget(removed.sorted(), snapshot)
        for life in outcome.finished { finish(life, into: &snapshot) }
        if unrecorded.count > Sampler.maximumUnrecorded { unrecorded.removeAll() }
    }

    /// Drops what was measured in this look of processes that executed a program meanwhile: it may
    /// be the new image's.
    func dropOutdated(in snapshot: inout HostSnapshot) {
        guard let events, isToldOfExecs else { return }
        early = events.drain()
        guard !early.executed.isEmpty else { return }
        let pids = Set(early.executed.map(\.pid))
        snapshot.observed.removeAll { pids.contains($0.key.pid) }
    }

    private func note(_ told: KernelEvents) {
        counters.namesNotRead += told.unreadNames
        counters.malformed += told.unusableRecords
        for loss in told.losses {
            // At least one was, if nobody says how many.
            let count = loss.count ?? 1
            if loss.reason == .exitRecordsLost {
                counters.exitRecordsLost += count
            } else {
                counters.processEventsLost += count
            }
        }
    }

    /// Ends the run of the image before, which had its last mark at the look before, and starts
    /// that of the new one.
    private func execute(
        _ process: inout TrackedProcess, _ image: ExecutedImage,
        into snapshot: inout HostSnapshot
    ) {
        let at = TimeBracket(
            notBeforeMilliseconds: image.atMilliseconds, notAfterMilliseconds: image.atMilliseconds)
        snapshot.close(
            EndedRun(key: process.state.key, end: RunEnd(bracket: at, reason: .executed)))
        process.state.key.image &+= 1
        process.state.isForkWithoutExec = false
        process.state.execSuspectedAtMilliseconds = nil
        process.state.isUnnamed = false
        process.state.forgetFigures()
        process.state.markBytes = 0
        process.state.seenAtMilliseconds = image.atMilliseconds
        let parent = process.description.parentPid
        if let details = image.details {
            process.description = details.description
            process.state.commandFingerprint = details.commandFingerprint
            process.state.name = CommName(details.description.comm)
            process.state.userID = details.description.userID
        } else {
            process.description = unnamed(process.description)
            // The names are read as soon as it is looked at.
            process.state.isUnnamed = true
        }
        process.description.parentPid = parent
        process.description.inheritedBytes = nil
        process.description.startedAtMilliseconds = image.atMilliseconds
        snapshot.started.append(
            StartedRun(key: process.state.key, description: process.description))
        if let mark = image.details?.markBytes {
            observe(mark, of: process.state.key, in: &snapshot)
            process.state.markBytes = mark
        }
    }

    /// An image of which only is known that it is not the one before: its owner is the same.
    private func unnamed(_ before: RunDescription) -> RunDescription {
        var description = before
        description.executable = nil
        description.command = nil
        return description
    }

    /// Notes a mark without anything else.
    private func observe(
        _ markBytes: UInt64, of key: ProcessKey, in snapshot: inout HostSnapshot
    ) {
        var observation = RunObservation(key: key)
        observation.markBytes = markBytes
        snapshot.observed.append(observation)
    }

    /// Ends a run by the kernel's record of its process's exit.
    private func end(
        _ process: TrackedProcess, _ end: EndedProcess, in snapshot: inout HostSnapshot
    ) {
        let state = process.state
        noteEnd(followed(process), end)
        var description = process.description
        if state.isUnnamed, let name = end.name, !end.isNameOfThread {
            description.comm = name
            description.program = name
        }
        if let known = description.inheritedBytes {
            description.inheritedBytes = InheritedMark.bytes(
                mark: known, atFork: nil,
                parent: end.parentMark(ifStill: process.description.parentPid))
        }
        if description != process.description {
            snapshot.renamed.append(StartedRun(key: state.key, description: description))
        }
        var run = EndedRun(
            key: state.key, end: RunEnd(end, seenAtMilliseconds: state.seenAtMilliseconds))
        run.record = figures(of: end)
        snapshot.close(run)
    }

    /// What a record says of what a process used.
    ///
    /// Its sums are those of all programs that the process executed, and without the threads that
    /// ended before the agent listened; both are maxima beside what `stat` said, so they can only
    /// be too low.
    private func figures(of end: EndedProcess) -> ExitFigures {
        var faults: FaultCounts?
        if let minor = end.minorFaults, let major = end.majorFaults {
            faults = FaultCounts(minor: minor, major: major)
        }
        return ExitFigures(
            markBytes: end.markBytes, processorMilliseconds: end.processorMilliseconds,
            faults: faults)
    }

    /// A process that came and went between two looks: a run for each image that it is known to
    /// have had.
    private func finish(_ life: ProcessLife, into snapshot: inout HostSnapshot) {
        guard let end = life.end else { return }
        if let key = unrecorded.removeValue(forKey: end.pid), life.fork == nil {
            // It was given up for lack of this very record.
            var run = EndedRun(
                key: key, end: RunEnd(end, seenAtMilliseconds: end.endedAtMilliseconds))
            run.record = figures(of: end)
            snapshot.ended.append(run)
            return
        }
        // A thread of the kernel has no memory and is no run. Neither has a small program whose
        // pages the kernel has not added up yet, but that is not a child of kthreadd.
        let isKernelThread = end.parentPid == Sampler.kernelThreadParent
        guard end.markBytes != nil || !life.images.isEmpty || !isKernelThread else { return }
        let runs = life.completedRuns(
            end, figures: figures(of: end), ticksPerSecond: ticksPerSecond,
            userName: { descriptions.users.name(of: $0) })
        snapshot.completed += runs
        guard let last = runs.last else { return }
        // The path of a description is that of version 2 where there is one.
        let cgroup = descriptions.memoryVersion == 2 ? last.start.description.cgroup : nil
        noteEnd(
            FollowedProcess(run: last.start.key, cgroup: cgroup, peakBytes: end.markBytes), end)
    }
}

extension RunEnd {
    /// The end that a record tells of a process that was last seen alive then.
    ///
    /// Its record came at most twice the uncertainty of the start after it ended.
    init(_ end: EndedProcess, seenAtMilliseconds: Int64) {
        let earliest = end.endedAtMilliseconds - 2 * end.startUncertaintyMilliseconds
        self.init(
            bracket: TimeBracket(
                notBeforeMilliseconds: max(earliest, seenAtMilliseconds),
                notAfterMilliseconds: end.endedAtMilliseconds),
            reason: .exited, exitCode: end.exitCode, exitSignal: end.exitSignal)
    }
}

extension HostSnapshot {
    /// Ends a run; one that began in this same snapshot is complete.
    mutating func close(_ run: EndedRun) {
        guard let index = started.lastIndex(where: { $0.key == run.key }) else {
            ended.append(run)
            return
        }
        var start = started.remove(at: index)
        if let renaming = renamed.lastIndex(where: { $0.key == run.key }) {
            start.description = renamed.remove(at: renaming).description
        }
        var completed = CompletedRun(start: start, end: run)
        if let seen = observed.lastIndex(where: { $0.key == run.key }) {
            let mark = observed.remove(at: seen).markBytes
            completed.peak = mark.map {
                Peak(
                    bytes: $0,
                    bracket: run.end.bracket.map {
                        TimeBracket(
                            notBeforeMilliseconds: start.description.startedAtMilliseconds
                                ?? $0.notBeforeMilliseconds,
                            notAfterMilliseconds: $0.notAfterMilliseconds)
                    }, source: .hwm)
            }
        }
        self.completed.append(completed)
    }
}
