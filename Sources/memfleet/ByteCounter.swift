import NIOCore

/// Counts what an agent writes to its connection, whole frames with their headers.
final class ByteCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bytes so far.
    private(set) var count: UInt64 = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        count += UInt64(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }
}
