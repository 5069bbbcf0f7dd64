public import MemoryModel

/// Which lines of runs ran while they grew, of as many runs as there was room for.
public struct GrowthSelection: Hashable, Sendable {
    /// What is known of each run that was looked at; a run of which nothing is known is not in it.
    public var growth: [RunKey: GrowthRecord] = [:]
    /// Whether runs were left out.
    public var isCut = false

    /// Nothing.
    public init() {}
}

extension GrowthRecord {
    /// What of it grows with its lines, in bytes.
    public var textBytes: Int {
        (Array(lines.keys) + (peakStack?.lines ?? [])).reduce(0) {
            $0 + 96 + $1.file.bytes.count + $1.function.bytes.count
        }
    }
}
