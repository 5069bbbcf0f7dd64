import HTTPTypes
import Hummingbird
import Logging
import MemoryModel
import NIOCore
import NIOPosix
import Report

/// Serves the views over HTTP, as text for a terminal and `curl`, or as JSON and CSV.
struct ViewServer: Sendable {
    /// Connections at one time; further ones wait.
    ///
    /// Without a bound they would take the agents' file descriptors.
    private static let maximumConnections = 256
    /// How long a connection may stay without a request.
    private static let idleSeconds: Int64 = 30

    private let views: Views
    private let settings: CollectorSettings
    private let group: MultiThreadedEventLoopGroup
    private let logger: Logger

    init(
        views: Views, settings: CollectorSettings, group: MultiThreadedEventLoopGroup,
        logger: Logger
    ) {
        self.views = views
        self.settings = settings
        self.group = group
        self.logger = logger
    }

    /// Serves until graceful shutdown; throws if the address cannot be bound.
    ///
    /// `onListening` is told the port, which the kernel may have chosen.
    func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            router: router,
            server: .http1(
                configuration: .init(idleTimeout: .seconds(ViewServer.idleSeconds))),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.http.host, port: settings.http.port),
                serverName: "memcollector",
                availableConnectionsDelegate: .maximum(
                    ViewServer.maximumConnections, logger: quiet)),
            onServerRunning: { channel in
                await onListening(channel.localAddress?.port ?? settings.http.port)
            },
            eventLoopGroupProvider: .shared(group), logger: quiet)
        try await application.run()
    }

    private var router: Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: HostCheck(listen: settings.http))
        router.add(middleware: UnknownPath())
        router.get("/") { request, _ in
            try await respond(request) { try await views.summary(nowMilliseconds: $1) }
        }
        router.get("/v1/summary") { request, _ in
            try await respond(request) { try await views.summary(nowMilliseconds: $1) }
        }
        router.get("/v1/hosts") { request, _ in
            try await respond(request) { try await views.hosts(nowMilliseconds: $1) }
        }
        router.get("/v1/ps") { request, _ in
            try await respond(request, keys: ReportQuery.keys) {
                try await views.processes(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/v1/report") { request, _ in
            try await respond(request, keys: ReportQuery.keys) {
                try await views.report(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/healthz") { _, _ in health }
        return router
    }

    private var health: Response {
        let problems = views.problems
        return Response.line(
            problems.first ?? "ok", status: problems.isEmpty ? .ok : .serviceUnavailable)
    }

    /// Reads the query, makes the view and writes it in the form that was asked for.
    private func respond(
        _ request: Request, keys: [String] = [],
        _ make: (ReportQuery, Int64) async throws -> any FleetView
    ) async throws -> Response {
        let now = WallClock.nowMilliseconds()
        do {
            let asked = try ViewRequest(request, queryKeys: keys, nowMilliseconds: now)
            let view = try await make(asked.query, now)
            let body = view.written(as: asked.format, style: asked.style)
            return Response.text(body, mediaType: asked.format.mediaType)
        } catch let error as QueryError {
            return Response.line("\(error)", status: .badRequest)
        } catch {
            logger.error("a view failed", metadata: ["error": "\(error)"])
            return Response.line(
                "the store could not be read: \(error)", status: .internalServerError)
        }
    }
}

/// What a request asks for: which runs, in what form, for what kind of terminal.
struct ViewRequest {
    let query: ReportQuery
    let format: OutputFormat
    let style: TextStyle

    /// Reads the query and `Accept`; throws a `QueryError` for a key or value that is not taken.
    init(_ request: Request, queryKeys: [String], nowMilliseconds: Int64) throws(QueryError) {
        let pairs = request.uri.queryParameters.map { QueryPair(String($0.key), String($0.value)) }
        style = try TextStyle(pairs: pairs.filter { TextStyle.keys.contains($0.key) })
        let formats = pairs.filter { $0.key == "format" }
        if let text = formats.first?.value {
            guard let format = OutputFormat(rawValue: text), formats.count == 1 else {
                throw QueryError(
                    key: "format", value: text, reason: "is not accepted; use table, json or csv")
            }
            self.format = format
        } else {
            format = OutputFormat(accept: request.headers[.accept] ?? "")
        }
        let rest = pairs.filter { !TextStyle.keys.contains($0.key) && $0.key != "format" }
        if queryKeys.isEmpty, let unknown = rest.first {
            throw QueryError(
                key: DisplayText.escaped(RawText(unknown.key).clamped(toBytes: 64)),
                value: unknown.value,
                reason:
                    "no such key here; there are format, " + TextStyle.keys.joined(separator: ", ")
            )
        }
        query = try ReportQuery(
            pairs: rest, nowMilliseconds: nowMilliseconds,
            utcOffsetSeconds: style.utcOffsetSeconds)
    }
}

extension Response {
    fileprivate static func text(
        _ body: String, mediaType: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: mediaType, .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }

    fileprivate static func line(_ text: String, status: HTTPResponse.Status) -> Response {
        .text(text + "\n", mediaType: "text/plain; charset=utf-8", status: status)
    }
}
