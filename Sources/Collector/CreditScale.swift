/// How many frames a session may send before the disk has those before them.
///
/// While the store keeps up that is as many as the settings say. Where it lags, or what waits for
/// it takes much of the collector's memory, it is half as many with each further step, and in the
/// end none: agents keep what they have, which costs nobody anything, and tell it later.
struct CreditScale: Sendable {
    /// What a session gets while all is well.
    let most: UInt64
    /// What the collector may take for what agents tell, in bytes.
    let memoryLimitBytes: Int

    /// A commit may take so long before credit shrinks, and each step longer halves it once more.
    static let patienceMilliseconds: Int64 = 3_000
    static let stepMilliseconds: Int64 = 1_000
    /// After so long there is none.
    static let exhaustedMilliseconds: Int64 = 10_000

    /// So much may wait for the disk before credit shrinks: an eighth of the memory.
    var patienceBytes: Int { memoryLimitBytes / 8 }
    /// With so much there is none: three eighths.
    var exhaustedBytes: Int { memoryLimitBytes / 8 * 3 }

    /// The credit of each session.
    ///
    /// - Parameters:
    ///   - uncommittedBytes: What waits for the disk.
    ///   - lagMilliseconds: For how long the present commit has been under way.
    ///   - isStalled: Whether the last one failed for something that can pass.
    /// - Returns: A number of data frames.
    func credit(uncommittedBytes: Int, lagMilliseconds: Int64, isStalled: Bool) -> UInt64 {
        guard !isStalled, lagMilliseconds < CreditScale.exhaustedMilliseconds,
            uncommittedBytes < exhaustedBytes || uncommittedBytes == 0
        else { return 0 }
        let late = lagMilliseconds - CreditScale.patienceMilliseconds
        let lagSteps = late < 0 ? 0 : 1 + late / CreditScale.stepMilliseconds
        let excess = uncommittedBytes - patienceBytes
        let sizeSteps = excess < 0 ? 0 : 1 + excess * 8 / max(1, exhaustedBytes - patienceBytes)
        return max(1, most >> UInt64(max(lagSteps, Int64(sizeSteps))))
    }
}
