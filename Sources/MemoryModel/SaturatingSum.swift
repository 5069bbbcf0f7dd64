extension UInt64 {
    /// The sum, or the greatest number if it does not fit.
    package func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
