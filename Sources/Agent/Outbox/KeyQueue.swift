/// Keys in the order in which they came, cheap to take from the front however long it is.
struct KeyQueue<Key> {
    private var keys: [Key] = []
    private var head = 0

    /// Whether there is none.
    var isEmpty: Bool { head == keys.count }

    /// The one that came first.
    var first: Key? { isEmpty ? nil : keys[head] }

    /// What it takes in memory, in bytes.
    var bytes: Int { keys.capacity * MemoryLayout<Key>.stride }

    /// Adds one at the end.
    mutating func append(_ key: Key) {
        keys.append(key)
    }

    /// Takes the first one out.
    mutating func removeFirst() {
        head += 1
        if head == keys.count {
            removeAll()
        } else if head > 1_024, head > keys.count / 2 {
            // Into storage of its own: the array would keep that of its longest time.
            keys = Array(keys[head...])
            head = 0
        }
    }

    /// Takes all out.
    mutating func removeAll() {
        head = 0
        if keys.capacity > 1_024 {
            keys = []
        } else {
            keys.removeAll(keepingCapacity: true)
        }
    }
}

extension KeyQueue: Sendable where Key: Sendable {}
