import HTTPTypes
import Hummingbird
import MemoryModel
import NIOCore
import NIOPosix
import PeakStore
import Report
import ServiceLifecycle

/// All runs one by one, in pieces that are read, made and sent one after the other.
struct ExportView: Sendable {
    private let views: Views
    private let places = Places()

    /// So many exports may be under way at one time.
    private static let maximumExports = 4

    init(views: Views) {
        self.views = views
    }

    /// The answer to a request; throws a `QueryError` for what it does not take.
    func response(to request: Request) async throws -> Response {
        let (format, query) = try ExportView.asked(request)
        guard let place = places.take(upTo: ExportView.maximumExports) else {
            return .line(
                "\(ExportView.maximumExports) exports are under way already; try again later",
                status: .serviceUnavailable)
        }
        let now = WallClock.nowMilliseconds()
        let export = RunExport(
            format: format, query: query,
            hosts: try await views.threads.runIfActive { try views.hosts(nowMilliseconds: now) })
        return .text(
            body: ResponseBody { writer in
                try await send(export, to: &writer)
                try await writer.finish(nil)
                withExtendedLifetime(place) {}
            }, mediaType: format.mediaType)
    }

    private static func asked(_ request: Request) throws -> (ExportFormat, ReportQuery) {
        var pairs = request.uri.queryParameters.map {
            QueryPair(String($0.key), String($0.value))
        }
        var format = ExportFormat.ndjson
        if let index = pairs.firstIndex(where: { $0.key == "format" }) {
            let text = pairs.remove(at: index).value
            guard let named = ExportFormat(rawValue: text) else {
                throw QueryError(
                    key: "format", value: text, reason: "is not accepted; use ndjson or csv")
            }
            format = named
        }
        let query = try RunExport.query(
            pairs: pairs, nowMilliseconds: WallClock.nowMilliseconds())
        return (format, query)
    }

    private func send(
        _ export: RunExport, to writer: inout any ResponseBodyWriter
    ) async throws {
        try await writer.write(ByteBuffer(string: export.header))
        var position: RunKey?
        repeat {
            // Whoever reads sees that the answer is not whole, and why in the collector's log.
            guard !Task.isShuttingDownGracefully else { throw CollectorStops() }
            let after = position
            let (text, last) = try await views.threads.runIfActive {
                try views.exportedPage(export, after: after)
            }
            if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
            position = last
        } while position != nil
    }

    private struct CollectorStops: Error {}
}

extension Views {
    /// So many runs are read at once.
    private static let exportedRuns = 1_000

    /// The runs that follow `position` as text, and the last of them; nil at the end.
    func exportedPage(
        _ export: RunExport, after position: RunKey?
    ) throws -> (text: String, last: RunKey?) {
        let stored = try store.runs(after: position, limit: Views.exportedRuns)
        let runs = stored.map { run in
            var record = run.record
            // What the fleet knows by now may not be on the disk yet.
            if let live = fleet.read({ fleet in
                fleet.hosts[run.host].flatMap { host in
                    host.boot == run.boot ? host.ledger[record.key] : nil
                }
            }) {
                record.merge(live, otherIsNewer: true)
            }
            return export.run(host: run.host, boot: run.boot, record: record)
        }
        return (export.text(of: runs), stored.count < Views.exportedRuns ? nil : stored.last?.key)
    }
}
