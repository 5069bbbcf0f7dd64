import MemoryModel

/// Names that came lately, so that the runs of many hosts which have one name share it in memory.
///
/// Each name has one place, by a hash with the seed of this process: nobody can choose names that
/// drive out those of others. Two that share a place cost memory, and nothing else.
struct RecentNames {
    private var places: [RawText]

    private static let placeCount = 8_192
    /// Longer ones are hardly the same twice, and all together these take at most 1 MiB.
    private static let maximumNameBytes = 128

    /// Remembers names, or nothing.
    init(isRemembering: Bool) {
        places =
            isRemembering ? Array(repeating: RawText([]), count: RecentNames.placeCount) : []
    }

    /// The name that `bytes` are.
    mutating func name(_ bytes: UnsafeRawBufferPointer) -> RawText {
        guard !places.isEmpty, !bytes.isEmpty, bytes.count <= RecentNames.maximumNameBytes else {
            return RawText(Array(bytes))
        }
        var hasher = Hasher()
        hasher.combine(bytes: bytes)
        let place = hasher.finalize() & (RecentNames.placeCount - 1)
        if places[place].bytes.elementsEqual(bytes) { return places[place] }
        let name = RawText(Array(bytes))
        places[place] = name
        return name
    }
}
