import MemoryModel

// `ordinals` is to 64 bits what `slots` is to slots.
extension PayloadReader {
    /// Takes one element of `ordinals`, which is above `last`.
    mutating func ordinal(after last: UInt64?) throws(WireError) -> UInt64 {
        let start = position
        let step = try uint("ordinal")
        guard let last else { return step }
        guard step < .max - last else {
            throw failure("ordinal", at: start, "\(last) and \(step) more is above 64 bits")
        }
        return last + 1 + step
    }
}

extension PayloadWriter {
    /// Writes one element of `ordinals`.
    mutating func ordinal(
        _ ordinal: UInt64, after last: UInt64?
    ) throws(WireError) {
        guard let last else { return uint(ordinal) }
        guard ordinal > last else {
            throw PayloadWriter.failure("ordinal", "\(ordinal) is not above \(last)")
        }
        uint(ordinal - last - 1)
    }
}
