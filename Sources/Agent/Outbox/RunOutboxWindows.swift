import MemoryModel
import Wire

// What runs held minute by minute: what a look, an edge and an end mean for it.
extension RunOutbox {
    /// Begins to take in a look.
    ///
    /// - Parameters:
    ///   - now: When the look was, in boot time.
    ///   - offset: What makes a time of day of boot time, to the millisecond.
    ///   - told: The same as the collector is told.
    /// - Returns: Whether the open minute is over with this look.
    mutating func beginLook(
        atMilliseconds now: Int64, wallMinusBootMilliseconds offset: Int64, told: Int64
    ) -> Bool {
        wallMinusBootMilliseconds = told
        let look = minutes.beginLook(atMilliseconds: now, wallMinusBootMilliseconds: offset)
        if let closed = look.closedBefore { close(closed) }
        movements.beginLook(isEdgeMissed: look.closedBefore != nil)
        return look.closesAfter
    }

    /// Ends the open minute: the look that was taken in was at its edge.
    mutating func closeMinuteAtEdge() {
        if let closed = minutes.closeAtEdge() { close(closed) }
    }

    /// Ends the open minute before its edge.
    mutating func closeMinuteEarly() {
        if let closed = minutes.closeEarly() { close(closed) }
    }

    private mutating func close(_ minute: WatchedMinutes.Closed) {
        let moved = minute.isWhole ? Set(movements.runs.keys) : []
        let ledger = ledger
        var closed = movements.closeMinute(isWhole: minute.isWhole) { key in
            ledger[key].map { ledger.level(of: $0) }
        }
        if minute.isWhole {
            for record in ledger.runs.values where !moved.contains(record.key) {
                guard let window = ledger.level(of: record).window else { continue }
                closed.append((record.key, window))
            }
        }
        windows.close(
            startsAtMilliseconds: minute.startsAtMilliseconds, closed,
            coveredWith: minute.isWatched ? UInt64(ledger.runs.count) : nil)
    }

    // MARK: Movements

    /// Takes note of what a look changed of a run.
    mutating func noteMovement(_ record: RunRecord, _ change: RunChange, _ before: RunLevel) {
        guard let open = minutes.startsAtMilliseconds else { return }
        var movement = movements.movement(of: record.key, before: before)
        let after = ledger.level(of: record)
        movement.atLeastBytes = max(movement.atLeastBytes, after.residentBytes ?? 0)
        if change.contains(.peak), let peak = record.peak, peak.source == .hwm,
            let rise = peak.bracket, rise.notAfterMilliseconds == latestTickMilliseconds
        {
            attribute(peak.bytes, rise, of: record.key, to: &movement, minute: open)
        }
        movements.set(movement, of: record.key)
    }

    /// Takes note of what a program told of its run: a peak that was reached in the open minute
    /// counts for it.
    mutating func noteTold(_ record: RunRecord, _ change: RunChange, _ before: RunLevel) {
        guard let open = minutes.startsAtMilliseconds else { return }
        var movement = movements.movement(of: record.key, before: before)
        if change.contains(.peak), let peak = record.peak, let rise = peak.bracket,
            rise.notBeforeMilliseconds >= open - WatchedMinutes.earlinessMilliseconds
        {
            movement.atLeastBytes = max(movement.atLeastBytes, peak.bytes)
        }
        movements.set(movement, of: record.key)
    }

    /// Takes note of what an earlier agent knew of a run.
    mutating func noteRestored(_ key: ProcessKey, _ before: RunLevel) {
        guard let record = ledger[key], minutes.startsAtMilliseconds != nil else { return }
        movements.moved(key, from: before, to: ledger.level(of: record))
    }

    /// Counts the rise of a mark for the minute in which it was, or seems to have been.
    ///
    /// One that lies between two readings on either side of an edge belongs to the later minute,
    /// and raises the upper bounds of those before. Nothing is said of when a mark rose that was
    /// found at the first look, or after more than a minute without a reading.
    private mutating func attribute(
        _ bytes: UInt64, _ rise: TimeBracket, of key: ProcessKey,
        to movement: inout RunMovements.Movement, minute start: Int64
    ) {
        let begin = rise.notBeforeMilliseconds
        let earliness = WatchedMinutes.earlinessMilliseconds
        if begin >= start - earliness {
            movement.atLeastBytes = max(movement.atLeastBytes, bytes)
            return
        }
        let isNear = begin >= start - WindowLength.minute.milliseconds - earliness
        if isNear, begin >= minutes.firstLookAtMilliseconds {
            movement.atLeastBytes = max(movement.atLeastBytes, bytes)
        }
        guard let last = movement.last, last.atMostBytes.map({ $0 < bytes }) ?? false else {
            return
        }
        let raised = Window(atLeastBytes: last.atLeastBytes, atMostBytes: bytes)
        movement.last = raised
        let latest = minutes.closedStarts.last { $0 < start }
        for earlier in minutes.closedStarts
        where earlier < start && earlier + WindowLength.minute.milliseconds - earliness > begin {
            windows.raise(
                key, earlier == latest ? raised : Window(atLeastBytes: 0, atMostBytes: bytes),
                startsAtMilliseconds: earlier)
        }
    }

    // MARK: Ends

    /// Takes note that a run is over: its last window is told before its end.
    mutating func noteEnd(_ record: RunRecord, _ change: RunChange, _ before: RunLevel) {
        guard let open = minutes.startsAtMilliseconds else { return }
        let key = record.key
        var movement = movements.movement(of: key, before: before)
        _ = movements.remove(key)
        defer { windows.end(key, beganAtMilliseconds: record.description.startedAtMilliseconds) }
        let only = record.windowOfOnlyMinute(wallMinusBootMilliseconds: wallMinusBootMilliseconds)
        if movement.last == nil, only != nil { return }
        let end = record.end?.bracket?.notAfterMilliseconds ?? latestTickMilliseconds
        let isOpen = end >= open - WatchedMinutes.earlinessMilliseconds
        let start = isOpen ? open : minutes.start(of: end)
        // A run that was never looked at brings its whole peak, one that was only what rose since.
        if change.contains(.peak), let peak = record.peak, !record.isPeakInherited,
            peak.source == .exit || movement.last == nil, let rise = peak.bracket
        {
            attribute(peak.bytes, rise, of: key, to: &movement, minute: start)
        }
        let isFinal = record.flags.isPeakConfirmed
        if !isFinal { raiseToUnknown(record, &movement, before: start) }
        var window = Window(
            atLeastBytes: movement.atLeastBytes,
            atMostBytes: isFinal ? ledger.level(of: record).atMostBytes : nil)
        // A minute that is over has a window already, which may hold more than was left of it.
        if !isOpen, let last = movement.last { window = window.merged(with: last) }
        // One that says nothing is told where silence would say something.
        let isKnown = window.atLeastBytes > 0 || window.atMostBytes != nil
        guard isKnown || movement.last != nil else { return }
        if minutes.isWhole || window != movement.last {
            windows.raiseEnded(
                key, .init(length: .minute, startsAtMilliseconds: start, window: window))
        }
        let next = start + WindowLength.minute.milliseconds
        // Its end may be some milliseconds after the edge, of which silence would say the same.
        guard end >= next - WatchedMinutes.earlinessMilliseconds else { return }
        windows.raiseEnded(
            key,
            .init(
                length: .minute, startsAtMilliseconds: next,
                window: Window(atLeastBytes: 0, atMostBytes: window.atMostBytes)))
    }

    /// Says of minutes that are over that nobody knows the most that a run held which ended without
    /// a record: its mark may have risen there after it was last read.
    private mutating func raiseToUnknown(
        _ record: RunRecord, _ movement: inout RunMovements.Movement, before start: Int64
    ) {
        guard let last = movement.last, last.atMostBytes != nil,
            let read = record.markReadAtMilliseconds
        else { return }
        let latest = minutes.closedStarts.last { $0 < start }
        for earlier in minutes.closedStarts
        where earlier < start
            && earlier + WindowLength.minute.milliseconds
                - WatchedMinutes.earlinessMilliseconds > read
        {
            let atLeast = earlier == latest ? last.atLeastBytes : 0
            let window = Window(atLeastBytes: atLeast, atMostBytes: nil)
            windows.raise(record.key, window, startsAtMilliseconds: earlier)
            if earlier == latest { movement.last = window }
        }
    }

    /// Takes note of a peak that became known only after the end of its run.
    mutating func noteLatePeak(_ record: RunRecord) {
        guard let peak = record.peak, let bracket = peak.bracket, !record.isPeakInherited,
            minutes.startsAtMilliseconds != nil,
            record.windowOfOnlyMinute(wallMinusBootMilliseconds: wallMinusBootMilliseconds) == nil
        else { return }
        let isFinal = record.flags.isPeakConfirmed
        windows.raiseEnded(
            record.key,
            .init(
                length: .minute,
                startsAtMilliseconds: minutes.start(of: bracket.notAfterMilliseconds),
                window: Window(
                    atLeastBytes: peak.bytes, atMostBytes: isFinal ? peak.bytes : nil)))
    }

    // MARK: Forgetting

    /// Forgets windows that overlap one of `stretches`, and tells all of the open minute.
    mutating func forgetWindows(in stretches: [TimeBracket]) {
        func isForgotten(_ start: Int64, _ length: WindowLength) -> Bool {
            TimeBracket(
                notBeforeMilliseconds: start,
                notAfterMilliseconds: start + length.milliseconds - 1
            ).overlaps(anyOf: stretches)
        }
        windows.batches.removeAll { isForgotten($0.startsAtMilliseconds, $0.length) }
        windows.coverage.removeAll { isForgotten($0.startsAtMilliseconds, $0.length) }
        windows.changeEnded { own in
            own.removeAll { isForgotten($0.startsAtMilliseconds, $0.length) }
        }
        windows.dueIndex = 0
        windows.changeCount += 1
        if let open = minutes.startsAtMilliseconds, isForgotten(open, .minute) {
            movements.forget()
        }
        minutes.tellWhole()
    }

    // MARK: Frames

    /// The next frame with windows of runs that live, or of what was watched.
    mutating func nextWindows() -> Frame? {
        guard windows.isDue else { return nil }
        while windows.dueIndex < windows.batches.count {
            if let frame = nextWindows(at: windows.dueIndex) { return frame }
            windows.dueIndex += 1
        }
        // Silence of a run that is over would be false before its last window was told.
        guard ends.isEmpty else { return nil }
        if let frame = nextCovered() { return frame }
        windows.isDue = false
        return nil
    }

    private mutating func nextWindows(at index: Int) -> Frame? {
        var taken: [WindowsFrame.Entry] = []
        var gone: Set<ProcessKey> = []
        let most = frames.windowsPerFrame
        for place in windows.batches[index].entries.indices {
            let entry = windows.batches[index].entries[place]
            guard entry.tag == 0, taken.count < most else { continue }
            if let slot = deliveries[entry.key]?.slot {
                windows.batches[index].entries[place].tag = windows.takeTag()
                taken.append(.init(slot: slot, window: entry.window))
            } else if ledger[entry.key] == nil || runsOverLimit.contains(entry.key) {
                gone.insert(entry.key)
            } else {
                windows.isSomePassedOver = true
            }
        }
        if !gone.isEmpty {
            windows.batches[index].entries.removeAll { gone.contains($0.key) }
            windows.changeCount += 1
        }
        guard !taken.isEmpty else { return nil }
        return .windows(
            WindowsFrame(
                length: windows.batches[index].length,
                startsAtMilliseconds: windows.batches[index].startsAtMilliseconds,
                entries: taken.sorted { $0.slot < $1.slot }))
    }

    private mutating func nextCovered() -> Frame? {
        guard let first = windows.coverage.first(where: { $0.tag == 0 }) else { return nil }
        var entries: [CoveredFrame.Entry] = []
        let most = frames.coveredPerFrame
        for index in windows.coverage.indices {
            let coverage = windows.coverage[index]
            guard coverage.tag == 0, coverage.length == first.length, entries.count < most,
                entries.last.map({ $0.startsAtMilliseconds < coverage.startsAtMilliseconds })
                    ?? true
            else { continue }
            windows.coverage[index].tag = windows.takeTag()
            entries.append(
                .init(
                    startsAtMilliseconds: coverage.startsAtMilliseconds,
                    liveCount: coverage.liveCount))
        }
        return .covered(CoveredFrame(length: first.length, entries: entries))
    }

    /// The next frame with windows of the runs of the batch.
    mutating func nextWindowsOfBatch() -> Frame? {
        guard let batch = ends.batch else { return nil }
        var rest = batch.windows ?? gatherWindows(of: batch)
        let next = rest.popLast()
        ends.batch?.windows = rest
        return next.map { .windows($0) }
    }

    private func gatherWindows(of batch: EndDelivery.Batch) -> [WindowsFrame] {
        struct Name: Hashable {
            var length: WindowLength
            var start: Int64
        }
        var entries: [Name: [WindowsFrame.Entry]] = [:]
        for run in batch.runs {
            for own in windows.ended[run.key] ?? [] {
                entries[Name(length: own.length, start: own.startsAtMilliseconds), default: []]
                    .append(.init(slot: run.slot, window: own.window))
            }
        }
        return entries.sorted { ($0.key.start, $0.key.length) > ($1.key.start, $1.key.length) }
            .map { name, entries in
                WindowsFrame(
                    length: name.length, startsAtMilliseconds: name.start,
                    entries: entries.sorted { $0.slot < $1.slot })
            }
    }
}
