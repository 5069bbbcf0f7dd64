import NIOConcurrencyHelpers

/// From the loss of a session to the moment at which all were back, or the first connecting.
struct Recovery: Sendable {
    /// When the first session was lost, or when the fleet began; milliseconds since boot.
    var beganAtMilliseconds: Int64
    /// The first connection after that; nil while there was none.
    var firstConnectAtMilliseconds: Int64?
    /// When every session was accepted; nil while one is missing.
    var allAcceptedAtMilliseconds: Int64?
    /// When every full state was acknowledged; nil while one is not.
    var allKnownAtMilliseconds: Int64?
    /// The fewest sessions at one time.
    var fewestSessions: Int

    /// From its begin to its end, as far as there is one.
    var stretch: ClosedRange<Int64> {
        beganAtMilliseconds...max(beganAtMilliseconds, allKnownAtMilliseconds ?? .max)
    }
}

/// What a fleet did and met so far.
struct FleetFigures: Sendable {
    let agentCount: Int

    var sessionCount = 0
    /// Sessions whose full state is acknowledged.
    var knownCount = 0

    var attemptCount: UInt64 = 0
    var acceptedCount: UInt64 = 0
    /// When connections came about, in milliseconds since boot, not in order.
    private(set) var connects: [Int64] = []
    private(set) var connectCount: UInt64 = 0
    /// What went wrong, in words, and how often.
    private(set) var failures: [String: UInt64] = [:]
    /// The codes of ERROR frames that came in.
    private(set) var errorCodes: [UInt64: UInt64] = [:]
    /// The first is that of the start.
    private(set) var recoveries: [Recovery]

    var frameCount: UInt64 = 0
    var frameBytes: UInt64 = 0
    /// Those that were sent after the full state of their session.
    var changeBytes: UInt64 = 0
    /// Processes looked at, where all that a look found could be sent, after the full state.
    var processSampleCount: UInt64 = 0
    var lookCount: UInt64 = 0
    /// Looks that came so late that they were left out.
    var missedLookCount: UInt64 = 0
    /// Looks at which nothing was let end, because too much was not acknowledged.
    var heldEndCount: UInt64 = 0
    var runCount: UInt64 = 0

    var inFlightCount = 0
    /// ACK frames that covered something.
    var acknowledgementCount: UInt64 = 0
    /// From sending a frame to the ACK that covers it: frames of the full state, all others, and
    /// all of the last second.
    var stateLatencies = LatencyHistogram()
    var changeLatencies = LatencyHistogram()
    var recentLatencies = LatencyHistogram()

    /// The most that is remembered of each kind of thing that an outage of any length adds to.
    private static let maximumConnects = 2_000_000
    private static let maximumFailures = 50
    private static let maximumRecoveries = 1_000

    init(agentCount: Int, beginningAtMilliseconds now: Int64) {
        self.agentCount = agentCount
        recoveries = [Recovery(beganAtMilliseconds: now, fewestSessions: 0)]
    }

    // MARK: Sessions

    mutating func connected(atMilliseconds now: Int64) {
        connectCount += 1
        if connects.count < FleetFigures.maximumConnects { connects.append(now) }
        changeRecovery { recovery in
            recovery.firstConnectAtMilliseconds = recovery.firstConnectAtMilliseconds ?? now
        }
    }

    mutating func accepted(atMilliseconds now: Int64) {
        sessionCount += 1
        acceptedCount += 1
        guard sessionCount == agentCount else { return }
        changeRecovery { $0.allAcceptedAtMilliseconds = now }
    }

    mutating func known(atMilliseconds now: Int64) {
        knownCount += 1
        guard knownCount == agentCount else { return }
        changeRecovery { $0.allKnownAtMilliseconds = now }
    }

    /// Takes note that a session that had been accepted is over.
    mutating func lost(wasKnown: Bool, atMilliseconds now: Int64) {
        sessionCount -= 1
        if wasKnown { knownCount -= 1 }
        let isOver = recoveries.last?.allKnownAtMilliseconds != nil
        if isOver, recoveries.count < FleetFigures.maximumRecoveries {
            recoveries.append(
                Recovery(beganAtMilliseconds: now, fewestSessions: sessionCount))
        }
        let fewest = sessionCount
        changeRecovery { recovery in
            recovery.allAcceptedAtMilliseconds = nil
            recovery.fewestSessions = min(recovery.fewestSessions, fewest)
        }
    }

    private mutating func changeRecovery(_ change: (inout Recovery) -> Void) {
        guard recoveries.last?.allKnownAtMilliseconds == nil else { return }
        change(&recoveries[recoveries.count - 1])
    }

    mutating func failed(_ reason: String) {
        guard failures[reason] != nil || failures.count < FleetFigures.maximumFailures else {
            failures["other reasons", default: 0] += 1
            return
        }
        failures[reason, default: 0] += 1
    }

    mutating func received(errorCode: UInt64) {
        let isNew = errorCodes[errorCode] == nil
        guard !isNew || errorCodes.count < FleetFigures.maximumFailures else { return }
        errorCodes[errorCode, default: 0] += 1
    }

    // MARK: Frames

    /// Begins anew with everything that is told of frames, samples and acknowledgements.
    mutating func endWarmUp() {
        (frameCount, frameBytes, changeBytes, processSampleCount) = (0, 0, 0, 0)
        acknowledgementCount = 0
        stateLatencies = LatencyHistogram()
        changeLatencies = LatencyHistogram()
    }

    mutating func acknowledged(microseconds: Int64, isState: Bool) {
        inFlightCount -= 1
        recentLatencies.add(microseconds: microseconds)
        if isState {
            stateLatencies.add(microseconds: microseconds)
        } else {
            changeLatencies.add(microseconds: microseconds)
        }
    }

    /// The most connections that came about within any one second of a stretch of time.
    func greatestConnectsInOneSecond(in stretch: ClosedRange<Int64>) -> Int {
        let times = connects.filter { stretch.contains($0) }.sorted()
        var (first, greatest) = (0, 0)
        for (last, time) in times.enumerated() {
            while times[first] <= time - 1_000 { first += 1 }
            greatest = max(greatest, last - first + 1)
        }
        return greatest
    }
}

/// The figures of a fleet, for all of its threads.
typealias SharedFigures = NIOLockedValueBox<FleetFigures>
