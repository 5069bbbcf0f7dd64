/// Keys in the order in which they came, cheap to take from the front however long it is.
struct KeyQueue<Key> {
    private var keys: [Key] = []
    private var head = 0

    /// Whether there is none.
    var isEmpty: Bool { head == keys.count }

    /// How many there are.
    var count: Int { keys.count - head }

    /// The one that came first.
    var first: Key? { isEmpty ? nil : keys[head] }

    /// The first ones, at most `count`.
    func prefix(_ count: Int) -> ArraySlice<Key> { keys[head...].prefix(count) }

    /// Adds one at the end.
    mutating func append(_ key: Key) {
        keys.append(key)
    }

    /// Takes the first ones out.
    mutating func removeFirst(_ count: Int = 1) {
        head += count
        if head == keys.count {
            removeAll()
        } else if head > 1_024, head > keys.count / 2 {
            keys.removeFirst(head)
            head = 0
        }
    }

    /// Puts some back in front of all others.
    mutating func prepend(_ others: [Key]) {
        guard !others.isEmpty else { return }
        keys.replaceSubrange(0..<head, with: others)
        head = 0
    }

    /// Takes all out.
    mutating func removeAll() {
        head = 0
        if keys.count > 1_024 {
            keys = []
        } else {
            keys.removeAll(keepingCapacity: true)
        }
    }
}
