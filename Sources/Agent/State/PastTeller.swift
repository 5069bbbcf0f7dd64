import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import Wire

/// Tells what agents left that are gone, one after another, each in a session of its own beside
/// the live one.
///
/// A session begins once the live one has sent its state, to the same collector. Whatever becomes
/// of it, the live one is not touched.
final class PastTeller: CollectorLinkOwner {
    private let folder: StateFolder
    private let past: PastFolder
    private let hello: HelloFrame
    private let codec: FrameCodec
    private let python: PythonSettings
    private let loop: any EventLoop
    private let logger: Logger
    private weak var owner: (any StateOwner)?

    private var waiting: [PastReport] = []
    private var collector: CollectorAddress?
    private var backoff = Backoff()
    private var refusalCount = 0
    private var failureCount = 0
    private var isStopped = false
    private var isWaiting = false

    private var link: CollectorLink?
    private var isWelcomed = false
    private var frames: PastFrames?
    private var batch: ArraySlice<Frame> = []
    private var isReading = false
    private var isFileAtEnd = false
    private var lastSequence: UInt64 = 0
    private var acknowledgedSequence: UInt64 = 0
    private var isAllSent = false
    /// Whether the first one that waits is told and being removed: nothing begins meanwhile.
    private var isRemoving = false

    /// How often a collector may refuse what a file says until it is given up.
    private static let maximumRefusals = 3
    /// How often a file may give less than was counted in it until it is given up.
    private static let maximumFailures = 3

    /// Tells nothing until it is given something; `hello` is that of the live session, and
    /// `python` says what of Python programs leaves the host now, whoever wrote it down.
    init(
        _ past: PastFolder, hello: HelloFrame, codec: FrameCodec, python: PythonSettings,
        owner: any StateOwner, loop: any EventLoop, logger: Logger
    ) {
        folder = past.folder
        self.past = past
        self.hello = hello
        self.codec = codec
        self.python = python
        self.owner = owner
        self.loop = loop
        self.logger = logger
    }

    /// What is to be told from now on, the oldest first.
    func tell(_ reports: [PastReport]) {
        waiting += reports
        begin()
    }

    /// The live session has sent its state to this collector.
    func liveSessionStands(at collector: CollectorAddress) {
        self.collector = collector
        begin()
    }

    /// The live session is over: where the next one leads is not known yet.
    func liveSessionEnded() { collector = nil }

    /// Ends the session; the files stay.
    func stop() {
        isStopped = true
        link?.leave()
        link = nil
    }

    // MARK: The session

    private func begin() {
        guard !isStopped, !isWaiting, !isRemoving, link == nil, let collector,
            let report = waiting.first
        else { return }
        var hello = hello
        hello.epoch = report.header.epoch
        hello.boot = report.header.boot
        hello.hostID = RawText(report.header.host.text)
        let link = CollectorLink(hello: hello.asPast, codec: codec, owner: self)
        self.link = link
        isWelcomed = false
        let bound = NIOLoopBound((teller: self, link: link), eventLoop: loop)
        link.connect(to: collector, on: loop) { _ in
            let (teller, link) = bound.value
            guard teller.link === link else { return }
            teller.linkClosed(Disconnect(cause: .connectionLost))
        }
    }

    func linkWelcomed(_ welcome: WelcomeFrame) {
        guard let report = waiting.first, let link else { return }
        isWelcomed = true
        frames = nil
        batch = []
        isReading = false
        isFileAtEnd = report.name == nil || report.frameCount == 0
        isAllSent = false
        lastSequence = 0
        acknowledgedSequence = 0
        guard let name = report.name, report.frameCount > 0 else {
            batch = report.further[...]
            return send()
        }
        isReading = true
        let bound = NIOLoopBound((teller: self, link: link), eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [folder] in
            let frames = try PastFrames(of: name, count: report.frameCount, in: folder)
            return (frames, try frames.next())
        }.whenComplete { result in
            let (teller, link) = bound.value
            guard teller.link === link else { return }
            switch result {
            case .success(let (frames, first)):
                teller.frames = frames
                teller.read(first)
            case .failure(let error): teller.failed(report, error)
            }
        }
    }

    private func read(_ next: [Frame]) {
        isReading = false
        // Known with the last frame, so that its acknowledgement is not too early.
        isFileAtEnd = frames?.isAtEnd ?? true
        let frames = next + (isFileAtEnd ? waiting.first?.further ?? [] : [])
        batch = frames.compactMap(python.leaving)[...]
        send()
    }

    private func readOn() {
        guard !isReading, let frames, let link, let report = waiting.first else { return }
        isReading = true
        let bound = NIOLoopBound((teller: self, link: link), eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try frames.next() }
            .whenComplete { result in
                let (teller, link) = bound.value
                guard teller.link === link else { return }
                switch result {
                case .success(let next): teller.read(next)
                case .failure(let error): teller.failed(report, error)
                }
            }
    }

    private func send() {
        guard let link, isWelcomed, !isAllSent else { return }
        while link.hasRoom, let frame = batch.popFirst() { lastSequence = link.send(frame) }
        link.flush()
        guard batch.isEmpty else { return }
        if isFileAtEnd {
            isAllSent = true
            finishIfDurable()
        } else {
            readOn()
        }
    }

    func linkAcknowledged(throughSequence sequence: UInt64) {
        acknowledgedSequence = sequence
        send()
        finishIfDurable()
    }

    func linkHasRoom() { send() }

    func linkReset(_ stretches: [TimeBracket]) {
        // The collector itself takes nothing that was purged.
    }

    func linkClosed(_ disconnect: Disconnect) {
        link = nil
        frames = nil
        batch = []
        // Whoever removes a file goes on when that is done, with the next one.
        guard !isStopped, !isRemoving, let report = waiting.first else { return }
        if disconnect.isRefusalOfContent {
            refusalCount += 1
            if refusalCount >= PastTeller.maximumRefusals {
                giveUp(report, as: StateFileName.refusedSuffix, disconnect.phrase)
                return
            }
        }
        again(after: disconnect, disconnect.phrase)
    }

    private func again(after disconnect: Disconnect, _ reason: String) {
        var random = SystemRandomNumberGenerator()
        let wait = backoff.delayMilliseconds(after: disconnect, using: &random)
        logger.info(
            "what an earlier agent left is told later",
            metadata: ["reason": "\(reason)", "retryMilliseconds": "\(wait)"])
        isWaiting = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(wait)) {
            bound.value.isWaiting = false
            bound.value.begin()
        }
    }

    // MARK: Ends of files

    private func finishIfDurable() {
        guard isAllSent, !isRemoving, acknowledgedSequence >= lastSequence,
            let report = waiting.first, let link
        else { return }
        isRemoving = true
        let bound = NIOLoopBound((teller: self, link: link), eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [folder] in
            if let name = report.name { try folder.remove(name) }
        }.whenComplete { result in
            let (teller, link) = bound.value
            if case .failure(let error) = result {
                // It is told again after the next start, which changes nothing.
                teller.logger.warning(
                    "cannot remove a state file that was told",
                    metadata: ["file": "\(report.name ?? "")", "reason": "\(error)"])
            } else {
                teller.logger.notice(
                    "told what an earlier agent had kept",
                    metadata: ["epoch": "\(StateLine.hexadecimal(report.header.epoch))"])
            }
            teller.next(after: link)
        }
    }

    private func next(after link: CollectorLink) {
        if self.link === link {
            link.leave()
            self.link = nil
        }
        isRemoving = false
        waiting.removeFirst()
        refusalCount = 0
        failureCount = 0
        backoff = Backoff()
        begin()
    }

    /// A file gave less than was counted in it: it stays, and is told later from its beginning.
    private func failed(_ report: PastReport, _ error: any Error) {
        failureCount += 1
        guard failureCount < PastTeller.maximumFailures else {
            return giveUp(report, as: StateFileName.damagedSuffix, "\(error)")
        }
        endLink()
        again(after: Disconnect(cause: .connectionLost), "\(error)")
    }

    private func endLink() {
        link?.leave()
        link = nil
        frames = nil
        batch = []
    }

    /// Puts a file aside that cannot be told, has a gap told in its place, and goes on.
    private func giveUp(_ report: PastReport, as suffix: String, _ reason: String) {
        endLink()
        waiting.removeFirst()
        refusalCount = 0
        failureCount = 0
        let closing = gap(inPlaceOf: report)
        let bound = NIOLoopBound(self, eventLoop: loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [past] in
            // The gap comes first: whoever is killed in between has one of both.
            let gap = closing.map { past.writeOrKeep($0) }
            var notes: [PastFolder.Note] = []
            if let name = report.name {
                past.setAside(name, as: suffix, reason, into: &notes)
            }
            return (gap, notes)
        }.whenSuccess { gap, notes in
            for note in notes {
                bound.value.logger.error(
                    "\(note.message)",
                    metadata: ["file": "\(note.file)", "reason": "\(note.reason)"])
            }
            if let gap { bound.value.waiting.append(gap) }
            bound.value.begin()
        }
    }

    /// A gap in the place of a file; nil if it was one of gaps already.
    private func gap(inPlaceOf report: PastReport) -> PastClosing? {
        guard let owner, let name = report.name, !StateFileName.isGaps(name) else { return nil }
        return PastClosing(
            lossOf: report.header, ordinal: PastClosing.setAsideGapOrdinal,
            host: owner.outbox.host)
    }
}

extension Disconnect {
    /// Whether what was said is what the collector refused, so that it would refuse it again.
    fileprivate var isRefusalOfContent: Bool {
        switch cause {
        case .failed(let error): error.code == .internalError || error.code == .frameTooLarge
        case .collectorError(let code, _):
            switch UInt16(exactly: code).flatMap(ErrorCode.init(rawValue:)) {
            case .notHighwater, .badHeader, .frameTooLarge, .badChecksum, .badCompression,
                .badSequence, .unknownType, .unexpectedFrame, .badPayload, .limitExceeded,
                .badIdentity:
                true
            default: false
            }
        case .stopped, .connectionLost, .collectorLeft: false
        }
    }
}
