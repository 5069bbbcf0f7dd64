import MemoryModel

// How the model's numbers stand in SQLite, whose only integer is a signed one of 64 bits.

extension UInt64 {
    /// An amount that is compared in SQL.
    ///
    /// Nothing true comes near 2^63; what is larger is kept as 2^63 - 1, so that it stays the
    /// largest.
    var storedAmount: Int64 { Int64(clamping: self) }

    /// A name that is only ever compared for being the same: the same 64 bits, read as signed.
    var storedBits: Int64 { Int64(bitPattern: self) }
}

extension UniqueID {
    /// The 16 bytes, first byte first.
    var bytes: [UInt8] {
        [high, low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
        }
    }

    /// Takes 16 bytes; nil for any other number of them.
    init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension Int64 {
    /// Both together, or the farthest number on that side where that is farther: a damaged row may
    /// be of any time.
    func saturatingSum(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other < 0 ? .min : .max) : sum
    }

    /// This less `other`, likewise.
    func saturatingDifference(_ other: Int64) -> Int64 {
        let (difference, isOver) = subtractingReportingOverflow(other)
        return isOver ? (other < 0 ? .max : .min) : difference
    }
}

extension WindowLength {
    /// Where the window begins that has this moment in it, or would if there were times before all
    /// that a number tells.
    func startOfAny(_ milliseconds: Int64) -> Int64 {
        start(of: Swift.max(milliseconds, .min + self.milliseconds))
    }
}
