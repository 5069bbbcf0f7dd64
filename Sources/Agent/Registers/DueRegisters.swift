import MemoryModel

/// Values that are due until a collector has acknowledged the latest version of each.
///
/// A frame carries the state, not a change: what became different while a frame was on its way is
/// due again, and what is sent twice harms nothing. A new session makes everything due that is
/// still held, because its store may be another one.
struct DueRegisters<Key: Hashable, Value> {
    fileprivate struct Entry {
        var value: Value
        var version: UInt64 = 1
        /// The version that the collector of this session has for sure; 0 for none.
        var acknowledgedVersion: UInt64 = 0
        var isWaiting = false
        /// Whether it is to be forgotten when its latest version is acknowledged.
        var isRetired = false
    }

    private var entries: [Key: Entry] = [:]
    private var waiting = KeyQueue<Key>()
    private var isSessionOpen = false

    private typealias Sent = (key: Key, version: UInt64)
    private var taken: [Sent] = []
    private var inFlight: [(sequence: UInt64, sent: [Sent])] = []

    /// Rises with every change of what is held.
    private(set) var changeCount: UInt64 = 0

    /// How many are held.
    var count: Int { entries.count }

    /// What they take in memory without what their keys and values refer to, in bytes.
    var bytes: Int {
        waiting.bytes
            + HeldBytes.table(
                capacity: entries.capacity,
                strideBytes: MemoryLayout<Key>.stride + MemoryLayout<Entry>.stride)
    }

    /// The keys that are held.
    var keys: some Collection<Key> { entries.keys }

    /// The value of `key`; nil if none is held.
    subscript(key: Key) -> Value? { entries[key]?.value }

    /// Whether something waits to be taken.
    var isDue: Bool { !waiting.isEmpty }

    /// Whether the collector of this session has the latest version of everything for sure.
    var isAcknowledged: Bool {
        isSessionOpen && waiting.isEmpty && taken.isEmpty && inFlight.isEmpty
    }

    // MARK: Values in

    /// Holds `value`, which is due now.
    mutating func set(_ value: Value, for key: Key) {
        let known = modify(key) {
            $0 = value
            return true
        }
        guard !known else { return }
        changeCount += 1
        entries[key] = Entry(value: value)
        wait(key)
    }

    /// Changes a value in place; it is due if `change` says that it is another one.
    ///
    /// Returns false if none is held.
    mutating func modify(_ key: Key, _ change: (inout Value) -> Bool) -> Bool {
        guard let index = entries.index(forKey: key) else { return false }
        if change(&entries.values[index].value) {
            entries.values[index].version += 1
            changeCount += 1
            wait(key)
        }
        return true
    }

    /// Keeps a value that was to be let go, if it is still there.
    mutating func keep(_ key: Key) {
        entries[key]?.isRetired = false
    }

    /// Lets a value go as soon as its latest version is acknowledged.
    mutating func retire(_ key: Key) {
        guard let entry = entries[key] else { return }
        if entry.version == entry.acknowledgedVersion {
            entries[key] = nil
        } else {
            entries[key]?.isRetired = true
        }
    }

    /// Lets a value go at once, sent or not.
    mutating func remove(_ key: Key) {
        guard entries.removeValue(forKey: key) != nil else { return }
        changeCount += 1
        entries.giveBackMemory()
    }

    private mutating func wait(_ key: Key) {
        guard isSessionOpen, entries[key]?.isWaiting == false else { return }
        entries[key]?.isWaiting = true
        waiting.append(key)
    }

    // MARK: Values out

    /// Takes values that are due, the first one in any case, and more while `fits` says so.
    mutating func take(while fits: (Key, Value) -> Bool) -> [(key: Key, value: Value)] {
        var values: [(key: Key, value: Value)] = []
        while let key = waiting.first {
            // What was let go may have come again since, and then waits once more.
            if let entry = entries[key], entry.isWaiting {
                guard fits(key, entry.value) || values.isEmpty else { break }
                entries[key]?.isWaiting = false
                taken.append((key, entry.version))
                values.append((key, entry.value))
            }
            waiting.removeFirst()
        }
        return values
    }

    /// Takes note of the number of the frame that carries what was taken.
    mutating func sent(sequence: UInt64) {
        guard !taken.isEmpty else { return }
        inFlight.append((sequence, taken))
        taken = []
    }

    /// Takes note that everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        let count = inFlight.prefix { $0.sequence <= sequence }.count
        guard count > 0 else { return }
        for (key, version) in inFlight.prefix(count).flatMap(\.sent) {
            guard let entry = entries[key] else { continue }
            if entry.isRetired, entry.version == version {
                entries[key] = nil
                changeCount += 1
            } else {
                entries[key]?.acknowledgedVersion = version
            }
        }
        inFlight.removeFirst(count)
        entries.giveBackMemory()
    }

    /// Begins a session: everything is due.
    mutating func sessionOpened() {
        sessionClosed()
        isSessionOpen = true
        for index in entries.indices {
            entries.values[index].acknowledgedVersion = 0
            entries.values[index].isWaiting = true
            waiting.append(entries.keys[index])
        }
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        isSessionOpen = false
        waiting.removeAll()
        taken = []
        inFlight = []
        for index in entries.indices { entries.values[index].isWaiting = false }
    }
}

extension DueRegisters: Sendable where Key: Sendable, Value: Sendable {}

extension DueRegisters.Entry: Sendable where Key: Sendable, Value: Sendable {}
