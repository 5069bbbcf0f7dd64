import MemoryModel
import Wire

/// What an agent has to tell of parts of runs: their sections, and lines of Python programs.
///
/// Each is state that a collector acknowledges, and is let go once its run ended and that is done.
struct PartRegisters {
    private var sections = DueRegisters<SectionKey, SectionRecord>()
    private var growth = GrowthRegisters()
    private var sectionCounts: [ProcessKey: Int] = [:]
    /// The users of the runs whose sections are held, and of some that were let go since.
    private var users: [ProcessKey: UInt32] = [:]
    /// How many sections each user has, when as many were held as the second says.
    private var userCounts: (counts: [UInt32: Int], total: Int) = ([:], 0)

    /// Calls of sections that found no room.
    private(set) var droppedSectionCount: UInt64 = 0
    /// Figures that cannot be true.
    private(set) var refusedCount: UInt64 = 0

    /// The most sections of one run.
    static let maximumSectionsPerRun = 256
    /// The most sections of a host.
    static let maximumSections = 8_192
    /// The most sections of one user where others tell of some, too, and what stays free for others
    /// where none does.
    static let maximumSectionsPerUser = maximumSections / 8

    /// Rises with every change of what a state file would hold of it.
    var changeCount: UInt64 { sections.changeCount &+ growth.changeCount }

    /// Lines that found no room.
    var droppedLineCount: UInt64 { growth.droppedCount }

    /// How many runs with lines are held, for tests of the bounds.
    var growthCount: Int { growth.count }

    /// Which lines grew of the runs that are held, for tests.
    var heldGrowth: [GrowthRecord] { growth.held }

    /// What is held, in bytes; 32 are reckoned of a name.
    var bytes: Int { sections.bytes + sections.count * HeldBytes.block(32 + 32) + growth.bytes }

    /// Whether all that is held is acknowledged.
    var isAcknowledged: Bool { sections.isAcknowledged && growth.isAcknowledged }

    /// How many sections are held, for tests of the bounds.
    var sectionCount: Int { sections.count }

    // MARK: Facts in

    /// Takes in one call of a section of a run of `user`; nil is a user like any other.
    mutating func add(
        _ call: SectionCall, of key: SectionKey, user: UInt32?, limits: PeakLimits
    ) {
        guard limits.acceptsTold(call.peak.bytes) else {
            refusedCount += 1
            return
        }
        let isKnown = sections.modify(key) { known in
            known.add(call)
            return true
        }
        guard !isKnown else { return }
        let user = users[key.run] ?? user ?? .max
        guard sectionCounts[key.run, default: 0] < PartRegisters.maximumSectionsPerRun,
            hasRoom(for: user)
        else {
            droppedSectionCount += 1
            return
        }
        sections.set(SectionRecord(key: key, firstCall: call), for: key)
        sectionCounts[key.run, default: 0] += 1
        users[key.run] = user
        userCounts.counts[user, default: 0] += 1
        userCounts.total += 1
    }

    /// Whether one more section may be held of a user: no one's programs take all of the room.
    private mutating func hasRoom(for user: UInt32) -> Bool {
        if userCounts.total != sections.count { countUsers() }
        guard sections.count < PartRegisters.maximumSections else { return false }
        let most = PartRegisters.maximumSectionsPerUser
        if userCounts.counts[user, default: 0] < most { return true }
        return userCounts.counts.count == 1 && sections.count < PartRegisters.maximumSections - most
    }

    /// Counts anew after sections went.
    private mutating func countUsers() {
        var counts: [UInt32: Int] = [:]
        var held: [ProcessKey: UInt32] = [:]
        for key in sections.keys {
            let user = users[key.run] ?? .max
            held[key.run] = user
            counts[user, default: 0] += 1
        }
        users = held
        userCounts = (counts, sections.count)
    }

    /// Takes in which lines of a run's program ran while it grew.
    mutating func take(_ seen: PythonGrowth, of run: ProcessKey, limitBytes: Int) {
        growth.take(seen, of: run, limitBytes: limitBytes)
    }

    /// Counts the lines of a run that nobody knows any more.
    mutating func drop(_ seen: PythonGrowth) { growth.drop(seen) }

    /// Lets parts of runs that ended go as soon as they are acknowledged.
    mutating func retire(_ isEnded: (ProcessKey) -> Bool) {
        growth.retire(isEnded)
        let ended = sectionCounts.keys.filter(isEnded)
        guard !ended.isEmpty else { return }
        let gone = Set(ended)
        for key in Array(sections.keys) where gone.contains(key.run) { sections.retire(key) }
        for run in ended { sectionCounts[run] = nil }
    }

    /// Forgets peaks that were reached, or may have been, in a stretch.
    mutating func forgetPeaks(in stretches: [TimeBracket]) {
        for key in Array(sections.keys) {
            guard let bracket = sections[key]?.peak.bracket, bracket.overlaps(anyOf: stretches)
            else { continue }
            sections.remove(key)
            if let count = sectionCounts[key.run] { sectionCounts[key.run] = max(0, count - 1) }
        }
    }

    // MARK: Sessions

    mutating func sessionOpened() {
        sections.sessionOpened()
        growth.sessionOpened()
    }

    mutating func sessionClosed() {
        sections.sessionClosed()
        growth.sessionClosed()
    }

    mutating func acknowledged(throughSequence sequence: UInt64) {
        sections.acknowledged(throughSequence: sequence)
        growth.acknowledged(throughSequence: sequence)
    }

    mutating func sent(sequence: UInt64) {
        sections.sent(sequence: sequence)
        growth.sent(sequence: sequence)
    }

    /// The next frame to send; nil if nothing is due.
    mutating func nextFrame(_ limits: FrameLimits) -> Frame? {
        var room = FrameRoom(limits, maximumCount: WireLimits.maximumSectionsPerFrame)
        let taken = sections.take { key, _ in room.take(FrameLimits.bytes(of: key)) }
        guard taken.isEmpty else {
            return .sections(SectionsFrame(sections: taken.map(\.value)))
        }
        return growth.nextFrame(limits)
    }
}
