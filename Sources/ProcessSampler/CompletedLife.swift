import MemoryModel

/// The runs of a process that came and went without ever being looked at.
extension ProcessLife {
    /// A run for each image whose names were read, and one for the image that ended by exit.
    ///
    /// - Parameters:
    ///   - end: How the process ended.
    ///   - figures: What its record says of what it used.
    ///   - ticksPerSecond: The unit of starts.
    ///   - userName: The name of a user.
    /// - Returns: The runs, the first image's first.
    func completedRuns(
        _ end: EndedProcess, figures: ExitFigures, ticksPerSecond: UInt64,
        userName: (UInt32) -> RawText?
    ) -> [CompletedRun] {
        var key = ProcessKey(
            pid: pid, startTicks: startTicks ?? estimatedStartTicks(end, ticksPerSecond))
        var runs = imagesBefore(key)
        key.image &+= UInt32(clamping: max(images.count - 1, 0))
        let start = StartedRun(
            key: key, description: lastDescription(end, userName), flags: flags)
        var run = EndedRun(
            key: key,
            end: RunEnd(
                end,
                seenAtMilliseconds: start.description.startedAtMilliseconds
                    ?? end.endedAtMilliseconds - 2 * end.startUncertaintyMilliseconds))
        run.record = figures
        runs.append(CompletedRun(start: start, end: run))
        return runs
    }

    /// A run for each image whose names were read, but the last, which may live; `key` is that of
    /// the first one.
    func imagesBefore(_ key: ProcessKey) -> [CompletedRun] {
        var key = key
        var runs: [CompletedRun] = []
        for (image, next) in zip(images, images.dropFirst()) {
            if let run = executedAway(image, next, key) { runs.append(run) }
            key.image &+= 1
        }
        return runs
    }

    /// What is to be known of its last run besides.
    private var flags: RunFlags {
        var flags: RunFlags = []
        if startTicks == nil { flags.insert(.startIsEstimated) }
        if images.last?.details == nil { flags.insert(.firstSeenAtExit) }
        return flags
    }

    /// An image that went with the next exec; nil if not even its name is known.
    private func executedAway(
        _ image: ExecutedImage, _ next: ExecutedImage, _ key: ProcessKey
    ) -> CompletedRun? {
        guard var details = image.details else { return nil }
        details.description.startedAtMilliseconds = image.atMilliseconds
        let bracket = TimeBracket(
            notBeforeMilliseconds: next.atMilliseconds, notAfterMilliseconds: next.atMilliseconds)
        return CompletedRun(
            start: StartedRun(
                key: key, description: details.description,
                flags: startTicks == nil ? .startIsEstimated : []),
            end: EndedRun(key: key, end: RunEnd(bracket: bracket, reason: .executed)),
            peak: details.markBytes.map {
                Peak(
                    bytes: $0,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: image.atMilliseconds,
                        notAfterMilliseconds: next.atMilliseconds),
                    source: .hwm)
            })
    }

    /// The description of the image that ended by exit.
    private func lastDescription(
        _ end: EndedProcess, _ userName: (UInt32) -> RawText?
    ) -> RunDescription {
        var description: RunDescription
        if let details = images.last?.details {
            description = details.description
        } else {
            let name = end.name ?? RawText([])
            description = RunDescription(program: name, comm: name)
            description.userID = end.userID
            description.user = end.userID.flatMap(userName)
        }
        description.parentPid = fork?.parentPid ?? description.parentPid ?? end.parentPid
        description.startedAtMilliseconds =
            images.last?.atMilliseconds ?? fork?.atMilliseconds
            ?? end.startBootMilliseconds
        if end.isForkWithoutExec ?? (fork != nil && images.isEmpty) {
            description.inheritedBytes = InheritedMark.bytes(
                mark: end.markBytes, atFork: fork?.markBytes,
                parent: end.parentMark(ifStill: fork?.parentPid))
        }
        return description
    }

    /// The start by the event of the fork, else by the record of the exit.
    private func estimatedStartTicks(_ end: EndedProcess, _ ticksPerSecond: UInt64) -> UInt64 {
        let start = fork?.atMilliseconds ?? end.startBootMilliseconds ?? end.endedAtMilliseconds
        return UInt64(clamping: start) &* ticksPerSecond / 1_000
    }
}

extension EndedProcess {
    /// The mark of the process that made it; nil if that has ended and another took its children
    /// over, or if its mark is not known.
    ///
    /// `maker` is the process that made it; nil if that was not told.
    func parentMark(ifStill maker: Int32?) -> UInt64? {
        maker == nil || maker == parentPid ? parentMarkBytes : nil
    }

    /// When it began, as `BootClock` counts, if the host was not suspended while it lived; nil if
    /// the record does not tell how long it lived.
    var startBootMilliseconds: Int64? {
        startMonotonicMilliseconds.map { $0 + endedAtMilliseconds - endedMonotonicMilliseconds }
    }
}
