import MemoryModel

/// Windows that are over and not yet acknowledged, and what was watched.
///
/// They wait by their minute, each until the frame that carries its latest state is durable. What
/// is waiting has tag 0; a frame gives its windows the tag of its own, and a window that changes
/// meanwhile gets 0 again.
struct WindowLedger {
    /// The window of one run.
    struct Entry {
        var key: ProcessKey
        var atLeastBytes: UInt64
        /// `unknown` where no upper bound is known; twice as small as an optional one.
        var atMostBytes: UInt64
        var tag: UInt32 = 0

        private static let unknown = UInt64.max

        init(_ key: ProcessKey, _ window: Window) {
            self.key = key
            atLeastBytes = window.atLeastBytes
            atMostBytes = window.atMostBytes ?? Entry.unknown
        }

        var window: Window {
            get {
                Window(
                    atLeastBytes: atLeastBytes,
                    atMostBytes: atMostBytes == Entry.unknown ? nil : atMostBytes)
            }
            set { self = Entry(key, newValue) }
        }
    }

    /// All windows of one minute or hour, ordered by their runs.
    struct Batch {
        var length: WindowLength
        var startsAtMilliseconds: Int64
        var entries: [Entry]

        var endsAtMilliseconds: Int64 { startsAtMilliseconds + length.milliseconds }

        /// Where the run is, or would be.
        func place(of key: ProcessKey) -> (index: Int, isThere: Bool) {
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].key < key { low = middle + 1 } else { high = middle }
            }
            return (low, low < entries.count && entries[low].key == key)
        }
    }

    /// A minute or hour that was watched throughout.
    struct Coverage: Hashable {
        var length: WindowLength
        var startsAtMilliseconds: Int64
        var liveCount: UInt64
        /// Whether a store has some of its windows.
        var isPartlyTold = false
        var tag: UInt32 = 0
    }

    /// Windows of one run that is over.
    struct OwnWindow: Hashable {
        var length: WindowLength
        var startsAtMilliseconds: Int64
        var window: Window
    }

    /// In the order of their beginnings.
    var batches: [Batch] = []
    /// In the order of their beginnings.
    var coverage: [Coverage] = []
    /// Windows of runs that are over; they are told before their end is.
    private(set) var ended: [ProcessKey: [OwnWindow]] = [:]
    private var endedCount = 0

    /// Rises with every change of what is held.
    var changeCount: UInt64 = 0

    private var nextTag: UInt32 = 1
    private var taken: UInt32?
    private var inFlight: [(sequence: UInt64, tag: UInt32)] = []
    /// The first batch that may hold something to be told.
    var dueIndex = 0
    /// Whether something may wait to be told.
    var isDue = false
    /// Whether something before `dueIndex` had to wait, because its run had no slot.
    var isSomePassedOver = false

    /// Whether nothing of runs that live is held.
    var isEmpty: Bool { batches.isEmpty && coverage.isEmpty }

    /// What is held, in bytes.
    var bytes: Int {
        var bytes = coverage.capacity * MemoryLayout<Coverage>.stride
        bytes += batches.capacity * MemoryLayout<Batch>.stride
        for batch in batches {
            bytes += HeldBytes.block(32 + batch.entries.capacity * MemoryLayout<Entry>.stride)
        }
        bytes += HeldBytes.table(
            capacity: ended.capacity,
            strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<[OwnWindow]>.stride)
        return bytes + ended.count * HeldBytes.block(32)
            + endedCount * MemoryLayout<OwnWindow>.stride
    }

    // MARK: Windows in

    /// Takes in the windows of a minute that is over.
    mutating func close(
        startsAtMilliseconds start: Int64, _ windows: [(key: ProcessKey, window: Window)],
        coveredWith liveCount: UInt64?
    ) {
        if !windows.isEmpty {
            let index = batchIndex(.minute, start)
            let isNew = batches[index].entries.isEmpty
            if isNew {
                batches[index].entries = windows.map { Entry($0.key, $0.window) }
                    .sorted { $0.key < $1.key }
            } else {
                for (key, window) in windows { raise(key, window, at: index) }
            }
            dueIndex = min(dueIndex, index)
        }
        if let liveCount {
            coverage.append(
                Coverage(length: .minute, startsAtMilliseconds: start, liveCount: liveCount))
        }
        guard !windows.isEmpty || liveCount != nil else { return }
        if isSomePassedOver {
            isSomePassedOver = false
            dueIndex = 0
        }
        isDue = true
        changeCount += 1
    }

    /// Takes in the window of a run that lives, whose bounds turn out to be greater.
    mutating func raise(_ key: ProcessKey, _ window: Window, startsAtMilliseconds start: Int64) {
        let index = batchIndex(.minute, start)
        raise(key, window, at: index)
        dueIndex = min(dueIndex, index)
        isDue = true
        changeCount += 1
    }

    private mutating func raise(_ key: ProcessKey, _ window: Window, at index: Int) {
        let place = batches[index].place(of: key)
        if place.isThere {
            let known = batches[index].entries[place.index].window
            batches[index].entries[place.index].window = known.merged(with: window)
        } else {
            batches[index].entries.insert(Entry(key, window), at: place.index)
        }
    }

    /// Takes in windows of runs that live, beside those that are there.
    mutating func merge(
        _ windows: [ProcessKey: Window], length: WindowLength, startsAtMilliseconds start: Int64
    ) {
        guard !windows.isEmpty else { return }
        let index = batchIndex(length, start)
        if batches[index].entries.isEmpty {
            batches[index].entries = windows.map { Entry($0.key, $0.value) }
                .sorted { $0.key < $1.key }
        } else {
            for (key, window) in windows { raise(key, window, at: index) }
        }
    }

    /// The batch of a window, which is made if there is none.
    mutating func batchIndex(_ length: WindowLength, _ start: Int64) -> Int {
        var index = batches.count
        while index > 0, batches[index - 1].startsAtMilliseconds > start { index -= 1 }
        var place = index
        while place > 0, batches[place - 1].startsAtMilliseconds == start {
            place -= 1
            if batches[place].length == length { return place }
        }
        batches.insert(
            Batch(length: length, startsAtMilliseconds: start, entries: []), at: index)
        if index < dueIndex { dueIndex += 1 }
        return index
    }

    // MARK: Runs that end

    /// Moves the windows of a run that ended to what is told before its end; `start` is when it
    /// began, nil if that is not known.
    mutating func end(_ key: ProcessKey, beganAtMilliseconds start: Int64?) {
        var isChanged = false
        for index in batches.indices.reversed() {
            if let start, batches[index].endsAtMilliseconds <= start { break }
            let place = batches[index].place(of: key)
            guard place.isThere else { continue }
            let window = batches[index].entries.remove(at: place.index).window
            raiseEnded(
                key,
                OwnWindow(
                    length: batches[index].length,
                    startsAtMilliseconds: batches[index].startsAtMilliseconds, window: window))
            isChanged = true
        }
        if isChanged { dropEmptyBatches() }
    }

    /// Takes in a window of a run that is over.
    mutating func raiseEnded(_ key: ProcessKey, _ own: OwnWindow) {
        changeCount += 1
        let known = ended[key]?.firstIndex {
            $0.startsAtMilliseconds == own.startsAtMilliseconds && $0.length == own.length
        }
        if let known, let window = ended[key]?[known].window {
            ended[key]?[known].window = window.merged(with: own.window)
        } else {
            ended[key, default: []].append(own)
            endedCount += 1
        }
    }

    /// Forgets the windows of a run that is over.
    mutating func forgetEnded(_ key: ProcessKey) {
        guard let own = ended.removeValue(forKey: key) else { return }
        noteTold(Set(own.map(\.startsAtMilliseconds)))
        endedCount -= own.count
        ended.giveBackMemory()
    }

    /// Changes the windows of runs that are over; those that are left empty go.
    mutating func changeEnded(_ change: (inout [OwnWindow]) -> Void) {
        for key in Array(ended.keys) {
            guard var own = ended[key] else { continue }
            change(&own)
            ended[key] = own.isEmpty ? nil : own
        }
        endedCount = ended.values.reduce(0) { $0 + $1.count }
        ended.giveBackMemory()
    }

    // MARK: Sessions

    /// Begins a session: everything that is held is due.
    mutating func sessionOpened() {
        sessionClosed()
        isDue = !isEmpty
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        isDue = false
        isSomePassedOver = false
        dueIndex = 0
        taken = nil
        inFlight = []
        for batch in batches.indices {
            for index in batches[batch].entries.indices { batches[batch].entries[index].tag = 0 }
        }
        for index in coverage.indices { coverage[index].tag = 0 }
    }

    /// The tag of the frame that is being made.
    mutating func takeTag() -> UInt32 {
        if let taken { return taken }
        let tag = nextTag
        nextTag = nextTag == .max ? 1 : nextTag + 1
        taken = tag
        return tag
    }

    /// Takes note of the number of the frame that was made last.
    mutating func sent(sequence: UInt64) {
        guard let tag = taken else { return }
        inFlight.append((sequence, tag))
        taken = nil
    }

    /// Takes note that everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        let count = inFlight.prefix { $0.sequence <= sequence }.count
        guard count > 0 else { return }
        let tags = Set(inFlight.prefix(count).map(\.tag))
        inFlight.removeFirst(count)
        var told: Set<Int64> = []
        for index in batches.indices {
            let count = batches[index].entries.count
            batches[index].entries.removeAll { tags.contains($0.tag) }
            if batches[index].entries.count < count {
                told.insert(batches[index].startsAtMilliseconds)
            }
        }
        noteTold(told)
        dropEmptyBatches()
        coverage.removeAll { tags.contains($0.tag) }
        changeCount += 1
    }

    private mutating func noteTold(_ starts: Set<Int64>) {
        for index in coverage.indices where starts.contains(coverage[index].startsAtMilliseconds) {
            coverage[index].isPartlyTold = true
        }
    }

    /// Takes note that another store is told from now on: it must not take for silence what the
    /// store before has.
    mutating func storeChanged() { coverage.removeAll(where: \.isPartlyTold) }

    /// Lets batches go that have nothing in them any more.
    mutating func dropEmptyBatches() {
        guard batches.contains(where: \.entries.isEmpty) else { return }
        var due = dueIndex
        for index in batches.indices.reversed() where batches[index].entries.isEmpty {
            batches.remove(at: index)
            if index < dueIndex { due -= 1 }
        }
        dueIndex = due
    }
}
