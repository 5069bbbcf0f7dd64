package import MemoryModel
package import Wire

// What goes into the state file, and what comes from it.
extension Outbox {
    /// Gives every frame that a session of this moment would begin with: the full state, STATE_END
    /// and the registers behind it, without SAMPLES and HEALTH.
    ///
    /// The outbox stays as it is: frames are made from a copy, whose session has slots below
    /// `maximumRuns`. Folds that are held back are amongst them. Take `stateMark` in the same
    /// moment.
    package func stateFrames(
        maximumRuns: UInt32 = 65_536, _ body: (Frame) throws -> Void
    ) rethrows {
        var copy = self
        copy.savedState.remove()
        copy.sessionOpened(maximumRuns: maximumRuns)
        while let frame = copy.nextFrame() {
            switch frame {
            case .samples, .health: continue
            default: try body(frame)
            }
        }
    }

    /// The moment of which a state file is about to be written.
    ///
    /// Whoever reads it says by `stateSaved`, `stateFailed` or `stateRemoved` what came of it;
    /// until then folds that change wait, because a file may hold runs that go into them.
    package var stateMark: StateMark {
        mutating get {
            let mark = StateMark(foldClock: runs.folds.clock)
            savedState.begin(mark)
            return mark
        }
    }

    /// Takes note that the file of `mark` stands under its name, and no other one.
    package mutating func stateSaved(_ mark: StateMark) {
        savedState.save(mark)
    }

    /// Takes note that no new file came to stand: there is the one from before, or none.
    package mutating func stateFailed() {
        savedState.fail()
    }

    /// Takes note that there is no state file of this agent's start any more.
    package mutating func stateRemoved() {
        savedState.remove()
    }

    /// Whether a collector has all that stands in the state file, so that it may be removed.
    ///
    /// True also while there is none.
    package var isSavedStateAcknowledged: Bool { savedState.isAcknowledged }

    /// Whether folds wait until the state file was written anew or removed.
    package var isStateFileAwaited: Bool { runs.folds.isHeld(by: savedState) }

    /// Whether the collector of this session has everything that a state file would hold.
    ///
    /// On a host where much happens this is true for moments only; what it is for is the end of
    /// an agent. Whether a state file is of use any more, `isSavedStateAcknowledged` says.
    package var isEverythingAcknowledged: Bool {
        isStateSent && !isHostDue && runs.isAcknowledged && registers.isAcknowledged
            && !totals.hasRaised && dueCounters.isEmpty
            && latestStateSequence <= acknowledgedSequence
    }

    /// Rises with every change of what a state file would hold.
    package var changeCount: UInt64 {
        ownChangeCount &+ runs.changeCount &+ runs.windows.changeCount &+ registers.changeCount
    }

    /// Takes in what an earlier agent of the same boot knew of a run that lives: its peaks, flags,
    /// processor time, faults and beginning.
    ///
    /// Returns false, and takes nothing, if the run does not live.
    package mutating func restore(_ record: RunRecord) -> Bool {
        runs.restore(record)
    }

    /// Ends the open minute because the agent stops: what is known of it is told, and that nobody
    /// watched the rest of it.
    package mutating func closeMinuteEarly() {
        runs.closeMinuteEarly()
    }

    /// Takes in what was missed while no agent ran.
    package mutating func add(_ loss: EventLoss) {
        registers.add(loss)
    }

    /// Sets a counter that is not the sampler's, nor one that the outbox itself counts.
    package mutating func setCounter(_ reason: CounterReason, _ value: UInt64) {
        guard counters[reason] ?? 0 != value else { return }
        counters[reason] = value
        ownChangeCount += 1
    }

    /// About how much memory is held, in bytes.
    ///
    /// Reckoned from how many of what are held, without looking at each. Measured against what the
    /// resident memory of a process grew by: within 1 % with 10,000 to 100,000 ended runs (600 to
    /// 650 bytes each where they share all names but the command line, 1,030 where they share
    /// none), and 10 % less after a day of outage at 32 MiB, when folding has left holes.
    package var heldBytes: Int { runs.endedBytes + runs.windows.bytes + otherBytes }

    /// What is held of runs that live, sums, cgroups and kills, in bytes.
    private var otherBytes: Int { runs.liveBytes + totals.bytes + registers.bytes }

    /// Folds and drops what there is no room for.
    ///
    /// What cannot be given up may leave less room than the limit says; an eighth of it belongs to
    /// runs that ended in any case, because a host with very many processes has peaks, too.
    mutating func makeRoom() {
        let room = max(memoryLimitBytes - otherBytes, memoryLimitBytes / 8)
        makeRoomOfWindows(room)
        let loss = runs.makeRoom(
            limitBytes: max(0, room - runs.windows.bytes),
            wallMinusBootMilliseconds: host.wallMinusBootMilliseconds)
        if let loss { registers.add(loss) }
    }

    /// Merges windows into those of hours where they and the runs that ended do not fit; what then
    /// takes more than half of the room, and more than is left, is dropped.
    private mutating func makeRoomOfWindows(_ room: Int) {
        guard runs.endedBytes + runs.windows.bytes > room else { return }
        let target = room / 8 * 7
        // What runs that ended take beyond half of the room is theirs to give up.
        runs.mergeWindows(toBytes: max(target / 2, target - runs.endedBytes))
        let share = max(room / 2, room - runs.endedBytes)
        if runs.windows.bytes > share { runs.dropWindows(toBytes: share / 8 * 7) }
    }

    /// How many folds are not yet acknowledged.
    package var foldCount: Int { runs.folds.count }

    /// How many runs were dropped for want of room.
    var droppedCount: UInt64 { runs.droppedCount }

    /// Forgets the peaks that were reached, or may have been, in one of these stretches.
    ///
    /// - Parameters:
    ///   - stretches: In milliseconds since boot.
    ///   - now: From when on peaks count again that were forgotten of what lives.
    package mutating func forget(_ stretches: [TimeBracket], atMilliseconds now: Int64) {
        runs.forgetPeaks(in: stretches, atMilliseconds: now)
        totals.forgetPeaks(in: stretches)
        registers.forgetPeaks(in: stretches, atMilliseconds: now)
    }
}
