import MemoryModel

/// A register of one sum in one hour.
struct TotalRegister: Hashable {
    /// What the sum is made over.
    var subject: TotalSubject
    /// The greatest sum of the hour so far.
    var peak: TotalPeak
}

/// The sums of resident memory over the host, its users, programs and cgroups, and their greatest
/// values in the hour of UTC.
///
/// Sums change by differences: a run that stays as it is costs nothing. Figures come first, then
/// `tick`, which compares the sums that were touched with their registers; so a register holds what
/// was true at the end of a look, never in the middle of it.
struct Totals {
    /// One sum and its register.
    private struct Sum {
        let subject: TotalSubject
        var bytes: UInt64 = 0
        /// Runs that belong to it, with a figure or without.
        var memberCount = 0
        /// Runs that the sum was made over.
        var runCount: UInt64 = 0
        var peak: TotalPeak?
        var isTouched = false
        var isRaised = false
    }

    /// A run, and in which sums it is; nil where it belongs to none of that kind.
    private struct Member {
        var user: Int?
        var program: Int?
        var cgroup: Int?
        var bytes: UInt64?
    }

    /// The most sums, those of the host included.
    let maximumSubjects: Int

    private var sums: [Sum?] = []
    private var freed: [Int] = []
    private var places: [TotalSubject: Int] = [:]
    private var members: [ProcessKey: Member] = [:]
    private var touched: [Int] = []
    private var raised: [Int] = []
    private var shares = CompositionPace()

    /// Runs that found no room in one of their sums.
    private var unplaced: Set<ProcessKey> = []
    private var leftOut = DistinctCount()

    /// The hour that the registers are of, counted from 1970; nil before the first tick.
    private(set) var hour: Int64?

    private static let hostPlace = 0
    private static let usedPlace = 1
    private static let hourMilliseconds: Int64 = 3_600_000

    init(maximumSubjects: Int = 8_192) {
        self.maximumSubjects = maximumSubjects
        for kind in [TotalKind.host, .hostUsed] {
            let subject = TotalSubject(kind: kind, name: RawText([]))
            places[subject] = sums.count
            sums.append(Sum(subject: subject))
        }
    }

    /// How many runs there are.
    var memberCount: Int { members.count }

    /// Sums that were left out for want of room, each once an hour.
    var overLimitCount: UInt64 { leftOut.count }

    /// The hour of UTC in which a time lies.
    static func hour(atMilliseconds at: Int64, wallMinusBootMilliseconds offset: Int64) -> Int64 {
        let (time, length) = (at &+ offset, hourMilliseconds)
        return time / length - (time % length < 0 ? 1 : 0)
    }

    // MARK: Runs

    /// Takes a run into the sums of its user, program and cgroup; one that is known moves there
    /// with what it holds.
    mutating func place(_ key: ProcessKey, _ description: RunDescription) {
        var member = members[key] ?? Member()
        let bytes = member.bytes
        let isNew = members[key] == nil
        if isNew { sums[Totals.hostPlace]?.memberCount += 1 }
        leave(member)
        unplaced.remove(key)
        member = Member(bytes: bytes)
        let user = description.user ?? description.userID.map { RawText(String($0)) }
        member.user = user.flatMap { join(.user, $0, key, bytes) }
        member.program = join(.program, description.program, key, bytes)
        member.cgroup = description.cgroup.flatMap { join(.cgroup, $0, key, bytes) }
        members[key] = member
    }

    /// Takes what a run holds now; a run that is not known is passed over.
    mutating func set(_ key: ProcessKey, residentBytes bytes: UInt64) {
        guard let index = members.index(forKey: key) else { return }
        let member = members.values[index]
        guard member.bytes != bytes else { return }
        members.values[index].bytes = bytes
        change(Totals.hostPlace, from: member.bytes, to: bytes)
        if let place = member.user { change(place, from: member.bytes, to: bytes) }
        if let place = member.program { change(place, from: member.bytes, to: bytes) }
        if let place = member.cgroup { change(place, from: member.bytes, to: bytes) }
    }

    /// Takes a run out of its sums.
    mutating func remove(_ key: ProcessKey) {
        guard let member = members.removeValue(forKey: key) else { return }
        members.giveBackMemory()
        unplaced.remove(key)
        sums[Totals.hostPlace]?.memberCount -= 1
        change(Totals.hostPlace, from: member.bytes, to: nil)
        leave(member)
    }

    private mutating func leave(_ member: Member) {
        for case let place? in [member.user, member.program, member.cgroup] {
            sums[place]?.memberCount -= 1
            change(place, from: member.bytes, to: nil)
        }
    }

    /// The place of the sum that a run joins; nil if there is no room for another one.
    private mutating func join(
        _ kind: TotalKind, _ name: RawText, _ key: ProcessKey, _ bytes: UInt64?
    ) -> Int? {
        let name = name.clamped(toBytes: FrameLimits.maximumNameBytes)
        let subject = TotalSubject(kind: kind, name: name)
        guard let place = places[subject] ?? newPlace(of: subject) else {
            leftOut.note(subject)
            unplaced.insert(key)
            return nil
        }
        sums[place]?.memberCount += 1
        change(place, from: nil, to: bytes)
        return place
    }

    private mutating func newPlace(of subject: TotalSubject) -> Int? {
        guard places.count < maximumSubjects else { return nil }
        let place: Int
        if let free = freed.popLast() {
            place = free
            sums[place] = Sum(subject: subject)
        } else {
            place = sums.count
            sums.append(Sum(subject: subject))
        }
        places[subject] = place
        return place
    }

    private mutating func change(_ place: Int, from old: UInt64?, to new: UInt64?) {
        guard old != new else { return }
        // Believed figures of very many runs may add up to more than 64 bits hold; a sum that
        // wraps around comes right again when they go.
        sums[place]?.bytes &+= (new ?? 0) &- (old ?? 0)
        if old == nil { sums[place]?.runCount += 1 }
        if new == nil { sums[place]?.runCount -= 1 }
        touch(place)
    }

    private mutating func touch(_ place: Int) {
        guard sums[place]?.isTouched == false else { return }
        sums[place]?.isTouched = true
        touched.append(place)
    }

    /// What is held of runs and sums, in bytes.
    var bytes: Int {
        HeldBytes.table(
            capacity: members.capacity,
            strideBytes: MemoryLayout<ProcessKey>.stride + MemoryLayout<Member>.stride)
            + HeldBytes.block(sums.capacity * MemoryLayout<Sum?>.stride)
            + HeldBytes.table(
                capacity: places.capacity,
                strideBytes: MemoryLayout<TotalSubject>.stride + MemoryLayout<Int>.stride)
    }

    /// Forgets registers of the hour that were reached in a stretch; they begin anew with the sums
    /// of the moment.
    mutating func forgetPeaks(in stretches: [TimeBracket]) {
        for place in sums.indices {
            guard sums[place]?.peak?.isReached(inOneOf: stretches) == true else { continue }
            sums[place]?.peak = nil
            if place != Totals.usedPlace { touch(place) }
        }
        shares = CompositionPace()
    }

    // MARK: Time

    /// Ends a look: raises the registers of what changed.
    ///
    /// - Parameters:
    ///   - at: When the look was, in milliseconds since boot.
    ///   - wallMinusBootMilliseconds: What makes a time of day of it.
    ///   - usedBytes: Memory of the host that is not available; nil if not known.
    ///   - description: What is known of a run, for those that found no room the hour before.
    /// - Returns: The hour that is over and its registers that were not taken yet; nil within an
    ///   hour.
    mutating func tick(
        atMilliseconds at: Int64, wallMinusBootMilliseconds: Int64, usedBytes: UInt64?,
        description: (ProcessKey) -> RunDescription?
    ) -> (hour: Int64, registers: [TotalRegister])? {
        let now = Totals.hour(
            atMilliseconds: at, wallMinusBootMilliseconds: wallMinusBootMilliseconds)
        var closed: (hour: Int64, registers: [TotalRegister])?
        if now != hour {
            closed = hour.map { (hour: $0, registers: takeRaised()) }
            hour = now
            beginHour(description)
        }
        for place in touched { raise(place, atMilliseconds: at) }
        touched.removeAll(keepingCapacity: true)
        if let usedBytes { raiseUsed(usedBytes, atMilliseconds: at) }
        return closed
    }

    /// Whether a register was raised since they were last taken.
    var hasRaised: Bool { !raised.isEmpty }

    /// The registers that were raised since they were last taken.
    mutating func takeRaised() -> [TotalRegister] {
        let registers = raised.compactMap { place -> TotalRegister? in
            sums[place]?.isRaised = false
            guard let sum = sums[place], let peak = sum.peak else { return nil }
            return TotalRegister(subject: sum.subject, peak: peak)
        }
        raised.removeAll(keepingCapacity: true)
        return registers
    }

    /// Begins with the sums of the moment, and forgets those that no run belongs to any more.
    private mutating func beginHour(_ description: (ProcessKey) -> RunDescription?) {
        shares = CompositionPace()
        leftOut.forget()
        for place in sums.indices {
            guard let sum = sums[place] else { continue }
            sums[place]?.peak = nil
            if sum.memberCount > 0 {
                touch(place)
            } else if place > Totals.usedPlace {
                places[sum.subject] = nil
                sums[place] = nil
                freed.append(place)
            }
        }
        for key in unplaced {
            if let description = description(key) { place(key, description) }
        }
    }

    private mutating func raise(_ place: Int, atMilliseconds at: Int64) {
        sums[place]?.isTouched = false
        guard let sum = sums[place], sum.runCount > 0,
            sum.peak.map({ sum.bytes > $0.bytes }) ?? true
        else { return }
        setPeak(
            place, TotalPeak(bytes: sum.bytes, atMilliseconds: at, runCount: sum.runCount))
    }

    /// Raises the host's own register, with the largest runs of the moment.
    private mutating func raiseUsed(_ bytes: UInt64, atMilliseconds at: Int64) {
        let known = sums[Totals.usedPlace]?.peak
        guard known.map({ bytes > $0.bytes }) ?? true else { return }
        var composition = known?.composition ?? []
        if shares.isDue(bytes, atMilliseconds: at) { composition = largestShares() }
        setPeak(
            Totals.usedPlace,
            TotalPeak(
                bytes: bytes, atMilliseconds: at,
                runCount: sums[Totals.hostPlace]?.runCount ?? 0, composition: composition))
    }

    private mutating func setPeak(_ place: Int, _ peak: TotalPeak) {
        sums[place]?.peak = peak
        guard sums[place]?.isRaised == false else { return }
        sums[place]?.isRaised = true
        raised.append(place)
    }

    /// The runs that hold most, the largest first.
    private func largestShares() -> [TotalShare] {
        var shares: [TotalShare] = []
        var smallest: UInt64 = 0
        for (key, member) in members {
            guard let bytes = member.bytes, bytes > 0,
                shares.count < TotalPeak.maximumShares || bytes > smallest
            else { continue }
            let place = shares.firstIndex { $0.residentBytes < bytes } ?? shares.count
            shares.insert(TotalShare(key: key, residentBytes: bytes), at: place)
            if shares.count > TotalPeak.maximumShares { shares.removeLast() }
            smallest = shares.last?.residentBytes ?? 0
        }
        return shares
    }
}

extension TotalPeak {
    /// Whether it was reached in one of `stretches`.
    func isReached(inOneOf stretches: [TimeBracket]) -> Bool {
        guard let at = atMilliseconds else { return false }
        return TimeBracket(notBeforeMilliseconds: at, notAfterMilliseconds: at)
            .overlaps(anyOf: stretches)
    }
}

/// When the composition of the host's peak is made anew: looking through all runs at each small
/// step of a rise would cost more than it tells.
private struct CompositionPace {
    private var bytes: UInt64 = 0
    private var atMilliseconds: Int64?

    /// Whether a peak that rose to `bytes` needs a composition of its own.
    mutating func isDue(_ bytes: UInt64, atMilliseconds now: Int64) -> Bool {
        let isRecent = atMilliseconds.map { (0..<1_000).contains(now &- $0) } ?? false
        guard !isRecent || bytes > self.bytes + self.bytes / 100 else { return false }
        self.bytes = bytes
        atMilliseconds = now
        return true
    }
}
