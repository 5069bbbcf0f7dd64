import MemoryModel

/// The gaps that are not yet acknowledged.
///
/// A gap that was ever put into a frame never changes again; until then, what is missed next for
/// the same reason widens it.
struct GapRegisters {
    /// The gaps by their ordinal.
    private(set) var registers = DueRegisters<UInt64, Gap>()

    private var nextOrdinal: UInt64 = 0
    /// The latest gap of each reason that was never sent.
    private var open: [GapReason: UInt64] = [:]

    /// The most gaps that are held; beyond it, those of one reason become one however far apart.
    static let maximumGaps = 256
    /// How far apart two losses may be to be told as one gap.
    static let neighbourMilliseconds: Int64 = 60_000

    /// Takes in a loss.
    mutating func add(_ loss: EventLoss) {
        let bracket = TimeBracket(
            notBeforeMilliseconds: max(0, loss.bracket.notBeforeMilliseconds),
            notAfterMilliseconds: max(0, loss.bracket.notAfterMilliseconds))
        if let ordinal = open[loss.reason], var gap = registers[ordinal], let known = gap.bracket,
            isNeighbour(known, bracket) || registers.count >= GapRegisters.maximumGaps
        {
            gap.bracket = TimeBracket(
                notBeforeMilliseconds: min(
                    known.notBeforeMilliseconds, bracket.notBeforeMilliseconds),
                notAfterMilliseconds: max(
                    known.notAfterMilliseconds, bracket.notAfterMilliseconds))
            gap.missedCount = gap.missedCount.flatMap { mine in
                loss.count.map { mine.addingReportingOverflow($0).partialValue }
            }
            registers.set(gap, for: ordinal)
            return
        }
        // One of each reason has room beyond the bound. That is used up only if nothing was
        // acknowledged for as many reconnections; the counters then tell what the gaps do not.
        let bound = GapRegisters.maximumGaps + GapReason.allCases.count
        guard registers.count < bound else { return }
        let gap = Gap(
            ordinal: nextOrdinal, reason: loss.reason, bracket: bracket, missedCount: loss.count)
        registers.set(gap, for: nextOrdinal)
        registers.retire(nextOrdinal)
        open[loss.reason] = nextOrdinal
        nextOrdinal += 1
    }

    private func isNeighbour(_ left: TimeBracket, _ right: TimeBracket) -> Bool {
        let pause = max(
            left.notBeforeMilliseconds - right.notAfterMilliseconds,
            right.notBeforeMilliseconds - left.notAfterMilliseconds)
        return pause <= GapRegisters.neighbourMilliseconds
    }

    /// Takes gaps that are due, ordered by their ordinal.
    mutating func take(while fits: (UInt64, Gap) -> Bool) -> [Gap] {
        let gaps = registers.take(while: fits).map(\.value).sorted { $0.ordinal < $1.ordinal }
        for gap in gaps where open[gap.reason] == gap.ordinal { open[gap.reason] = nil }
        return gaps
    }

    mutating func sent(sequence: UInt64) { registers.sent(sequence: sequence) }

    mutating func acknowledged(throughSequence sequence: UInt64) {
        registers.acknowledged(throughSequence: sequence)
    }

    mutating func sessionOpened() { registers.sessionOpened() }

    mutating func sessionClosed() { registers.sessionClosed() }
}
