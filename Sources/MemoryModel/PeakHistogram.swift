/// How many peaks there were of each size, in steps of 2^(1/8): about 9 % from one to the next.
///
/// Adding is the same in every order, and a quantile read from it is at most one step too great.
public struct PeakHistogram: Hashable, Sendable {
    /// The counts by step, ascending; steps without a peak are left out.
    public private(set) var counts: [UInt16: UInt64] = [:]

    /// Steps in which a size doubles.
    public static let stepsPerDoubling = 8
    /// Steps are below this number: enough for 2^54 KiB.
    public static let stepLimit: UInt16 = 54 * 8

    /// 2^63 times 2^(n/8), rounded up: where the steps of a doubling begin.
    private static let mantissas: [UInt64] = [
        0x8000_0000_0000_0000, 0x8B95_C1E3_EA8B_D6E7, 0x9837_F051_8DB8_A970,
        0xA5FE_D6A9_B151_38EB, 0xB504_F333_F9DE_6485, 0xC567_2A11_5506_DADE,
        0xD744_FCCA_D69D_6AF5, 0xEAC0_C6E7_DD24_392F,
    ]

    /// No peaks.
    public init() {}

    /// How many peaks were counted.
    public var total: UInt64 { counts.values.reduce(0) { $0.saturatingSum($1) } }

    /// The step of a size in bytes, which counts in whole KiB, rounded up; 0 for one KiB or less.
    public static func step(ofBytes bytes: UInt64) -> UInt16 {
        let kibibytes = bytes / 1_024 + (bytes % 1_024 == 0 ? 0 : 1)
        guard kibibytes > 1 else { return 0 }
        let shift = kibibytes.leadingZeroBitCount
        let mantissa = kibibytes << UInt64(shift)
        let part = mantissas.lastIndex { $0 <= mantissa } ?? 0
        return min(UInt16((63 - shift) * stepsPerDoubling + part), stepLimit - 1)
    }

    /// The greatest size that a step holds, in bytes.
    public static func greatestBytes(ofStep step: UInt16) -> UInt64 {
        let next = Int(min(step, stepLimit - 1)) + 1
        let (doublings, part) = next.quotientAndRemainder(dividingBy: stepsPerDoubling)
        // What is at the beginning of the next step or above is not in this one.
        let mantissa = mantissas[part]
        let shift = 63 - doublings
        let begins = (mantissa >> UInt64(shift)) + (mantissa << UInt64(64 - shift) == 0 ? 0 : 1)
        return max(1, begins - 1) * 1_024
    }

    /// Counts a peak.
    public mutating func add(bytes: UInt64) {
        add(count: 1, atStep: PeakHistogram.step(ofBytes: bytes))
    }

    /// Counts `count` peaks of a step; one that is too great counts as the greatest.
    public mutating func add(count: UInt64, atStep step: UInt16) {
        guard count > 0 else { return }
        let step = min(step, PeakHistogram.stepLimit - 1)
        counts[step] = (counts[step] ?? 0).saturatingSum(count)
    }

    /// Counts all of another.
    public mutating func add(_ other: PeakHistogram) {
        for (step, count) in other.counts { add(count: count, atStep: step) }
    }
}
