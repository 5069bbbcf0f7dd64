import HTTPTypes
import Hummingbird
import NIOCore
import Report
import ServiceLifecycle

/// The summary, sent again and again until the reader goes or the collector stops.
struct LiveView: Sendable {
    private let summary: SharedReading<SummaryView>
    private let places = Places()

    /// So many may watch at one time.
    private static let maximumWatchers = 32
    /// Who asks within this time of another sees the same.
    private static let sharedMilliseconds: Int64 = 500

    init(views: Views) {
        summary = SharedReading(maximumAgeMilliseconds: LiveView.sharedMilliseconds) {
            try await views.summary(nowMilliseconds: WallClock.nowMilliseconds())
        }
    }

    /// The answer to a request; throws a `QueryError` for what it does not take.
    func response(to request: Request) async throws -> Response {
        let asked = try ViewRequest(request)
        let query = try asked.liveQuery()
        if asked.isForBrowser {
            let text = try await summary.value().text(style: asked.style)
            return .page(text, refreshSeconds: query.intervalMilliseconds / 1_000)
        }
        guard let place = places.take(upTo: LiveView.maximumWatchers) else {
            return .line(
                "\(LiveView.maximumWatchers) watch already, and more are not taken; ask for / "
                    + "now and then instead", status: .serviceUnavailable)
        }
        // What cannot be read is told by a status, as long as there is none.
        let first = try await summary.value()
        return .text(
            body: ResponseBody { writer in
                try await send(first, query, asked.style, to: &writer)
                try await writer.finish(nil)
                withExtendedLifetime(place) {}
            }, mediaType: OutputFormat.table.mediaType)
    }

    private func send(
        _ first: SummaryView, _ query: LiveQuery, _ style: TextStyle,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        var page = first
        for number in 0... {
            let text = query.sent(page.text(style: style), number: number)
            try await writer.write(ByteBuffer(string: text))
            guard await isTimeToGoOn(after: query.intervalMilliseconds) else { return }
            page = try await summary.value()
        }
    }

    /// Waits; false if the collector stops.
    private func isTimeToGoOn(after milliseconds: Int64) async -> Bool {
        await cancelWhenGracefulShutdown {
            do {
                try await Task.sleep(for: .milliseconds(milliseconds))
                return true
            } catch {
                return false
            }
        }
    }
}
