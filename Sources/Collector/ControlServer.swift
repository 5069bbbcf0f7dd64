import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Takes requests that change something, over a socket in the data directory that only its owner
/// and root may open.
final class ControlServer: Sendable {
    private let desk: PurgeDesk
    private let group: any EventLoopGroup
    private let path: String
    private let logger: Logger
    private let openCount = Atomic<Int>(0)

    /// Connections at one time; further ones are closed.
    private static let maximumConnections = 8

    init(desk: PurgeDesk, group: any EventLoopGroup, dataDirectory: String, logger: Logger) {
        self.desk = desk
        self.group = group
        path = ControlProtocol.path(dataDirectory: dataDirectory)
        self.logger = logger
    }

    /// Opens the socket; nil, and a line in the log, if that cannot be done.
    ///
    /// A collector that cannot be asked to change anything is a collector all the same.
    func open() async -> (any Channel)? {
        do {
            let channel = try await ServerBootstrap(group: group)
                .childChannelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture { try admit(channel) }
                }
                .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                .get()
            guard chmod(path, 0o600) == 0 else {
                try await channel.close()
                throw IOError(errnoCode: errno, reason: "chmod")
            }
            return channel
        } catch {
            logger.warning(
                """
                cannot take 'memcollector purge', 'prune' and 'forget'; a shorter --data-dir on a \
                local disk helps
                """,
                metadata: ["socket": "\(path)", "reason": "\(error)"])
            return nil
        }
    }

    /// Closes the socket and takes it away.
    func close(_ channel: (any Channel)?) async throws {
        guard let channel else { return }
        try await channel.close()
        // It may be gone already; whoever starts next replaces it.
        _ = unlink(path)
    }

    private func admit(_ channel: any Channel) throws {
        let count = openCount.wrappingAdd(1, ordering: .relaxed).newValue
        channel.closeFuture.whenComplete { [self] _ in
            openCount.wrappingSubtract(1, ordering: .relaxed)
        }
        guard count <= ControlServer.maximumConnections else { throw TooManyRequests() }
        try channel.pipeline.syncOperations.addHandler(
            ControlHandler(desk: desk, logger: logger))
    }
}

/// Closes a connection that is turned away.
private struct TooManyRequests: Error {}

/// Who is at the other end of a local socket (`struct ucred`, unix(7)).
private struct PeerCredentials {
    var pid: Int32 = 0
    var user: UInt32 = .max
    var group: UInt32 = .max
}

/// One request and its answer.
private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let desk: PurgeDesk
    private let logger: Logger
    private var received: [UInt8] = []
    private var isAnswered = false

    /// A request has to be there after this time.
    private static let patience = TimeAmount.seconds(5)

    init(desk: PurgeDesk, logger: Logger) {
        self.desk = desk
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: ControlHandler.patience) {
            let (handler, context) = bound.value
            if !handler.isAnswered { context.close(promise: nil) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered else { return }
        received += Array(unwrapInboundIn(data).readableBytesView)
        guard received.count <= ControlProtocol.maximumRequestBytes else {
            return answer(.failed("the request is too long"), context)
        }
        guard let end = received.firstIndex(of: 0x0A) else { return }
        isAnswered = true
        let line = String(decoding: received[..<end], as: UTF8.self)
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        judge(context).whenComplete { result in
            let (handler, context) = bound.value
            guard case .success(true) = result else {
                return handler.answer(
                    .failed("only the collector's own user and root may ask this"), context)
            }
            handler.carryOut(line, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("a request failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    /// Whether the peer may ask: the mode of the socket says so already, but not everywhere.
    private func judge(_ context: ChannelHandlerContext) -> EventLoopFuture<Bool> {
        guard let provider = context.channel as? any SocketOptionProvider else {
            return context.eventLoop.makeSucceededFuture(false)
        }
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map { $0.user == 0 || $0.user == geteuid() }
    }

    private func carryOut(_ line: String, _ context: ChannelHandlerContext) {
        guard let request = ControlProtocol.request(line) else {
            return answer(
                .failed("this collector does not know that request; its version differs"), context)
        }
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: ControlAnswer.self)
        let desk = desk
        let loop = context.eventLoop
        promise.completeWithTask {
            await desk.answer(request) { text in
                loop.execute {
                    let (handler, context) = bound.value
                    handler.tell(text, context)
                }
            }
        }
        promise.futureResult.whenSuccess { result in
            let (handler, context) = bound.value
            if request.changesSomething { handler.log(request, result) }
            handler.answer(result, context)
        }
    }

    /// Says how far it is, unless the other end takes nothing.
    private func tell(_ progress: String, _ context: ChannelHandlerContext) {
        guard context.channel.isActive, context.channel.isWritable else { return }
        let buffer = context.channel.allocator.buffer(bytes: ControlProgress.bytes(progress))
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    private func log(_ request: ControlRequest, _ result: ControlAnswer) {
        guard case .done(let text) = result else { return }
        // Its first line says in words what was done.
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        logger.notice(
            "did what was asked", metadata: ["request": "\(request.word)", "result": "\(line)"])
    }

    private func answer(_ answer: ControlAnswer, _ context: ChannelHandlerContext) {
        isAnswered = true
        let buffer = context.channel.allocator.buffer(
            bytes: answer.bytes.prefix(ControlProtocol.maximumAnswerBytes))
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }
}

extension ControlRequest {
    fileprivate var word: String {
        switch self {
        case .purge: "purge"
        case .undo: "undo"
        case .list: "list"
        case .prune: "prune"
        case .forget: "forget"
        }
    }

    fileprivate var changesSomething: Bool {
        switch self {
        case .purge(_, _, _, let isDryRun), .prune(_, let isDryRun), .forget(_, let isDryRun):
            !isDryRun
        case .undo: true
        case .list: false
        }
    }
}
