import Logging
import MemoryModel
import NIOCore
import Report
import Wire

/// One agent's connection: bytes to frames, frames to the session, its actions to the world.
///
/// All of it runs on the connection's event loop. The session decides; this does.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: ReceiverSession
    private let codec: FrameCodec
    private let fleet: Fleet
    private let address: String
    private let credit: UInt64
    private let onIdentified: @Sendable () -> Void
    private var logger: Logger

    private var received = ByteBuffer()
    private var hasPreface = false
    private var identity: (host: HostID, session: SessionID)?
    private var isClosing = false
    private var deadline: (milliseconds: Int64, task: Scheduled<Void>)?

    /// What a peer that does not read may have waiting for it before it is dropped, in bytes.
    static let maximumOutputBytes = 65_536

    /// The session of a connection from `address`, which grants `credit` at first.
    init(
        session: consuming ReceiverSession, codec: FrameCodec, fleet: Fleet, address: String,
        credit: UInt64, logger: Logger, onIdentified: @escaping @Sendable () -> Void
    ) {
        self.address = address
        self.credit = credit
        self.session = session
        self.codec = codec
        self.fleet = fleet
        self.logger = logger
        self.onIdentified = onIdentified
    }

    // MARK: Events of the connection

    func channelActive(context: ChannelHandlerContext) {
        armDeadline(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        if received.readableBytes == 0 {
            received = bytes
        } else {
            received.writeBuffer(&bytes)
        }
        readPreface(context)
        readFrames(context)
        armDeadline(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(session.inputClosed(atMilliseconds: now), context)
        finish()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable {
            logger.warning("agent does not read what it is sent; closing its connection")
            close(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["error": "\(error)"])
        close(context)
    }

    private var now: Int64 { WallClock.monotonicMilliseconds() }

    // MARK: Bytes to frames

    private func readPreface(_ context: ChannelHandlerContext) {
        guard !hasPreface, !isClosing else { return }
        let expected = FrameEncoder.preface
        let bytes = received.readableBytesView.prefix(expected.count)
        guard expected.starts(with: bytes) else {
            perform(session.prefaceReceived(matching: false, atMilliseconds: now), context)
            return
        }
        guard bytes.count == expected.count else { return }
        received.moveReaderIndex(forwardBy: expected.count)
        hasPreface = true
        perform(session.prefaceReceived(matching: true, atMilliseconds: now), context)
    }

    private func readFrames(_ context: ChannelHandlerContext) {
        guard hasPreface else { return }
        do throws(WireError) {
            while !isClosing, let decoded = try nextFrame() {
                received.moveReaderIndex(forwardBy: decoded.consumedBytes)
                fleet.statistics.tookFrame(wireBytes: decoded.consumedBytes)
                noteSignOfLife(decoded.frame)
                let actions = session.frameReceived(
                    decoded.frame, sequence: decoded.sequence,
                    wireBytes: decoded.consumedBytes, atMilliseconds: now)
                perform(actions, context)
            }
        } catch {
            perform(session.decodingFailed(error, atMilliseconds: now), context)
        }
        guard !isClosing else { return }
        let length = received.withUnsafeReadableBytes { FrameDecoder.announcedBytes($0) }
        session.bytesWaiting(
            count: received.readableBytes, frameLength: length, atMilliseconds: now)
        if received.readableBytes == 0 {
            // The channel reads the next bytes into the same buffer, if nobody else holds it.
            received = ByteBuffer()
        } else {
            received.discardReadBytes()
        }
    }

    /// An agent that has nothing to tell, or no credit, is heard all the same.
    private func noteSignOfLife(_ frame: Frame) {
        switch frame {
        case .ping, .pong:
            guard let identity else { return }
            fleet.heard(identity.host, by: identity.session, at: WallClock.now())
        default: return
        }
    }

    private func nextFrame() throws(WireError) -> DecodedFrame? {
        let (codec, isWelcomed) = (codec, session.isWelcomed)
        let maximumWireBytes = session.maximumWireBytes
        return try received.withUnsafeReadableBytes { bytes in
            Result { () throws(WireError) in
                try codec.decode(
                    bytes, isWelcomed: isWelcomed, maximumWireBytes: maximumWireBytes)
            }
        }.get()
    }

    // MARK: Actions

    private func perform(_ actions: [ReceiverAction], _ context: ChannelHandlerContext) {
        for action in actions where !isClosing {
            switch action {
            case .send(let frame, let sequence): send(frame, sequence, context)
            case .accepted(let peer): accept(peer, context)
            case .apply(let event, let sequence): apply(event, sequence, context)
            case .close(let reason):
                logClose(reason)
                close(context)
            }
        }
    }

    private func send(_ frame: Frame, _ sequence: UInt64, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        do throws(WireError) {
            var buffer = context.channel.allocator.buffer(capacity: 256)
            // What a collector says is short; compressing it would gain nothing.
            try codec.encode(frame, sequence: sequence, mayCompress: false) {
                buffer.writeBytes($0)
            }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        } catch {
            logger.error("cannot send a frame", metadata: ["reason": "\(error.reason)"])
            close(context)
        }
    }

    private func accept(_ peer: SessionIdentity, _ context: ChannelHandlerContext) {
        let loop = context.eventLoop
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: loop)
        let admission = fleet.accept(peer, from: address, credit: credit, at: WallClock.now()) {
            command in
            loop.execute {
                let (handler, context) = bound.value
                handler.obey(command, context)
            }
        }
        switch admission {
        case .accepted(let id):
            identity = (peer.hostID, id)
            if let rest = fleet.takeAllowance(of: peer.hostID, at: WallClock.now()) {
                session.restrict(to: rest, atMilliseconds: now)
            }
            onIdentified()
            logger[metadataKey: "host"] = "\(peer.hostID)"
            logger.info(
                "agent connected", metadata: ["name": "\(DisplayText.escaped(peer.hostName))"])
        case .refused(let refusal): refuse(refusal, context)
        }
    }

    private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        if refusal.isNotable {
            logger.warning("turned an agent away", metadata: ["reason": "\(refusal.text)"])
        }
        perform(
            session.refuse(
                code: refusal.code, text: refusal.text,
                retryAfterMilliseconds: refusal.retryAfterMilliseconds, atMilliseconds: now),
            context)
    }

    private func apply(
        _ event: SessionEvent, _ sequence: UInt64, _ context: ChannelHandlerContext
    ) {
        guard let identity else { return }
        let outcome = fleet.apply(
            event, to: identity.host, by: identity.session, sequence: sequence,
            at: WallClock.now())
        switch outcome {
        case .taken: break
        case .replaced: obey(.replaced(by: "another connection"), context)
        case .tooMuch:
            let text =
                "the host tells of too many runs, sums or cgroups, or of names that are too long"
            perform(session.fail(code: .limitExceeded, text: text, atMilliseconds: now), context)
        case .busy:
            let text = "this collector has no memory for more (--memory-limit)"
            perform(
                session.fail(
                    code: .busy, text: text, retryAfterMilliseconds: 30_000, atMilliseconds: now),
                context)
        }
    }

    private func obey(_ command: SessionCommand, _ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        switch command {
        case .committed(let sequence, let credit):
            perform(
                session.committed(
                    throughSequence: sequence, credit: credit, atMilliseconds: now), context)
        case .credit(let credit):
            perform(session.creditChanged(to: credit, atMilliseconds: now), context)
        case .replaced(let newer):
            let text = "a newer session of this host took over, from \(newer)"
            perform(session.fail(code: .replaced, text: text, atMilliseconds: now), context)
        case .reset(let stretches):
            perform(session.reset(stretches, atMilliseconds: now), context)
        case .drain(let delay):
            perform(
                session.drain(retryAfterMilliseconds: delay, atMilliseconds: now), context)
        }
        armDeadline(context)
    }

    // MARK: The end

    /// Closes after what was written is on its way; a peer that does not read is cut off.
    private func close(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        received = ByteBuffer()
        deadline?.task.cancel()
        deadline = nil
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // The peer gets a moment to read why; without it unread input would reset the connection.
        context.eventLoop.scheduleTask(in: .milliseconds(500)) {
            bound.value.close(promise: nil)
        }
    }

    private func finish() {
        isClosing = true
        deadline?.task.cancel()
        deadline = nil
        if let identity {
            fleet.close(
                identity.session, host: identity.host, allowance: session.allowance,
                at: WallClock.now())
            logger.info("agent disconnected")
        }
        identity = nil
    }

    private func logClose(_ reason: CloseReason) {
        switch reason {
        case .failed(let error) where error.code == .toldByAgent:
            logger.debug("a command is told of by its host's agent")
        case .failed(let error):
            fleet.statistics.refused(.malformed)
            logger.warning(
                "closing a connection",
                metadata: [
                    "reason": "\(error.reason)", "code": "\(error.code)",
                ])
        default:
            logger.debug("closing a connection", metadata: ["reason": "\(reason)"])
        }
    }

    private func armDeadline(_ context: ChannelHandlerContext) {
        guard !isClosing, let next = session.nextDeadlineMilliseconds else { return }
        if let deadline, deadline.milliseconds <= next { return }
        deadline?.task.cancel()
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let wait = TimeAmount.milliseconds(max(1, next - now))
        let task = context.eventLoop.scheduleTask(in: wait) {
            let (handler, context) = bound.value
            handler.deadline = nil
            handler.perform(handler.session.timePassed(atMilliseconds: handler.now), context)
            handler.armDeadline(context)
        }
        deadline = (next, task)
    }
}
