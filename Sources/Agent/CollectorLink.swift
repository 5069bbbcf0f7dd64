import Logging
package import MemoryModel
package import NIOCore
import NIOPosix
import ProcessSampler
package import Wire

/// What an agent is told about its connection; all calls come on the event loop.
package protocol CollectorLinkOwner: AnyObject {
    /// The collector accepted the session.
    func linkWelcomed(_ welcome: WelcomeFrame)
    /// Everything up to this frame is durable, and there may be more room.
    func linkAcknowledged(throughSequence sequence: UInt64)
    /// Peaks of these stretches of boot time were purged and are to be forgotten.
    func linkReset(_ stretches: [TimeBracket])
    /// More can be written.
    func linkHasRoom()
    /// The session is over.
    func linkClosed(_ disconnect: Disconnect)
}

/// One connection to a collector: bytes to frames, frames to the session, its actions to the
/// world.
///
/// All of it runs on the agent's event loop. The session decides; this does.
package final class CollectorLink: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private var session: SenderSession
    private let codec: FrameCodec
    private weak var owner: (any CollectorLinkOwner)?
    private var context: ChannelHandlerContext?
    private var received = ByteBuffer()
    private var isClosed = false
    private var deadline: Scheduled<Void>?

    /// A link that begins with `hello` once it is added to a channel of the owner's event loop.
    package init(hello: HelloFrame, codec: FrameCodec, owner: any CollectorLinkOwner) {
        session = SenderSession(hello: hello)
        self.codec = codec
        self.owner = owner
    }

    /// Connects to a collector; `failed` gets the reason if there is no connection to be had.
    func connect(
        to collector: CollectorAddress, on loop: any EventLoop,
        failed: @escaping @Sendable (String) -> Void
    ) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(.seconds(5))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(host: collector.host, port: collector.port)
            .whenFailure { failed(ConnectionFailure.phrase(of: $0)) }
    }

    /// Whether a data frame may be sent now: there is credit, and the socket takes it.
    package var hasRoom: Bool {
        !isClosed && session.mayEncode > 0 && context?.channel.isWritable == true
    }

    /// Sends a data frame and gives the number under which it went; `hasRoom` must hold.
    package func send(_ frame: Frame) -> UInt64 {
        let sequence = session.willSend(frame, atMilliseconds: now)
        write(frame, sequence)
        armDeadline()
        return sequence
    }

    /// Lets what was written go out at once.
    package func flush() {
        context?.flush()
    }

    /// Says good-bye and closes.
    package func stop() {
        perform(session.stop(atMilliseconds: now))
    }

    /// Says good-bye and closes, without a word to the owner, which goes on without this link.
    func leave() {
        owner = nil
        stop()
    }

    private var now: Int64 { BootClock.nowMilliseconds() }

    // MARK: Events of the connection

    /// Keeps the way to the channel.
    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    /// Begins the session.
    package func channelActive(context: ChannelHandlerContext) {
        perform(session.connected(atMilliseconds: now))
        armDeadline()
        context.fireChannelActive()
    }

    /// Takes in bytes of the collector.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        readFrames()
        armDeadline()
    }

    /// Ends the session.
    package func channelInactive(context: ChannelHandlerContext) {
        perform(session.connectionClosed(atMilliseconds: now))
        self.context = nil
        context.fireChannelInactive()
    }

    /// Tells the owner that there is room again.
    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { owner?.linkHasRoom() }
        context.fireChannelWritabilityChanged()
    }

    /// Ends the session, because the connection failed.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        perform(session.connectionClosed(atMilliseconds: now))
    }

    // MARK: Bytes to frames

    private func readFrames() {
        do throws(WireError) {
            while !isClosed, let decoded = try nextFrame() {
                received.moveReaderIndex(forwardBy: decoded.consumedBytes)
                perform(
                    session.frameReceived(
                        decoded.frame, sequence: decoded.sequence, atMilliseconds: now))
            }
        } catch {
            perform(session.decodingFailed(error, atMilliseconds: now))
        }
        guard !isClosed else { return }
        let length = received.withUnsafeReadableBytes { FrameDecoder.announcedBytes($0) }
        session.bytesWaiting(
            count: received.readableBytes, frameLength: length, atMilliseconds: now)
        received.discardReadBytes()
    }

    private func nextFrame() throws(WireError) -> DecodedFrame? {
        let (codec, isWelcomed) = (codec, session.isWelcomed)
        return try received.withUnsafeReadableBytes { bytes in
            Result { () throws(WireError) in
                try codec.decode(bytes, isWelcomed: isWelcomed)
            }
        }.get()
    }

    // MARK: Actions

    private func perform(_ actions: [SenderAction]) {
        for action in actions {
            switch action {
            case .sendPreface:
                guard let context else { continue }
                let preface = context.channel.allocator.buffer(bytes: FrameEncoder.preface)
                context.write(wrapOutboundOut(preface), promise: nil)
            case .send(let frame, let sequence):
                write(frame, sequence)
                context?.flush()
            case .welcomed(let welcome): owner?.linkWelcomed(welcome)
            case .acknowledged(let sequence):
                owner?.linkAcknowledged(throughSequence: sequence)
            case .reset(let stretches): owner?.linkReset(stretches)
            case .close(let disconnect): close(disconnect)
            }
        }
    }

    private func write(_ frame: Frame, _ sequence: UInt64) {
        guard let context, context.channel.isActive else { return }
        var buffer = context.channel.allocator.buffer(capacity: 512)
        do throws(WireError) {
            try codec.encode(frame, sequence: sequence, mayCompress: session.isWelcomed) {
                buffer.writeBytes($0)
            }
            context.write(wrapOutboundOut(buffer), promise: nil)
        } catch {
            // A frame that cannot be encoded must not leave a gap in the numbers.
            close(Disconnect(cause: .failed(error)))
        }
    }

    private func close(_ disconnect: Disconnect) {
        guard !isClosed else { return }
        isClosed = true
        deadline?.cancel()
        deadline = nil
        received = ByteBuffer()
        context?.close(promise: nil)
        owner?.linkClosed(disconnect)
    }

    private func armDeadline() {
        guard !isClosed, deadline == nil, let context,
            let next = session.nextDeadlineMilliseconds
        else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .milliseconds(max(1, next - now))) {
            let link = bound.value
            link.deadline = nil
            link.perform(link.session.timePassed(atMilliseconds: link.now))
            link.armDeadline()
        }
    }
}
