import Logging
import MemoryModel
import NIOCore
import NIOPosix
import Wire

/// What becomes of the state files of agents that are gone: they are read after the first look,
/// what is known of runs that live is taken over, and all of it is told beside the live session.
final class PastAgents {
    /// What is known at the first look.
    struct Beginning {
        /// The boot of the moment.
        var boot: BootID
        /// When the first look was, in milliseconds since boot.
        var atMilliseconds: Int64
        /// What lived then.
        var living: Set<ProcessKey>
        /// The wall clock minus the time since boot, in milliseconds.
        var wallMinusBootMilliseconds: Int64
        /// The marker of the agent before; nil if there is none.
        var marker: RunningMarker?
        /// What the agent before missed in another boot.
        var gapBefore: Gap?
        /// The host, whose the state directory is.
        var hostID: HostID
        /// What this host is, should the agent before have left no word of it.
        var host: HostDescription
    }

    private let past: PastFolder
    private let beginning: Beginning
    private let teller: PastTeller
    private let loop: any EventLoop
    private let logger: Logger
    private weak var owner: (any StateOwner)?
    private var isStopped = false

    /// Begins to read.
    init(
        _ past: PastFolder, _ beginning: Beginning, teller: PastTeller, owner: any StateOwner,
        loop: any EventLoop, logger: Logger
    ) {
        self.past = past
        self.beginning = beginning
        self.teller = teller
        self.owner = owner
        self.loop = loop
        self.logger = logger
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try past.find() }
            .whenComplete { result in
                switch result {
                case .success(let finding): bound.value.found(finding)
                case .failure(let error):
                    bound.value.logger.warning(
                        "cannot look for state files", metadata: ["reason": "\(error)"])
                }
            }
    }

    /// Nothing more is to be taken over or told.
    func stop() { isStopped = true }

    private func found(_ finding: PastFolder.Finding) {
        guard !isStopped, let owner else { return }
        for note in finding.notes {
            logger.error(
                "\(note.message)", metadata: ["file": "\(note.file)", "reason": "\(note.reason)"])
        }
        if finding.damageCount > 0 {
            owner.outbox.setCounter(.stateDamaged, finding.damageCount)
        }
        var closings = finding.lost.map { beginning.closing(of: $0, ownEpoch: past.ownEpoch) }
        var reports = finding.gaps
        for file in finding.files {
            if file.header.isClosed, file.damage == nil {
                reports.append(
                    PastReport(name: file.name, header: file.header, frameCount: file.frameCount))
            } else {
                closings.append(close(file))
            }
        }
        if let closing = closingWithoutFile(finding.files) { closings.append(closing) }
        write(closings, before: reports)
    }

    // MARK: Closing

    /// Judges what became of the runs of a file, and takes over what is known of those that live.
    private func close(_ file: PastFile) -> PastClosing {
        var closing = PastClosing(file: file)
        let saved = file.header.savedAtMilliseconds
        if file.damage != nil {
            let bracket = TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: saved)
            closing.gaps.append(
                Gap(
                    ordinal: PastClosing.damageGapOrdinal, reason: .dropped, bracket: bracket,
                    missedCount: nil))
        }
        guard !file.header.isClosed else { return closing }
        if file.header.boot == beginning.boot {
            let bracket = TimeBracket(
                notBeforeMilliseconds: saved,
                notAfterMilliseconds: max(saved, beginning.atMilliseconds))
            for (slot, record) in file.runs.live {
                if beginning.living.contains(record.key) {
                    _ = owner?.outbox.restore(record)
                } else {
                    closing.ends[slot] = RunEnd(bracket: bracket, reason: .unobserved)
                }
            }
        } else {
            let end =
                beginning.wallMinusBootMilliseconds &- file.header.wallMinusBootMilliseconds
            let bracket = TimeBracket(
                notBeforeMilliseconds: saved, notAfterMilliseconds: max(saved, end))
            for slot in file.runs.live.keys {
                closing.ends[slot] = RunEnd(bracket: bracket, reason: .rebooted)
            }
            if let gap = beginning.gapBefore, beginning.marker?.epoch == file.header.epoch {
                closing.gaps.append(gap)
            }
        }
        return closing
    }

    /// The gap of an agent of another boot that left no file.
    private func closingWithoutFile(_ files: [PastFile]) -> PastClosing? {
        guard let marker = beginning.marker, let gap = beginning.gapBefore,
            !files.contains(where: { $0.header.epoch == marker.epoch })
        else { return nil }
        let header = StateFileHeader(
            host: marker.host, boot: marker.boot, epoch: marker.epoch,
            savedAtMilliseconds: marker.safe.atMilliseconds,
            wallMinusBootMilliseconds: marker.wallMinusBootMilliseconds)
        return PastClosing(
            gap: gap, of: header, host: beginning.host,
            name: StateFileName.state(epoch: marker.epoch))
    }

    private func write(_ closings: [PastClosing], before reports: [PastReport]) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [past] in
            closings.map { closing in Result { try past.write(closing) } }
        }.whenSuccess { results in
            bound.value.written(zip(closings, results).map { ($0, $1) }, reports)
        }
    }

    private func written(
        _ results: [(PastClosing, Result<PastReport, any Error>)], _ reports: [PastReport]
    ) {
        guard !isStopped else { return }
        var all = reports
        for (closing, result) in results {
            switch result {
            case .success(let report): all.append(report)
            case .failure(let error):
                logger.warning(
                    """
                    cannot write what became of the runs of an earlier agent; it is told all the same
                    """,
                    metadata: ["file": "\(closing.file.name)", "reason": "\(error)"])
                all.append(closing.unwrittenReport)
            }
        }
        teller.tell(
            all.sorted {
                $0.header.savedAtMilliseconds &+ $0.header.wallMinusBootMilliseconds
                    < $1.header.savedAtMilliseconds &+ $1.header.wallMinusBootMilliseconds
            })
    }
}

extension PastAgents.Beginning {
    /// The gap that takes the place of a file of which nothing can be told.
    ///
    /// Where it does not say whose it is, its time does: this boot's, else that of the agent
    /// before, else nobody knows, and all of this boot may be missing.
    func closing(of lost: PastFolder.Lost, ownEpoch: UInt64) -> PastClosing {
        let header = lost.header ?? header(of: lost, ownEpoch: ownEpoch)
        return PastClosing(
            lossOf: header, ordinal: PastClosing.setAsideGapOrdinal, host: host)
    }

    private func header(of lost: PastFolder.Lost, ownEpoch: UInt64) -> StateFileHeader {
        var boot = boot
        var wallMinusBoot = wallMinusBootMilliseconds
        let changed = lost.changedAtWallMilliseconds ?? .max
        if changed < wallMinusBoot, let marker, marker.boot != boot {
            boot = marker.boot
            wallMinusBoot = marker.wallMinusBootMilliseconds
        }
        let saved = changed >= wallMinusBoot ? changed - wallMinusBoot : .max
        let latest = boot == self.boot ? atMilliseconds : marker?.now.atMilliseconds ?? saved
        return StateFileHeader(
            host: hostID, boot: boot, epoch: StateFileName.epoch(of: lost.name) ?? ownEpoch,
            savedAtMilliseconds: min(saved, latest), wallMinusBootMilliseconds: wallMinusBoot)
    }
}
