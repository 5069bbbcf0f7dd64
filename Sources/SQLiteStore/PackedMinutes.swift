import MemoryModel

/// An hour of minutes as one block: `Protocol/store-v1.md`, "Packed minutes".
///
/// An exact pair stays exact. Of any other the upper bound stays, and the lower one is rounded down
/// to a step of at most a 32nd of it: it stays a lower bound, and few bits tell of most changes.
enum PackedMinutes {
    /// The number of the format.
    static let format: UInt8 = 3

    /// Bits of a lower bound that are kept below its highest.
    private static let keptBits = 5
    /// Steps are below this.
    static let stepCount: UInt64 = 64 << UInt64(keptBits)

    /// The block of an hour, without which of its minutes were watched.
    static func block(of hour: WindowHour) -> [UInt8] {
        var coder = MinuteCoder(RangeWriter())
        _ = coder.code(hour, unit: unit(of: hour))
        return [format] + coder.bits.finished()
    }

    /// The hour of a block; throws `DamagedRow` for what `block(of:)` cannot have made.
    static func hour(of block: [UInt8]) throws -> WindowHour {
        switch block.first {
        case FormerMinutes.format: return try FormerMinutes.hour(of: block)
        case format:
            var coder = MinuteCoder(RangeReader(block, from: 1))
            var hour = WindowHour()
            hour.runs = coder.code(hour, unit: 0)
            guard coder.bits.isAtEnd else { throw BlockColumn.damaged }
            return hour
        default: throw DamagedRow(reason: "a block of windows is of an unknown format")
        }
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
