import Logging
import MemoryModel
import NIOCore
import ProcessSampler
import Wire

// How an agent reaches a collector, and tells it what is due.
extension AgentCore: CollectorLinkOwner {
    /// How long a stopping agent waits for its last words to be durable.
    private static let farewellMilliseconds: Int64 = 2_000

    /// Tells what is due, as far as there is room.
    func report() {
        guard let link, isWelcomed else { return }
        while link.hasRoom, let frame = outbox.nextFrame() {
            let sequence = link.send(frame)
            outbox.sent(sequence: sequence)
            sentSequence = sequence
        }
        isReportCut = !link.hasRoom
        link.flush()
        delivery.reported(
            through: sentSequence, isCut: isReportCut,
            atMilliseconds: BootClock.nowMilliseconds())
        if outbox.isStateSent { teller?.liveSessionStands(at: collector) }
        if !isReportCut, let sentSequence { keeper?.drained(sequence: sentSequence) }
    }

    private var collector: CollectorAddress { settings.collectors[rotation.current] }

    func connect() {
        guard !isStopped, link == nil else { return }
        let link = CollectorLink(hello: hello, codec: codec, owner: self)
        self.link = link
        let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
        link.connect(to: collector, on: loop) { reason in
            let (core, link) = bound.value
            guard core.link === link else { return }
            core.connectionFailed(reason)
        }
    }

    private func connectionFailed(_ reason: String) {
        linkClosed(Disconnect(cause: .connectionLost), reason: reason)
    }

    func linkWelcomed(_ welcome: WelcomeFrame) {
        isWelcomed = true
        rotation.welcomed(atMilliseconds: BootClock.nowMilliseconds(), using: &random)
        logger.info(
            "connected to the collector",
            metadata: ["collector": "\(collector)", "store": "\(welcome.storeID)"])
        let maximumRuns = UInt32(min(welcome.maximumRuns, UInt64(WireLimits.maximumSlots)))
        keeper?.maximumRuns = maximumRuns
        outbox.sessionOpened(
            maximumRuns: maximumRuns,
            maximumWireBytes: Int(clamping: welcome.maximumWireBytes),
            storeID: welcome.storeID)
        report()
        scheduleReturn()
    }

    func linkAcknowledged(throughSequence sequence: UInt64) {
        outbox.acknowledged(throughSequence: sequence)
        delivery.acknowledged(
            throughSequence: sequence, atMilliseconds: BootClock.nowMilliseconds())
        keeper?.acknowledged(throughSequence: sequence)
        continueReport()
        if isStopped, outbox.isEverythingAcknowledged { link?.stop() }
    }

    func linkReset(_ stretches: [TimeBracket]) {
        logger.notice("peaks were purged at the collector and are forgotten here as well")
        outbox.forget(stretches, atMilliseconds: BootClock.nowMilliseconds())
    }

    func linkHasRoom() {
        continueReport()
    }

    /// Uses room as soon as there is some, with the full state under way or a report cut short:
    /// the next look may be long in coming, and ends are told last.
    private func continueReport() {
        if isReportCut || !outbox.isStateSent { report() }
    }

    func linkClosed(_ disconnect: Disconnect) {
        linkClosed(disconnect, reason: nil)
    }

    private func linkClosed(_ disconnect: Disconnect, reason: String?) {
        let wasWelcomed = isWelcomed
        // Once the session is over nobody can tell any more.
        let isEverythingTold = outbox.isEverythingAcknowledged
        sessionEnded()
        keeper?.isEverythingTold = isStopped && isEverythingTold
        farewell?.succeed()
        guard !isStopped else { return }
        let now = BootClock.nowMilliseconds()
        let lost = collector
        let attempt = rotation.failed(disconnect, atMilliseconds: now, using: &random)
        let wait = max(0, attempt.atMilliseconds - now)
        var metadata: Logger.Metadata = [
            "collector": "\(lost)", "reason": "\(reason ?? disconnect.phrase)",
            "next": "\(collector)", "retryMilliseconds": "\(wait)",
        ]
        let advice = disconnect.advice(hostID: hello.hostID)
        if let advice { metadata["do"] = "\(advice)" }
        logger.log(
            level: advice == nil ? .warning : .error,
            wasWelcomed ? "lost the collector" : "cannot reach the collector",
            metadata: metadata)
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(wait)) { bound.value.connect() }
    }

    /// Goes back to the preferred collector when its time has come.
    private func scheduleReturn() {
        guard let at = rotation.returnAtMilliseconds, let link else { return }
        let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
        let wait = max(0, at - BootClock.nowMilliseconds())
        loop.scheduleTask(in: .milliseconds(wait)) {
            let (core, link) = bound.value
            guard core.link === link, !core.isStopped else { return }
            core.logger.info("going back to the preferred collector")
            core.rotation.returned()
            core.leave(link)
            core.connect()
        }
    }

    /// Ends a session in order, without taking it for a failure.
    private func leave(_ link: CollectorLink) {
        outbox.hurry(atMilliseconds: BootClock.nowMilliseconds())
        report()
        sessionEnded()
        link.leave()
    }

    private func sessionEnded() {
        link = nil
        isWelcomed = false
        sentSequence = nil
        delivery = DeliveryWatch()
        outbox.sessionClosed()
        keeper?.sessionClosed()
        teller?.liveSessionEnded()
    }

    // MARK: The end

    /// Tells what is left, keeps what nobody took, and says good-bye; the future is done when all
    /// of that is.
    func stop() -> EventLoopFuture<Void> {
        isStopped = true
        outbox.takeLastSections(hostSources.takeSections())
        hostSources.stop()
        pastAgents?.stop()
        teller?.stop()
        outbox.closeMinuteEarly()
        let bound = NIOLoopBound(self, eventLoop: loop)
        return stopPython().flatMap { bound.value.sayFarewell() }.flatMap {
            let core = bound.value
            return core.keeper?.stop() ?? core.loop.makeSucceededVoidFuture()
        }
    }

    /// Waits for the collector to have everything, but not for long.
    private func sayFarewell() -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        guard let link else {
            promise.succeed()
            return promise.futureResult
        }
        farewell = promise
        outbox.hurry(atMilliseconds: BootClock.nowMilliseconds())
        report()
        guard isWelcomed, !outbox.isEverythingAcknowledged else {
            link.stop()
            return promise.futureResult
        }
        let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
        let patience = loop.scheduleTask(
            in: .milliseconds(AgentCore.farewellMilliseconds)
        ) {
            bound.value.link.stop()
        }
        promise.futureResult.whenComplete { _ in patience.cancel() }
        return promise.futureResult
    }
}
