import MemoryModel
import Wire

/// What is known of a command and its descendants, and what of it a collector has yet to be told.
///
/// It is a value without sockets or clocks, as an agent's outbox is, and has less: nothing of the
/// host but its description, because a command says nothing of the others on it.
struct CommandOutbox {
    private var runs: RunOutbox
    private var registers = RegisterOutbox()
    private let host: HostDescription
    private var isSessionOpen = false
    private var isHostDue = false
    private var isStateEndDue = false
    /// Whether nothing was due when a frame was last asked for.
    private var isDrained = false
    private var sentSequence: UInt64 = 0
    private var acknowledgedSequence: UInt64 = 0
    private var toldKeys = DistinctCount()

    /// What runs that ended may take while no collector takes them; then the smallest fold.
    static let limitBytes = 8 << 20
    /// What the lines of its Python programs may take.
    static let growthLimitBytes = 1 << 20

    /// An outbox with nothing in it for a command on `host`.
    init(host: HostDescription) {
        self.host = host
        runs = RunOutbox(limits: PeakLimits(memoryTotalBytes: host.memoryTotalBytes))
    }

    /// Whether a collector has everything.
    private(set) var isTold = false

    /// How many runs there were.
    var runCount: UInt64 { toldKeys.count }

    // MARK: Facts in

    /// Takes in what is known of runs by now, and kills among them.
    mutating func take(
        _ records: [RunRecord], _ kills: [OutOfMemoryKill], atMilliseconds now: Int64
    ) {
        isDrained = false
        isTold = false
        runs.latestTickMilliseconds = now
        for record in records {
            toldKeys.note(record.key)
            runs.take(record)
        }
        for kill in kills { registers.add(kill) }
        let (ledger, ended) = (runs.ledger, runs.ended)
        registers.parts.retire { ledger[$0] == nil && !ended.contains($0) }
        let loss = runs.makeRoom(
            limitBytes: CommandOutbox.limitBytes,
            wallMinusBootMilliseconds: host.wallMinusBootMilliseconds)
        if let loss { registers.add(loss) }
        registers.beginTurn(atMilliseconds: now)
    }

    /// Takes in which lines of a run's program ran while it grew.
    ///
    /// What is left of runs that found no room has no lines.
    mutating func take(_ growth: PythonGrowth, of run: ProcessKey) {
        guard runs.ledger[run] != nil || runs.ended.contains(run) else { return }
        isDrained = false
        isTold = false
        registers.parts.take(growth, of: run, limitBytes: CommandOutbox.growthLimitBytes)
        registers.beginTurn(atMilliseconds: runs.latestTickMilliseconds)
    }

    // MARK: Sessions

    /// Begins a session: everything is due.
    mutating func sessionOpened(maximumRuns: UInt32, maximumWireBytes: Int) {
        isSessionOpen = true
        isHostDue = true
        isStateEndDue = true
        isDrained = false
        sentSequence = 0
        acknowledgedSequence = 0
        registers.sessionOpened()
        runs.sessionOpened(
            maximumRuns: maximumRuns, frames: FrameLimits(maximumWireBytes: maximumWireBytes))
    }

    /// Ends the session: what was in flight is as if it had never been sent.
    mutating func sessionClosed() {
        isSessionOpen = false
        registers.sessionClosed()
        runs.sessionClosed()
    }

    /// Takes note that everything up to `sequence` is durable.
    mutating func acknowledged(throughSequence sequence: UInt64) {
        guard isSessionOpen else { return }
        acknowledgedSequence = max(acknowledgedSequence, sequence)
        runs.acknowledged(throughSequence: sequence)
        registers.acknowledged(throughSequence: sequence)
        noteTold()
    }

    /// Once everything is durable it stays so, whatever becomes of the session.
    private mutating func noteTold() {
        if isSessionOpen, isDrained, acknowledgedSequence >= sentSequence { isTold = true }
    }

    // MARK: Frames out

    /// The next frame to send, whose number `sent(sequence:)` is told; nil if nothing is due.
    mutating func nextFrame() -> Frame? {
        guard isSessionOpen else { return nil }
        if isHostDue {
            isHostDue = false
            return .host(runs.frames.fitted(host))
        }
        if let frame = runs.nextFrame(SavedState()) { return frame }
        if isStateEndDue {
            isStateEndDue = false
            return .stateEnd(StateEndFrame(liveCount: UInt64(runs.slots.usedCount)))
        }
        if let frame = registers.nextFrame(runs.frames) { return frame }
        isDrained = true
        noteTold()
        return nil
    }

    /// Takes note of the number under which the frame of `nextFrame()` was sent.
    mutating func sent(sequence: UInt64) {
        sentSequence = sequence
        runs.sent(sequence: sequence)
        registers.sent(sequence: sequence)
    }
}
