import MemoryModel

/// An hour of minutes as one block: `Protocol/store-v1.md`, "Packed minutes".
///
/// An exact pair stays exact. Of any other the upper bound stays, and the lower one is rounded down
/// to a step of at most a 32nd of it: it stays a lower bound, and few bits tell of most changes.
enum PackedMinutes {
    /// The number of the format of what can be read alone.
    static let format: UInt8 = 3
    /// That of what goes on from the hour before.
    static let formatGoingOn: UInt8 = 4

    /// Bits of a lower bound that are kept below its highest.
    private static let keptBits = 5
    /// Steps are below this.
    static let stepCount: UInt64 = 64 << UInt64(keptBits)

    /// The block of an hour, without which of its minutes were watched; the smaller one if what the
    /// block of the hour before ended with is there when it is read.
    static func block(of hour: WindowHour, after ends: HourEnds? = nil) -> [UInt8] {
        var coder = MinuteCoder(RangeWriter(), maximumRuns: .max)
        _ = coder.code(hour, unit: unit(of: hour), after: ends ?? HourEnds.none)
        let bytes = coder.bits.finished()
        guard let digest = ends?.digest else { return [format] + bytes }
        return [formatGoingOn] + withUnsafeBytes(of: digest.bigEndian) { [UInt8]($0) } + bytes
    }

    /// The digest of what a block goes on from; nil if it can be read alone.
    static func digest(ofEndsBefore block: [UInt8]) throws -> UInt32? {
        guard block.first == formatGoingOn else { return nil }
        guard block.count > 4 else { throw BlockColumn.damaged }
        return block[1...4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The hour of a block; throws `DamagedRow` for what `block(of:after:)` cannot have made.
    ///
    /// What few bytes say of millions of runs was never packed, and would take all memory.
    static func hour(
        of block: [UInt8], after ends: HourEnds? = nil,
        maximumRuns: Int = BlockLimits.usual.runs
    ) throws -> WindowHour {
        switch block.first {
        case FormerMinutes.format:
            return try FormerMinutes.hour(of: block, maximumRuns: maximumRuns)
        case format: return try hour(of: block, from: 1, after: HourEnds.none, maximumRuns)
        case formatGoingOn:
            guard let ends, ends.digest == (try digest(ofEndsBefore: block)) else {
                throw DamagedRow(
                    reason: "a block of windows goes on from an hour that is not there")
            }
            return try hour(of: block, from: 5, after: ends, maximumRuns)
        default: throw DamagedRow(reason: "a block of windows is of an unknown format")
        }
    }

    private static func hour(
        of block: [UInt8], from place: Int, after ends: HourEnds, _ maximumRuns: Int
    ) throws -> WindowHour {
        var coder = MinuteCoder(RangeReader(block, from: place), maximumRuns: maximumRuns)
        var hour = WindowHour()
        hour.runs = coder.code(hour, unit: 0, after: ends)
        guard coder.bits.isAtEnd else { throw BlockColumn.damaged }
        return hour
    }

    /// A window as it comes out of a block.
    static func rounded(_ window: Window) -> Window {
        if window.isExact { return window }
        return Window(
            atLeastBytes: amount(step(window.atLeastBytes)), atMostBytes: window.atMostBytes)
    }

    /// The step of an amount: those below 64 have their own, and each doubling above has 32.
    static func step(_ amount: UInt64) -> UInt64 {
        let bits = UInt64.bitWidth - amount.leadingZeroBitCount
        guard bits > keptBits + 1 else { return amount }
        let shift = UInt64(bits - keptBits - 1)
        return shift << UInt64(keptBits) + amount >> shift
    }

    /// The least amount of a step.
    static func amount(_ step: UInt64) -> UInt64 {
        guard step >= 2 << UInt64(keptBits) else { return step }
        let shift = step >> UInt64(keptBits) - 1
        return (step & 31 | 32) << shift
    }

    /// As many low bits as are 0 in every amount: those of a page, mostly.
    static func unit(of hour: WindowHour) -> UInt64 {
        var all: UInt64 = 1 << 16
        for run in hour.runs.values {
            for window in [run.carried, run.hour].compactMap({ $0 }) + run.own.map(\.window) {
                all |= window.atLeastBytes | (window.atMostBytes ?? 0)
            }
        }
        return UInt64(all.trailingZeroBitCount)
    }
}
