import MemoryModel

// What becomes of windows when more is held than there is room for: the oldest minutes become
// hours, and only then the oldest of all go.
extension RunOutbox {
    /// Merges minutes into their hours, the oldest first, until windows take no more than so many
    /// bytes or only the hour of the moment is left.
    mutating func mergeWindows(toBytes target: Int) {
        guard let open = minutes.startsAtMilliseconds else { return }
        let present = minutes.hourStart(of: open)
        while windows.bytes > target {
            let minute = WindowLength.minute
            let oldest = [
                windows.batches.first { $0.length == minute }?.startsAtMilliseconds,
                windows.ended.values.lazy.flatMap { $0 }.filter { $0.length == minute }
                    .map(\.startsAtMilliseconds).min(),
            ].compactMap { $0 }.min()
            guard let oldest else { return }
            let hour = minutes.hourStart(of: oldest)
            guard hour < present else { return }
            mergeWindows(ofHour: hour)
        }
    }

    private mutating func mergeWindows(ofHour start: Int64) {
        let end = start + WindowLength.hour.milliseconds
        func isInside(_ length: WindowLength, _ time: Int64) -> Bool {
            length == .minute && time >= start && time < end
        }
        var hour: [ProcessKey: Window] = [:]
        var last: [ProcessKey: Window] = [:]
        for batch in windows.batches where isInside(batch.length, batch.startsAtMilliseconds) {
            for entry in batch.entries {
                hour[entry.key] = hour[entry.key]?.merged(with: entry.window) ?? entry.window
                last[entry.key] = entry.window
            }
            mergedWindowCount += UInt64(batch.entries.count)
        }
        windows.batches.removeAll { isInside($0.length, $0.startsAtMilliseconds) }
        mergeCoverage(ofHour: start, isInside)
        windows.merge(hour, length: .hour, startsAtMilliseconds: start)
        keepReference(last, afterHourAt: end)
        windows.changeEnded { own in
            let inside = own.filter { isInside($0.length, $0.startsAtMilliseconds) }
            guard let first = inside.first?.window else { return }
            own.removeAll { isInside($0.length, $0.startsAtMilliseconds) }
            let window = inside.dropFirst().reduce(first) { $0.merged(with: $1.window) }
            own.append(.init(length: .hour, startsAtMilliseconds: start, window: window))
        }
        windows.dueIndex = 0
        windows.isDue = isSessionOpen
        windows.changeCount += 1
    }

    /// An hour was watched if each of its minutes was.
    private mutating func mergeCoverage(
        ofHour start: Int64, _ isInside: (WindowLength, Int64) -> Bool
    ) {
        let inside = windows.coverage.filter { isInside($0.length, $0.startsAtMilliseconds) }
        guard !inside.isEmpty else { return }
        windows.coverage.removeAll { isInside($0.length, $0.startsAtMilliseconds) }
        guard inside.count == 60, let last = inside.last else { return }
        let index =
            windows.coverage.firstIndex { $0.startsAtMilliseconds > start }
            ?? windows.coverage.count
        windows.coverage.insert(
            .init(length: .hour, startsAtMilliseconds: start, liveCount: last.liveCount), at: index)
    }

    /// Says once more where runs stood at the end of an hour whose minutes are gone, so that
    /// silence in the minute after it has something to refer to.
    private mutating func keepReference(_ last: [ProcessKey: Window], afterHourAt end: Int64) {
        let next = minutes.start(of: end + WindowLength.minute.milliseconds / 2)
        if next == minutes.startsAtMilliseconds { return minutes.tellWhole() }
        let isWatched = windows.coverage.contains {
            $0.length == .minute && abs($0.startsAtMilliseconds - next) < 1_000
        }
        guard isWatched else { return }
        let index = windows.batches.firstIndex {
            $0.length == .minute && abs($0.startsAtMilliseconds - next) < 1_000
        }
        let start = index.map { windows.batches[$0].startsAtMilliseconds } ?? next
        for (key, window) in last where ledger[key] != nil {
            if let index, windows.batches[index].place(of: key).isThere { continue }
            windows.raise(key, window, startsAtMilliseconds: start)
        }
    }

    /// Drops windows, the oldest first, until they take no more than so many bytes; what was
    /// watched goes with them, because silence would mean what it does not.
    mutating func dropWindows(toBytes target: Int) {
        while windows.bytes > target, let oldest = windows.batches.first {
            droppedWindowCount += UInt64(oldest.entries.count)
            windows.batches.removeFirst()
            windows.coverage.removeAll { $0.startsAtMilliseconds < oldest.endsAtMilliseconds }
            if windows.batches.isEmpty { minutes.tellWhole() }
            windows.changeCount += 1
        }
        windows.dueIndex = 0
        guard windows.bytes > target else { return }
        windows.changeEnded { own in
            droppedWindowCount += UInt64(own.count)
            own = []
        }
    }
}
