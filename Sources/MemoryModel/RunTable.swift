/// Runs by their key, their records side by side.
///
/// A record takes hundreds of bytes, so a dictionary of records, of which up to five eighths are
/// empty, would take twice what they need. Here only small entries are hashed, and a record is
/// changed in its place without a copy of its names.
public struct RunTable: Sendable {
    /// The records, in no order; no one changes their keys.
    public internal(set) var values: [RunRecord] = []
    private var places: [ProcessKey: Int32] = [:]

    /// A table of no runs.
    init() {}

    /// The record of a run; nil if it is not there.
    public subscript(key: ProcessKey) -> RunRecord? {
        index(forKey: key).map { values[$0] }
    }

    /// The keys, in the order of `values`.
    public var keys: some RandomAccessCollection<ProcessKey> { values.lazy.map(\.key) }

    /// How many runs there are.
    public var count: Int { values.count }

    /// Whether there is none.
    public var isEmpty: Bool { values.isEmpty }

    /// How many runs can be hashed before that takes more memory.
    public var capacity: Int { places.capacity }

    /// How many records there is room for.
    public var recordCapacity: Int { values.capacity }

    /// Where in `values` a run is, until one is removed; nil if it is not there.
    func index(forKey key: ProcessKey) -> Int? { places[key].map(Int.init) }

    /// Every index of `values`.
    var indices: Range<Int> { values.indices }

    /// Takes in a run that is not there.
    mutating func insert(_ record: RunRecord) {
        if values.count == values.capacity {
            // An array that grows by itself doubles, and half of many small ones stays empty.
            values.reserveCapacity(values.count + max(8, values.count / 4))
        }
        places[record.key] = Int32(values.count)
        values.append(record)
    }

    /// Removes a run, if it is there; the last one takes its place.
    mutating func remove(_ key: ProcessKey) {
        guard let place = places.removeValue(forKey: key).map(Int.init) else { return }
        let last = values.removeLast()
        if last.key != key {
            values[place] = last
            places[last.key] = Int32(place)
        }
    }

    /// Moves to smaller storage where what is left needs far less than there is.
    mutating func giveBackMemory() {
        guard max(capacity, recordCapacity) > 1_024, count < capacity / 4 else { return }
        giveBackRoom(reserving: count * 2)
    }

    /// Gives back all room that is not needed.
    mutating func giveBackRoom() {
        giveBackRoom(reserving: count)
    }

    private mutating func giveBackRoom(reserving capacity: Int) {
        var smaller: [RunRecord] = []
        smaller.reserveCapacity(capacity)
        smaller += values
        values = smaller
        var fewer: [ProcessKey: Int32] = [:]
        fewer.reserveCapacity(capacity)
        for (place, record) in values.enumerated() { fewer[record.key] = Int32(place) }
        places = fewer
    }
}

extension RunTable: Hashable {
    /// Whether both have the same runs, in whatever order they came.
    public static func == (left: RunTable, right: RunTable) -> Bool {
        left.count == right.count && left.values.allSatisfy { right[$0.key] == $0 }
    }

    /// Feeds what does not depend on the order of the runs.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(values.reduce(0) { $0 ^ $1.hashValue })
    }
}
