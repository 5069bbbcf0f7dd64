/// Random numbers that a seed repeats (SplitMix64).
struct FleetGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The numbers of one host among those of the same seed.
    init(seed: UInt64, host: Int) {
        state = seed ^ (UInt64(host) &+ 1) &* 0xD1B5_4A32_D192_ED03
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Whether something of this probability happens.
    mutating func happens(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }
}
