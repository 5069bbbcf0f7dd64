import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler

/// Whose state is kept.
protocol StateOwner: AnyObject {
    /// What is known and not yet told.
    var outbox: Outbox { get set }
    /// Whether a collector accepted the session of the moment.
    var isWelcomed: Bool { get }
    /// Since when what was sent is not acknowledged, or what is due finds no room, in milliseconds
    /// since boot; nil while nothing waits.
    var waitsSinceMilliseconds: Int64? { get }
}

/// Keeps on the disk what would be lost with the agent: the state file while no collector takes
/// what is told, and the marker that says that an agent runs.
///
/// A collector that is connected and acknowledges nothing takes nothing.
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

    /// Whether the disk is waited for.
    private(set) var isBusy = false
    private var hasFile = false
    private var isSaveUrgent: Bool
    private var hasFailed = false
    private var savedAtMilliseconds: Int64?
    private var savedChangeCount: UInt64 = 0
    private var offlineSinceMilliseconds: Int64?
    private var latestMarker: EventLoopFuture<Void>
    /// How many markers wait for the disk.
    private var markersUnderWay = 0
    private var hasMarkerFailed = false
    private var isStopping = false
    private var markedAtMilliseconds: Int64?
    private var awaited: (sequence: UInt64, moment: RunningMarker.Moment)?
    /// Until when a collector has all that was seen, whatever stands in the file.
    private var told: RunningMarker.Moment
    private var lookedAtMilliseconds: Int64
    /// When to try again what failed.
    private var retryAtMilliseconds = Int64.min
    private var whenIdle: [() -> Void] = []
    /// Whether a stopping agent needs no file, because a collector has everything.
    var isEverythingTold = false
    /// Slots that the latest collector had.
    var maximumRuns: UInt32 = 65_536

    /// A connection that is lost for less is no reason to write.
    private static let graceMilliseconds: Int64 = 5_000
    /// Nor is a collector that acknowledges nothing for less: ten of its commits.
    static let silenceMilliseconds: Int64 = 10_000
    private static let saveIntervalMilliseconds: Int64 = 60_000
    /// About 1 MiB, at 64 bytes a change.
    private static let manyChanges: UInt64 = 16_384
    private static let markerIntervalMilliseconds: Int64 = 10_000
    /// So long a stopping agent waits for a disk that does not answer.
    private static let stopPatience = TimeAmount.seconds(15)
    /// Folds that a collector could have and that wait for the file wait no longer than this.
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
        told = marker.safe
        lookedAtMilliseconds = marker.now.atMilliseconds
        latestMarker = loop.makeSucceededVoidFuture()
    }

    // MARK: Events

    /// A look was taken in.
    func looked(atMilliseconds now: Int64) {
        lookedAtMilliseconds = now
        guard let owner else { return }
        if !owner.isWelcomed || !owner.outbox.isStateSent {
            offlineSinceMilliseconds = offlineSinceMilliseconds ?? now
        } else if let since = owner.waitsSinceMilliseconds,
            now - since >= StateKeeper.silenceMilliseconds
        {
            offlineSinceMilliseconds = offlineSinceMilliseconds ?? since
        } else {
            offlineSinceMilliseconds = nil
        }
        act(atMilliseconds: now)
        // Until what the agent before left is kept anew, its marker is the one that is true.
        if !isSaveUrgent { mark(atMilliseconds: now) }
    }

    /// Everything that may be sent was, the last of it under this number.
    func drained(sequence: UInt64) {
        // Folds that are held back are known, and not told.
        guard awaited == nil, owner?.outbox.isStateFileAwaited == false else { return }
        awaited = (sequence, lookedMoment)
    }

    /// Everything up to `sequence` is durable.
    func acknowledged(throughSequence sequence: UInt64) {
        guard let awaited, awaited.sequence <= sequence else { return }
        self.awaited = nil
        told = awaited.moment
        isSafe(until: awaited.moment)
        isSaveUrgent = false
    }

    /// The session is over: nothing more will be acknowledged.
    func sessionClosed() { awaited = nil }

    /// The latest look, with no more processes than had begun until then.
    ///
    /// The count is that of the marker, which is as old or older: one that came later would say
    /// that fewer were missed.
    private var lookedMoment: RunningMarker.Moment {
        RunningMarker.Moment(
            atMilliseconds: lookedAtMilliseconds, processCount: marker.now.processCount)
    }

    private func isSafe(until moment: RunningMarker.Moment) {
        if moment.atMilliseconds > marker.safe.atMilliseconds { marker.safe = moment }
    }

    // MARK: The state file

    private func act(atMilliseconds now: Int64) {
        guard !isBusy, now >= retryAtMilliseconds, let owner else { return }
        if hasFile, owner.outbox.isSavedStateAcknowledged {
            remove()
        } else if isSaveDue(owner.outbox, atMilliseconds: now) {
            save(atMilliseconds: now)
        }
    }

    private func isSaveDue(_ outbox: Outbox, atMilliseconds now: Int64) -> Bool {
        let age = savedAtMilliseconds.map { now - $0 } ?? .max
        if isSaveUrgent { return true }
        guard let since = offlineSinceMilliseconds else {
            return outbox.isStateFileAwaited && age >= StateKeeper.foldIntervalMilliseconds
        }
        if hasFailed { return true }
        guard now - since >= StateKeeper.graceMilliseconds
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
        let moment = lookedMoment
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
                keeper.saved(outcome, until: moment, changeCount: changeCount)
            case .failure(let error):
                keeper.owner?.outbox.stateFailed()
                if keeper.isFileInTheWay { return keeper.giveUpFile(error) }
                keeper.failed(error, "cannot save the state")
            }
            keeper.becameIdle()
        }
    }

    private func saved(
        _ outcome: StateSave.Outcome, until moment: RunningMarker.Moment, changeCount: UInt64
    ) {
        hasFile = true
        isSaveUrgent = false
        savedChangeCount = changeCount
        if outcome.droppedCount == 0 { isSafe(until: moment) }
        logger.debug("saved the state", metadata: ["bytes": "\(outcome.byteCount)"])
        if outcome.droppedCount > 0 {
            logger.warning(
                "the state file has no room for the smallest peaks; raise --state-limit",
                metadata: ["runs": "\(outcome.droppedCount)"])
        }
        if hasFailed { logger.notice("the state can be saved again") }
        hasFailed = false
    }

    private func failed(_ error: any Error, _ what: String) {
        // The marker must go on, as it says truly since when nothing is safe.
        isSaveUrgent = false
        retryAtMilliseconds = lookedAtMilliseconds + StateKeeper.saveIntervalMilliseconds
        guard !hasFailed else { return }
        hasFailed = true
        logger.warning(
            """
            \(what): what no collector has would be lost with this agent; it is tried again each \
            minute
            """, metadata: ["folder": "\(folder.path)", "reason": "\(error)"])
    }

    /// Whether folds that a collector would take wait for the file of before.
    private var isFileInTheWay: Bool {
        guard hasFile, !isStopping, offlineSinceMilliseconds == nil, let owner else {
            return false
        }
        return owner.isWelcomed && owner.outbox.isStateSent && owner.outbox.isStateFileAwaited
    }

    /// Removes the file of before, as no newer one can take its place and a collector is there.
    ///
    /// What of it no collector has yet would be lost with this agent then, and first of all the
    /// marker says so.
    private func giveUpFile(_ error: any Error) {
        isSaveUrgent = false
        logger.warning(
            """
            cannot save the state anew: the file of before goes, so that the collector gets what \
            waits for it
            """, metadata: ["folder": "\(folder.path)", "reason": "\(error)"])
        marker.safe = told
        let bound = NIOLoopBound(self, eventLoop: loop)
        writeMarker().whenComplete { _ in bound.value.remove() }
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
            case .failure(let error): keeper.failed(error, "cannot remove the state file")
            }
            keeper.becameIdle()
        }
    }

    private func becameIdle() {
        isBusy = false
        let waiting = whenIdle
        whenIdle = []
        for next in waiting { next() }
    }

    // MARK: The marker

    private func mark(atMilliseconds now: Int64) {
        let age = markedAtMilliseconds.map { now - $0 } ?? .max
        // While the disk does not answer, the one that waits for it is enough.
        guard age >= StateKeeper.markerIntervalMilliseconds, markersUnderWay == 0 else { return }
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
        markersUnderWay += 1
        return written.always { result in
            let keeper = bound.value
            keeper.markersUnderWay -= 1
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
    ///
    /// Of a disk that does not answer, the next agent finds the marker of before, which says since
    /// when nothing is safe.
    func stop() -> EventLoopFuture<Void> {
        isStopping = true
        let promise = loop.makePromise(of: Void.self)
        let patience = loop.scheduleTask(in: StateKeeper.stopPatience) { [logger, folder] in
            logger.error(
                """
                the state directory does not answer: what no collector has is lost with this \
                agent; look at the disk
                """, metadata: ["folder": "\(folder.path)"])
            promise.succeed()
        }
        let idle = loop.makePromise(of: Void.self)
        finish(idle)
        idle.futureResult.whenComplete { _ in
            patience.cancel()
            promise.succeed()
        }
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
        isSafe(until: lookedMoment)
        if hasFile { remove() } else { becameIdle() }
    }

    private func finishMarker(_ promise: EventLoopPromise<Void>) {
        marker.isStopped = true
        marker.now = RunningMarker.Moment(
            atMilliseconds: lookedAtMilliseconds, processCount: facts.startedProcessCount())
        writeMarker().whenComplete { _ in promise.succeed() }
    }
}
