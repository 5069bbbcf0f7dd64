import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// Writes large and endless answers bit by bit, and closes the connection of a reader who takes
/// nothing for a while.
///
/// What waits for a reader is at most one piece and what the connection buffers; nobody holds the
/// collector up when it stops.
struct PatientAnswer: RouterMiddleware {
    typealias Context = ViewContext

    func handle(
        _ request: Request, context: ViewContext,
        next: (Request, ViewContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        let length = response.body.contentLength
        // What is no larger than a piece is with the kernel at once.
        if let length, length <= PatientWriter.pieceBytes { return response }
        let body = response.body
        let channel = context.channel
        response.body = ResponseBody(contentLength: length) { writer in
            let patient = PatientWriter(writer: writer, channel: channel)
            try await withGracefulShutdownHandler {
                try await body.write(patient)
            } onGracefulShutdown: {
                // A collector that stops waits no longer than that for anyone.
                channel.eventLoop.scheduleTask(in: PatientAnswer.patienceAtTheEnd) {
                    channel.close(promise: nil)
                }
            }
        }
        return response
    }

    /// How long an answer may take once the collector is told to stop.
    private static let patienceAtTheEnd = TimeAmount.seconds(3)
}

/// Passes on what is written, in pieces that each have a deadline.
private struct PatientWriter: ResponseBodyWriter {
    var writer: any ResponseBodyWriter
    let channel: any Channel

    /// How long a reader may take nothing.
    static let patience = TimeAmount.seconds(20)
    /// What is written at once.
    static let pieceBytes = 64 << 10

    /// Throws if the reader is gone or takes nothing.
    mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while rest.readableBytes > 0,
            let piece = rest.readSlice(length: min(PatientWriter.pieceBytes, rest.readableBytes))
        {
            let channel = channel
            let deadline = channel.eventLoop.scheduleTask(in: PatientWriter.patience) {
                channel.close(promise: nil)
            }
            defer { deadline.cancel() }
            try await writer.write(piece)
        }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await writer.finish(trailingHeaders)
    }
}
