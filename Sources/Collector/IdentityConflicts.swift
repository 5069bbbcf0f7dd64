import MemoryModel

/// Two machines that claim one host id.
package struct IdentityConflict: Hashable, Sendable {
    /// The address of the machine that is connected.
    package var presentAddress: String
    /// That of the one that was turned away last.
    package var refusedAddress: String
    /// When that was, on the monotonic clock.
    var refusedAtMilliseconds: Int64
    /// When a line was last logged, likewise.
    var loggedAtMilliseconds: Int64
    /// Whether the first was heard after the second: a machine that has restarted leaves a
    /// connection behind that says nothing any more.
    var isConfirmed = false
}

/// The conflicts that were seen lately.
struct IdentityConflicts {
    private var conflicts: [HostID: IdentityConflict] = [:]

    /// How long one is shown.
    static let shownMilliseconds: Int64 = 3_600_000
    /// How often one is logged at most.
    static let loggedMilliseconds: Int64 = 60_000
    /// How long one stays confirmed without another try.
    ///
    /// That is longer than agents wait after a refusal for good. A machine that restarts the day
    /// after is not kept away for what was then.
    static let confirmedMilliseconds: Int64 = 1_200_000
    /// How many are kept: whoever has more has seen enough of them.
    static let maximumCount = 1_024

    /// Takes note that a machine at `refused` was turned away, as one at `present` is connected.
    ///
    /// Returns whether a line in the log is worth it, and whether the one that is connected was
    /// heard after an earlier try, so that there are two.
    mutating func note(
        _ host: HostID, _ present: String, _ refused: String, at now: Moment
    ) -> (isNotable: Bool, isConfirmed: Bool) {
        let known = conflicts[host]
        let time = now.monotonicMilliseconds
        if known == nil, conflicts.count >= IdentityConflicts.maximumCount {
            conflicts = recent(at: now)
            guard conflicts.count < IdentityConflicts.maximumCount else { return (false, false) }
        }
        let isNotable =
            known.map { time - $0.loggedAtMilliseconds >= IdentityConflicts.loggedMilliseconds }
            ?? true
        let isConfirmed =
            known.map {
                $0.isConfirmed
                    && time - $0.refusedAtMilliseconds < IdentityConflicts.confirmedMilliseconds
            } ?? false
        conflicts[host] = IdentityConflict(
            presentAddress: present, refusedAddress: refused, refusedAtMilliseconds: time,
            loggedAtMilliseconds: isNotable ? time : known?.loggedAtMilliseconds ?? time,
            isConfirmed: isConfirmed)
        return (isNotable, isConfirmed)
    }

    /// Takes note that the machine that is connected was heard.
    mutating func confirm(_ host: HostID, at now: Moment) {
        guard !conflicts.isEmpty, let known = conflicts[host], !known.isConfirmed,
            now.monotonicMilliseconds >= known.refusedAtMilliseconds
        else { return }
        conflicts[host]?.isConfirmed = true
    }

    /// Those that are confirmed and were seen within the last hour.
    func recent(at now: Moment) -> [HostID: IdentityConflict] {
        conflicts.filter {
            $0.value.isConfirmed
                && now.monotonicMilliseconds - $0.value.refusedAtMilliseconds
                    < IdentityConflicts.shownMilliseconds
        }
    }
}
