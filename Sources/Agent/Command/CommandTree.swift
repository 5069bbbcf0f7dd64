import MemoryModel

/// What the processes of a tree hold together at each look.
struct CommandTree {
    /// The greatest sum.
    private(set) var sum: CommandSum?
    /// The sum over time.
    private(set) var curve = MemoryCurve()

    private var resident: [ProcessKey: UInt64] = [:]
    private var bytes: UInt64 = 0

    /// Takes what a run holds now.
    mutating func set(_ key: ProcessKey, to held: UInt64) {
        bytes = bytes &- (resident.updateValue(held, forKey: key) ?? 0) &+ held
    }

    /// Takes out a run that has ended.
    mutating func end(_ key: ProcessKey) {
        bytes = bytes &- (resident.removeValue(forKey: key) ?? 0)
    }

    /// Notes the sum of a look, in milliseconds since the start.
    mutating func note(atMilliseconds time: Int64) {
        curve.add(bytes, atMilliseconds: time)
        guard bytes > sum?.bytes ?? 0 else { return }
        sum = CommandSum(bytes: bytes, processCount: resident.count, atMilliseconds: time)
    }
}
