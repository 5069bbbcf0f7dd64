import Glibc

/// A repeatable source of random numbers that says how to repeat it.
///
/// `HIGHWATER_SEED` sets the seed; otherwise each run of the tests draws another one. Its
/// description names the seed, so put it into the comment of every expectation that used it.
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible, Sendable {
    /// What to set `HIGHWATER_SEED` to for the same numbers.
    public let seed: UInt64
    private var state: UInt64

    /// Takes the seed of the environment, or draws one.
    public init() {
        let given = getenv("HIGHWATER_SEED").flatMap { UInt64(String(cString: $0)) }
        self.init(seed: given ?? UInt64.random(in: 0..<1_000_000_000))
    }

    /// Takes this seed.
    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// The next number (SplitMix64).
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// How to repeat this run.
    public var description: String { "repeat with HIGHWATER_SEED=\(seed)" }
}
