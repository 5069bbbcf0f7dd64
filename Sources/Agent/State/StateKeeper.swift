import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler

/// Whose state is kept.
protocol StateOwner: AnyObject {
    /// What is known and not yet told.
    var outbox: Outbox { get set }
    /// Whether a collector takes what is told.
    var isWelcomed: Bool { get }
}

/// Keeps on the disk what would be lost with the agent: the state file while no collector takes
/// what is told, and the marker that says that an agent runs.
///
/// It decides on the event loop, and another thread waits for the disk.
final class StateKeeper {
    private let folder: StateFolder
    private let past: PastFolder
    private let facts: HostFacts
    private let loop: any EventLoop
    private let logger: Logger
    private weak var owner: (any StateOwner)?
    private var marker: RunningMarker

    private var isBusy = false
    private var hasFile = false
    private var isSaveUrgent: Bool
    private var hasFailed = false
    private var savedAtMilliseconds: Int64?
    private var savedChangeCount: UInt64 = 0
    private var offlineSinceMilliseconds: Int64?
    private var latestMarker: EventLoopFuture<Void>
    private var hasMarkerFailed = false
    private var markedAtMilliseconds: Int64?
    private var awaitedSequence: (sequence: UInt64, atMilliseconds: Int64)?
    private var lookedAtMilliseconds: Int64
    private var whenIdle: [() -> Void] = []
    /// Whether a stopping agent needs no file, because a collector has everything.
    var isEverythingTold = false
    /// Slots that the latest collector had.
    var maximumRuns: UInt32 = 65_536

    /// A connection that is lost for less is no reason to write.
    private static let graceMilliseconds: Int64 = 5_000
    private static let saveIntervalMilliseconds: Int64 = 60_000
    /// About 1 MiB, at 64 bytes a change.
    private static let manyChanges: UInt64 = 16_384
    private static let markerIntervalMilliseconds: Int64 = 10_000
    /// Folds that wait for the file wait no longer than this.
    private static let foldIntervalMilliseconds: Int64 = 1_000

    /// Keeps the state of `owner`, from the first look on.
    ///
    /// `marker` is as of that look, its safe moment that of the agent before. `hasToTell` says
    /// that something is known already that an end of this agent would lose.
    init(
        _ past: PastFolder, marker: RunningMarker, hasToTell: Bool, facts: HostFacts,
        owner: any StateOwner, loop: any EventLoop, logger: Logger
    ) {
        folder = past.folder
        self.past = past
        self.marker = marker
        self.facts = facts
        self.owner = owner
        self.loop = loop
        self.logger = logger
        isSaveUrgent = hasToTell
        lookedAtMilliseconds = marker.now.atMilliseconds
        latestMarker = loop.makeSucceededVoidFuture()
    }

    // MARK: Events

    /// A look was taken in.
    func looked(atMilliseconds now: Int64) {
        lookedAtMilliseconds = now
        guard let owner else { return }
        if owner.isWelcomed, owner.outbox.isStateSent {
            offlineSinceMilliseconds = nil
        } else if offlineSinceMilliseconds == nil {
            offlineSinceMilliseconds = now
        }
        act(atMilliseconds: now)
        // Until what the agent before left is kept anew, its marker is the one that is true.
        if !isSaveUrgent { mark(atMilliseconds: now) }
    }

    /// Everything that is known was sent, the last of it under this number.
    func drained(sequence: UInt64) {
        guard awaitedSequence == nil else { return }
        awaitedSequence = (sequence, lookedAtMilliseconds)
    }

    /// Everything up to `sequence` is durable.
    func acknowledged(throughSequence sequence: UInt64) {
        guard let awaited = awaitedSequence, awaited.sequence <= sequence else { return }
        awaitedSequence = nil
        isSafe(atMilliseconds: awaited.atMilliseconds)
        isSaveUrgent = false
    }

    /// The session is over: nothing more will be acknowledged.
    func sessionClosed() { awaitedSequence = nil }

    private func isSafe(atMilliseconds time: Int64) {
        marker.safe = RunningMarker.Moment(
            atMilliseconds: max(marker.safe.atMilliseconds, time),
            processCount: marker.now.processCount)
    }

    // MARK: The state file

    private func act(atMilliseconds now: Int64) {
        guard !isBusy, let owner else { return }
        if hasFile, owner.outbox.isSavedStateAcknowledged {
            remove()
        } else if isSaveDue(owner.outbox, atMilliseconds: now) {
            save(atMilliseconds: now)
        }
    }

    private func isSaveDue(_ outbox: Outbox, atMilliseconds now: Int64) -> Bool {
        let age = savedAtMilliseconds.map { now - $0 } ?? .max
        if outbox.isStateFileAwaited, age >= StateKeeper.foldIntervalMilliseconds { return true }
        if hasFailed { return age >= StateKeeper.saveIntervalMilliseconds }
        if isSaveUrgent { return true }
        guard let since = offlineSinceMilliseconds,
            now - since >= StateKeeper.graceMilliseconds
        else { return false }
        let changes = outbox.changeCount &- savedChangeCount
        return savedAtMilliseconds ?? .min < since || changes >= StateKeeper.manyChanges
            || (changes > 0 && age >= StateKeeper.saveIntervalMilliseconds)
    }

    private func save(atMilliseconds now: Int64) {
        guard let owner else { return }
        isBusy = true
        savedAtMilliseconds = now
        let mark = owner.outbox.stateMark
        let outbox = owner.outbox
        let changeCount = outbox.changeCount
        let header = StateFileHeader(
            host: marker.host, boot: marker.boot, epoch: marker.epoch, savedAtMilliseconds: now,
            wallMinusBootMilliseconds: BootClock.wallMinusBootMilliseconds())
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [past, maximumRuns] in
            try past.save(outbox, header, maximumRuns: maximumRuns)
        }.whenComplete { result in
            let keeper = bound.value
            switch result {
            case .success(let outcome):
                keeper.owner?.outbox.stateSaved(mark)
                keeper.saved(outcome, atMilliseconds: now, changeCount: changeCount)
            case .failure(let error):
                keeper.owner?.outbox.stateFailed()
                keeper.failed(error)
            }
            keeper.isBusy = false
            keeper.becameIdle()
        }
    }

    private func saved(
        _ outcome: StateSave.Outcome, atMilliseconds time: Int64, changeCount: UInt64
    ) {
        hasFile = true
        isSaveUrgent = false
        savedChangeCount = changeCount
        if outcome.droppedCount == 0 { isSafe(atMilliseconds: time) }
        logger.debug("saved the state", metadata: ["bytes": "\(outcome.byteCount)"])
        if outcome.droppedCount > 0 {
            logger.warning(
                "the state file has no room for the smallest peaks; raise --state-limit",
                metadata: ["runs": "\(outcome.droppedCount)"])
        }
        if hasFailed { logger.notice("the state can be saved again") }
        hasFailed = false
    }

    private func failed(_ error: any Error) {
        // The marker must go on, as it says truly since when nothing is safe.
        isSaveUrgent = false
        guard !hasFailed else { return }
        hasFailed = true
        logger.warning(
            """
            cannot save the state: what no collector has would be lost with this agent; it is \
            tried again each minute
            """, metadata: ["folder": "\(folder.path)", "reason": "\(error)"])
    }

    private func remove() {
        isBusy = true
        let name = StateFileName.state(epoch: marker.epoch)
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [folder] in
            try folder.remove(name)
        }.whenComplete { result in
            let keeper = bound.value
            switch result {
            case .success:
                keeper.hasFile = false
                keeper.owner?.outbox.stateRemoved()
            case .failure(let error): keeper.failed(error)
            }
            keeper.isBusy = false
            keeper.becameIdle()
        }
    }

    private func becameIdle() {
        let waiting = whenIdle
        whenIdle = []
        for next in waiting { next() }
    }

    // MARK: The marker

    private func mark(atMilliseconds now: Int64) {
        let age = markedAtMilliseconds.map { now - $0 } ?? .max
        guard age >= StateKeeper.markerIntervalMilliseconds else { return }
        markedAtMilliseconds = now
        marker.now = RunningMarker.Moment(
            atMilliseconds: now, processCount: facts.startedProcessCount())
        writeMarker()
    }

    @discardableResult
    private func writeMarker() -> EventLoopFuture<Void> {
        marker.wallMinusBootMilliseconds = BootClock.wallMinusBootMilliseconds()
        let bound = NIOLoopBound(self, eventLoop: loop)
        let bytes = marker.bytes
        // One after another, or an older one could come last.
        let written = latestMarker.flatMap { [loop, folder] in
            NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                try folder.overwrite(StateFileName.running, with: bytes)
            }
        }
        latestMarker = written.recover { _ in }
        return written.always { result in
            let keeper = bound.value
            guard case .failure(let error) = result, !keeper.hasMarkerFailed else { return }
            keeper.hasMarkerFailed = true
            keeper.logger.warning(
                "cannot mark that an agent runs: a later one cannot tell what was missed",
                metadata: ["reason": "\(error)"])
        }
    }

    // MARK: The end

    /// Keeps what no collector has, and marks that the agent stopped in order; the future is done
    /// when it is on the disk, or cannot be brought there.
    func stop() -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        finish(promise)
        return promise.futureResult
    }

    private func finish(_ promise: EventLoopPromise<Void>) {
        guard !isBusy else {
            whenIdle.append { self.finish(promise) }
            return
        }
        let now = lookedAtMilliseconds
        whenIdle.append { self.finishMarker(promise) }
        if !isEverythingTold {
            save(atMilliseconds: now)
            return
        }
        isSafe(atMilliseconds: now)
        if hasFile { remove() } else { becameIdle() }
    }

    private func finishMarker(_ promise: EventLoopPromise<Void>) {
        marker.isStopped = true
        marker.now = RunningMarker.Moment(
            atMilliseconds: lookedAtMilliseconds, processCount: facts.startedProcessCount())
        writeMarker().whenComplete { _ in promise.succeed() }
    }
}
