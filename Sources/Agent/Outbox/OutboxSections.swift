package import MemoryModel
package import ProcessSampler

// What programs tell of their own sections, and what is seen of them from outside.
extension Outbox {
    /// Takes in a look, and what programs told of their sections until then.
    ///
    /// What a program told of a run that is known counts before the look does: a mark that was
    /// reset must not pass for the whole truth of a minute that is over with it. The rest waits
    /// for what the look finds.
    package mutating func apply(_ snapshot: HostSnapshot, sections arrivals: SectionArrivals) {
        sections.take(arrivals)
        if !sections.isEmpty {
            let pids =
                snapshot.started.map(\.key.pid) + snapshot.ended.map(\.key.pid)
                + snapshot.completed.map(\.start.key.pid)
            takeSections(isLast: false, passing: Set(pids))
        }
        apply(snapshot)
        takeSections(isLast: true)
        sections.forget(snapshot.ended.map(\.key))
    }

    /// Takes in what programs told since the last look, before an agent stops.
    package mutating func takeLastSections(_ arrivals: SectionArrivals) {
        sections.take(arrivals)
        takeSections(isLast: true)
    }

    /// Takes in which lines of a run's program ran while it grew; those of a run that does not live
    /// are dropped, unless its end is not acknowledged.
    ///
    /// Lines may take an eighth of the memory, so that peaks need not go for them.
    mutating func tell(_ growth: PythonGrowth, of run: ProcessKey) {
        guard self[run] != nil else { return registers.parts.drop(growth) }
        registers.parts.take(growth, of: run, limitBytes: memoryLimitBytes / 8)
    }

    private mutating func takeSections(isLast: Bool, passing: Set<Int32> = []) {
        if !sections.isEmpty {
            let images = images(ofPids: sections.pids.subtracting(passing))
            for found in sections.takeFound(isLast: isLast, passing: passing, { images[$0] ?? [] })
            {
                take(found)
            }
        }
        guard isLast else { return }
        let ledger = runs.ledger
        registers.parts.retire { ledger[$0] == nil }
        setSectionCounters()
    }

    /// Takes in what a program told of its run.
    ///
    /// Where it does not reset the mark, the kernel's own says all that it could tell of its life.
    /// So whatever peak was told is one of a run that has the flag, and is shown as that.
    private mutating func take(_ found: SectionIntake.Found) {
        let datagram = found.datagram
        if datagram.resetsMark {
            runs.tell(
                found.run, lifetimeBytes: datagram.lifetimeBytes,
                untilMilliseconds: datagram.atMilliseconds,
                sinceMilliseconds: datagram.lifetimeSinceMilliseconds, flags: .markReset)
        }
        guard let section = datagram.section, let call = datagram.call else { return }
        registers.parts.add(
            call, of: SectionKey(run: found.run, name: section.name),
            user: self[found.run]?.description.userID, limits: runs.ledger.limits)
    }

    /// How many ticks an estimated start may be off.
    private static let estimatedTicks: UInt64 = 2

    /// The runs of processes that live, or ended and are not acknowledged, the newest image first.
    ///
    /// One whose start was reckoned from its end is found by starts near to it, too: a short job
    /// knows better when it began.
    private func images(
        ofPids pids: Set<Int32>
    ) -> [SectionIntake.Sender: [(key: ProcessKey, startedAtMilliseconds: Int64?)]] {
        guard !pids.isEmpty else { return [:] }
        let live = runs.ledger.runs.keys.filter { pids.contains($0.pid) }
        let keys = (live + runs.ended.keys(ofPids: pids)).sorted { $0 > $1 }
        var images: [SectionIntake.Sender: [(key: ProcessKey, startedAtMilliseconds: Int64?)]] = [:]
        for key in keys {
            guard let record = self[key] else { continue }
            let slack = record.flags.contains(.startIsEstimated) ? Outbox.estimatedTicks : 0
            let first = key.startTicks - min(slack, key.startTicks)
            for ticks in first...max(first, key.startTicks &+ slack) {
                images[.init(pid: key.pid, startTicks: ticks), default: []]
                    .append((key, record.description.startedAtMilliseconds))
            }
        }
        return images
    }

    private mutating func setSectionCounters() {
        setCounter(.sectionsNotRead, sections.faultCount)
        setCounter(
            .sectionsDropped, sections.droppedCount + registers.parts.droppedSectionCount)
        setCounter(.sectionsUnsent, sections.unsentCount)
        setCounter(.linesDropped, registers.parts.droppedLineCount)
    }
}

extension RunOutbox {
    /// Takes in what a program told of its own run.
    mutating func tell(
        _ key: ProcessKey, lifetimeBytes: UInt64?, untilMilliseconds at: Int64,
        sinceMilliseconds since: Int64?, flags: RunFlags
    ) {
        func fact(_ ledger: inout PeakLedger) -> RunChange {
            var change = ledger.add(flags, to: key)
            if let lifetimeBytes {
                change.formUnion(
                    ledger.raiseMark(
                        key, to: lifetimeBytes, untilMilliseconds: at, sinceMilliseconds: since))
            }
            return change
        }
        if ended.contains(key) { return amend(key, fact) }
        guard let known = ledger[key] else { return }
        let before = ledger.level(of: known)
        let change = fact(&ledger)
        guard !change.isEmpty, let record = ledger[key] else { return }
        noteTold(record, change, before)
        mark(key, change)
    }
}
