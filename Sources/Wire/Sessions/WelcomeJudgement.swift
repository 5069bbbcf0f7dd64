/// Whether an agent believes what a collector says of itself.
enum WelcomeJudgement {
    private static let wireBytes =
        UInt64(WireLimits.maximumBytesBeforeWelcome)...UInt64(WireLimits.maximumWireBytes)
    private static let runs = 1...UInt64(WireLimits.maximumSlots)
    private static let pingIntervals: ClosedRange<UInt64> = 1_000...60_000

    /// Throws badPayload where a field of WELCOME is out of bounds or was not on offer.
    static func check(
        _ welcome: WelcomeFrame, against hello: HelloFrame
    ) throws(WireError) {
        guard (hello.lowestMajor...hello.highestMajor).contains(welcome.major) else {
            throw bad("major", UInt64(welcome.major))
        }
        let offered = hello.requiredFeatures | hello.offeredFeatures
        guard welcome.features & ~offered == 0,
            hello.requiredFeatures & ~welcome.features == 0
        else { throw bad("features", welcome.features) }
        guard wireBytes.contains(welcome.maximumWireBytes) else {
            throw bad("maximumWireBytes", welcome.maximumWireBytes)
        }
        guard runs.contains(welcome.maximumRuns) else {
            throw bad("maximumRuns", welcome.maximumRuns)
        }
        guard pingIntervals.contains(welcome.pingIntervalMilliseconds) else {
            throw bad("pingIntervalMilliseconds", welcome.pingIntervalMilliseconds)
        }
        try check(credit: welcome.credit)
    }

    /// Throws badPayload where WELCOME or ACK gives more credit than there can be.
    static func check(credit: UInt64) throws(WireError) {
        guard credit <= UInt64(WireLimits.maximumCredit) else { throw bad("credit", credit) }
    }

    private static func bad(_ field: StaticString, _ value: UInt64) -> WireError {
        WireError(code: .badPayload, reason: "\(field) is \(value), which is out of bounds")
    }
}
