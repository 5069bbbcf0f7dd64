/// A figure over time in a bounded number of steps: where there are too many, two become one that
/// has the greater figure.
public struct MemoryCurve: Hashable, Sendable {
    /// The greatest figure of each step, the first step beginning at 0; nil where none was told.
    public private(set) var steps: [UInt64?] = []
    /// How long a step is.
    public private(set) var stepMilliseconds: Int64

    private let maximumSteps: Int

    /// A curve without figures; a step is at first so long.
    public init(stepMilliseconds: Int64 = 10, maximumSteps: Int = 4_096) {
        self.stepMilliseconds = max(1, stepMilliseconds)
        self.maximumSteps = max(2, maximumSteps)
    }

    /// Adds a figure; times before 0 count as 0.
    public mutating func add(_ bytes: UInt64, atMilliseconds time: Int64) {
        var index = Int(max(0, time) / stepMilliseconds)
        while index >= maximumSteps {
            halve()
            index = Int(max(0, time) / stepMilliseconds)
        }
        while steps.count <= index { steps.append(nil) }
        steps[index] = max(steps[index] ?? 0, bytes)
    }

    private mutating func halve() {
        stepMilliseconds *= 2
        steps = stride(from: 0, to: steps.count, by: 2).map { index in
            let pair = steps[index..<min(index + 2, steps.count)].compactMap { $0 }
            return pair.max()
        }
    }
}
