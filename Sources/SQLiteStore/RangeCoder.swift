/// How likely a bit is 0, as those before it of its kind were: what one kind of bit costs.
struct BitModel {
    /// In 65,536ths.
    private var zeroChance: UInt32 = 1 << 15
    private var useCount: UInt32 = 0

    /// It goes on learning as if it had been used this often.
    private static let maximumUseCount: UInt32 = 60
    /// Neither bit is thought to be rarer than this, in 4,096ths: so a byte has 730 bits at most.
    private static let leastChance: UInt32 = 32

    /// The part of `range` that stands for 0.
    @inline(__always)
    fileprivate func share(of range: UInt32) -> UInt32 {
        let least = BitModel.leastChance
        return (range >> 12) &* min(max(zeroChance >> 4, least), 4_096 &- least)
    }

    /// Moves towards the bit, far at first and less with each.
    @inline(__always)
    fileprivate mutating func learn(_ bit: Bool) {
        let rate = (1 << 17) / (2 &* useCount &+ 3)
        if bit {
            zeroChance &-= (zeroChance &* rate) >> 16
        } else {
            zeroChance &+= (((1 << 16) &- zeroChance) &* rate) >> 16
        }
        if useCount < BitModel.maximumUseCount { useCount &+= 1 }
    }
}

/// Writes bits or reads them, so that one piece of code says for both what follows what.
protocol BitCoder {
    /// Writes `bit`, or disregards it and reads one; in as little room as it is likely.
    mutating func code(_ bit: Bool, _ model: inout BitModel) -> Bool
    /// Writes `bit`, or disregards it and reads one; either is as likely.
    mutating func code(even bit: Bool) -> Bool
    /// Whether what is read cannot have been written.
    var isDamaged: Bool { get }
    /// Takes note that what was read cannot have been written.
    mutating func fail()
}

/// Writes bits as a number between 0 and 1: each narrows the range in which the number is.
struct RangeWriter: BitCoder {
    private var bytes: [UInt8] = []
    private var low: UInt32 = 0
    private var range: UInt32 = .max

    let isDamaged = false
    mutating func fail() {}

    @inline(__always)
    mutating func code(_ bit: Bool, _ model: inout BitModel) -> Bool {
        narrow(to: bit, at: model.share(of: range))
        model.learn(bit)
        return bit
    }

    mutating func code(even bit: Bool) -> Bool {
        narrow(to: bit, at: range >> 1)
        return bit
    }

    /// The bytes of all bits.
    func finished() -> [UInt8] {
        bytes + (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
    }

    @inline(__always)
    private mutating func narrow(to bit: Bool, at share: UInt32) {
        if bit {
            let (sum, isOver) = low.addingReportingOverflow(share)
            low = sum
            if isOver { carry() }
            range &-= share
        } else {
            range = share
        }
        while range < 1 << 24 {
            bytes.append(UInt8(low >> 24))
            low <<= 8
            range <<= 8
        }
    }

    /// Adds one to the bytes so far; the number is below 1, so that one of them is not full.
    private mutating func carry() {
        var place = bytes.count - 1
        while bytes[place] == .max {
            bytes[place] = 0
            place -= 1
        }
        bytes[place] += 1
    }
}

/// Reads what `RangeWriter` wrote.
///
/// Bytes that it cannot have written give bits, too; then `isDamaged` or `isAtEnd` tells of it.
struct RangeReader: BitCoder {
    private let bytes: [UInt8]
    private var place: Int
    private var number: UInt32 = 0
    private var range: UInt32 = .max
    private(set) var isDamaged = false

    /// Reads from the byte at `place` on.
    init(_ bytes: [UInt8], from place: Int) {
        self.bytes = bytes
        self.place = place
        for _ in 0..<4 { takeByte() }
    }

    /// Whether every byte was used, and they end as the last bit says.
    var isAtEnd: Bool { place == bytes.count && number == 0 && !isDamaged }

    mutating func fail() { isDamaged = true }

    @inline(__always)
    mutating func code(_ bit: Bool, _ model: inout BitModel) -> Bool {
        let bit = narrow(at: model.share(of: range))
        model.learn(bit)
        return bit
    }

    mutating func code(even bit: Bool) -> Bool { narrow(at: range >> 1) }

    @inline(__always)
    private mutating func narrow(at share: UInt32) -> Bool {
        let bit = number >= share
        if bit {
            number &-= share
            range &-= share
        } else {
            range = share
        }
        while range < 1 << 24 {
            range <<= 8
            takeByte()
        }
        return bit
    }

    private mutating func takeByte() {
        guard place < bytes.count else {
            isDamaged = true
            number <<= 8
            return
        }
        number = number << 8 | UInt32(bytes[place])
        place += 1
    }
}
