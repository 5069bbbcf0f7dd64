/// How many data frames an agent may have sent by now, counted from the start of its session.
///
/// Less credit does not call back what was granted before: the agent may have sent it already. So
/// what counts is the greatest grant so far.
struct CreditGrant: Sendable {
    private var receivedCount: UInt64 = 0
    private var acknowledgedCount: UInt64 = 0
    private var grantedCount: UInt64

    /// What WELCOME grants.
    init(credit: UInt64) {
        grantedCount = credit
    }

    /// Takes in a data frame; throws limitExceeded if it was not granted.
    mutating func take() throws(WireError) {
        guard receivedCount < grantedCount else {
            throw WireError(code: .limitExceeded, reason: "more data frames than credit")
        }
        receivedCount += 1
    }

    /// Takes note of an ACK that covers `count` further data frames and grants `credit` more.
    mutating func acknowledged(_ count: Int, credit: UInt64) {
        acknowledgedCount += UInt64(count)
        grantedCount = max(grantedCount, acknowledgedCount + credit)
    }
}
