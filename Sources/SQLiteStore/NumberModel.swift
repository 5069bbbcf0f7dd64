/// What numbers of one kind are like: how long they are, and the two bits after their highest.
struct NumberModel {
    fileprivate var lengths = [BitModel](repeating: BitModel(), count: 128)
    fileprivate var leading = [BitModel](repeating: BitModel(), count: 65 * 4)
}

/// What small numbers of one kind are like; greater ones are as likely as each other.
struct SmallNumberModel {
    fileprivate static let greatest = 12
    fileprivate var isMore = [BitModel](repeating: BitModel(), count: SmallNumberModel.greatest)
}

extension BitCoder {
    /// Writes a number, or disregards `known` and reads one.
    mutating func code(_ known: UInt64, _ model: inout NumberModel) -> UInt64 {
        let length = UInt64.bitWidth - known.leadingZeroBitCount
        var node = 1
        for shift in (0..<7).reversed() {
            let bit = code(length >> shift & 1 != 0, &model.lengths[node])
            node = node << 1 | (bit ? 1 : 0)
        }
        node -= 128
        guard node > 1 else { return UInt64(node) }
        guard node <= UInt64.bitWidth else {
            fail()
            return 0
        }
        var number: UInt64 = 1
        for place in (0..<UInt64(node - 1)).reversed() {
            let bit = known >> place & 1 != 0
            let found =
                number < 4
                ? code(bit, &model.leading[node << 2 | Int(number)]) : code(even: bit)
            number = number << 1 | (found ? 1 : 0)
        }
        return number
    }

    /// Writes a number that is small mostly, or disregards `known` and reads one.
    mutating func code(
        _ known: UInt64, _ model: inout SmallNumberModel, _ greater: inout NumberModel
    ) -> UInt64 {
        let limit = UInt64(SmallNumberModel.greatest)
        var number: UInt64 = 0
        while number < limit, code(known > number, &model.isMore[Int(number)]) { number += 1 }
        guard number == limit else { return number }
        let (sum, isOver) = limit.addingReportingOverflow(code(known &- limit, &greater))
        if isOver { fail() }
        return sum
    }

    /// Writes a number of so many bits, or disregards `known` and reads one.
    mutating func code(even known: UInt64, bits: UInt64) -> UInt64 {
        (0..<bits).reversed().reduce(0) { number, place in
            number << 1 | (code(even: known >> place & 1 != 0) ? 1 : 0)
        }
    }
}
