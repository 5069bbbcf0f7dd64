import Logging
import MemoryModel
import ProcessSampler
import Wire

// What outlives the agent, and what became of the agents before it.
extension AgentCore {
    /// Opens the state directory; nil, with a warning, if the agent can do without it.
    static func openState(
        _ directory: StateDirectory, _ logger: Logger
    ) throws -> StateFolder? {
        do throws(StateDirectory.Problem) {
            return try StateFolder(path: directory.path)
        } catch {
            guard error.kind == .unusable else { throw error }
            logger.warning(
                """
                the state directory cannot be used: while no collector is there, what is seen is \
                lost with this agent, and so are image numbers; nor can it tell how long none ran
                """, metadata: ["reason": "\(error)"])
            return nil
        }
    }

    /// Takes up what the agent before left, after the first look.
    func beginState() {
        guard let stateFolder, let host = HostID(hello.hostID) else { return }
        let past = PastFolder(
            folder: stateFolder, ownEpoch: hello.epoch, limitBytes: settings.stateLimitBytes)
        let now = RunningMarker.Moment(
            atMilliseconds: firstLookAtMilliseconds, processCount: facts.startedProcessCount())
        let wallMinusBoot = BootClock.wallMinusBootMilliseconds()
        let (previous, isMarkerLost) = previousMarker(in: stateFolder)
        let downtime =
            isMarkerLost
            ? Downtime(unknownUntil: now)
            : Downtime(
                after: previous, host: host, boot: hello.boot, now: now,
                wallMinusBootMilliseconds: wallMinusBoot)
        if let downtime {
            outbox.add(downtime.loss)
            log(downtime)
        }
        let marker = RunningMarker(
            boot: hello.boot, epoch: hello.epoch, host: host, now: now,
            safe: downtime?.safe ?? now, wallMinusBootMilliseconds: wallMinusBoot)
        keeper = StateKeeper(
            past, marker: marker, hasToTell: downtime != nil, facts: facts, owner: self,
            loop: loop, logger: logger)
        let teller = PastTeller(
            past, hello: hello, codec: codec, python: settings.python, owner: self, loop: loop,
            logger: logger)
        self.teller = teller
        pastAgents = PastAgents(
            past,
            PastAgents.Beginning(
                boot: hello.boot, atMilliseconds: now.atMilliseconds,
                living: Set(outbox.ledger.runs.keys),
                wallMinusBootMilliseconds: wallMinusBoot, marker: previous,
                gapBefore: downtime?.gapBefore, hostID: host, host: outbox.host),
            teller: teller, owner: self, loop: loop, logger: logger)
        keeper?.looked(atMilliseconds: now.atMilliseconds)
    }

    /// The marker of the agent before, if it left one; and whether it left one that says nothing.
    private func previousMarker(
        in folder: StateFolder
    ) -> (marker: RunningMarker?, isLost: Bool) {
        do throws(FileFailure) {
            let bytes = try folder.beginning(
                of: StateFileName.running, maximumBytes: RunningMarker.byteCount)
            guard let bytes else { return (nil, false) }
            if let marker = RunningMarker.read(bytes) { return (marker, false) }
            logger.warning(
                "the marker of the agent before is damaged: how long none ran is not known",
                metadata: ["file": "\(folder.path)/\(StateFileName.running)"])
        } catch {
            logger.warning(
                "cannot read when an agent ran last", metadata: ["reason": "\(error)"])
        }
        return (nil, true)
    }

    private func log(_ downtime: Downtime) {
        let bracket = downtime.loss.bracket
        let seconds = (bracket.notAfterMilliseconds - bracket.notBeforeMilliseconds) / 1_000
        logger.log(
            level: downtime.isUnclean ? .warning : .info,
            downtime.isUnclean
                ? """
                the agent before this one did not stop in order: what began and ended since may \
                have been missed
                """ : "no agent ran for a while: what began and ended meanwhile was missed",
            metadata: [
                "seconds": "\(seconds)",
                "processesAtMost": "\(downtime.loss.count.map { "\($0)" } ?? "unknown")",
            ])
    }
}
