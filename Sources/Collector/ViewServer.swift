import HTTPTypes
import Hummingbird
import Logging
import MemoryModel
import NIOCore
import NIOPosix
import PeakStore
import Report

/// Serves the views over HTTP, as text for a terminal and `curl`, or as JSON and CSV.
struct ViewServer: Sendable {
    /// Every path that is served.
    static let paths = [
        "/", "/live", "/v1/summary", "/v1/hosts", "/v1/ps", "/v1/report", "/v1/show", "/v1/oom",
        "/v1/cgroups", "/v1/composition", "/v1/check", "/v1/export", "/metrics", "/healthz",
    ]

    /// Connections at one time; further ones wait.
    ///
    /// Without a bound they would take the agents' file descriptors.
    private static let maximumConnections = 256
    /// How long a connection may stay without a request.
    private static let idleSeconds: Int64 = 30

    private let views: Views
    private let live: LiveView
    private let metrics: MetricsView
    private let export: ExportView
    private let settings: CollectorSettings
    private let group: MultiThreadedEventLoopGroup
    private let logger: Logger

    init(
        views: Views, settings: CollectorSettings, group: MultiThreadedEventLoopGroup,
        logger: Logger
    ) {
        self.views = views
        live = LiveView(views: views)
        export = ExportView(views: views)
        metrics = MetricsView(views: views, settings: settings)
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

    private var router: Router<ViewContext> {
        let router = Router(
            context: ViewContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: HostCheck(listen: settings.http, further: settings.httpNames))
        router.add(middleware: UnknownPath())
        router.add(middleware: PatientAnswer())
        router.get("/") { request, _ in
            try await respond(request, taking: []) {
                try await views.summary(nowMilliseconds: $1)
            }
        }
        router.get("/v1/summary") { request, _ in
            try await respond(request, taking: []) {
                try await views.summary(nowMilliseconds: $1)
            }
        }
        router.get("/v1/hosts") { request, _ in
            try await respond(request, taking: []) {
                try await views.hosts(nowMilliseconds: $1)
            }
        }
        router.get("/v1/ps") { request, _ in
            try await respond(request, taking: ReportQuery.keys) {
                try await views.processes(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/v1/report") { request, _ in
            try await respond(request, taking: ReportQuery.keys, formats: ReportView.formats) {
                try await views.answer(to: $0, nowMilliseconds: $1)
            }
        }
        router.get("/v1/oom") { request, _ in
            try await respond(request, in: RangeQuery.killKeys) {
                try await views.kills(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/v1/cgroups") { request, _ in
            try await respond(request, in: RangeQuery.cgroupKeys) {
                try await views.cgroups(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/v1/composition") { request, _ in
            try await respond(request, in: RangeQuery.compositionKeys) {
                try await views.composition(matching: $0, nowMilliseconds: $1)
            }
        }
        router.get("/live") { request, _ in
            try await explainingFailure { try await live.response(to: request) }
        }
        router.get("/v1/export") { request, _ in
            try await explainingFailure { try await export.response(to: request) }
        }
        router.get("/v1/check") { request, _ in
            try await explainingFailure { try await CheckView(views: views).response(to: request) }
        }
        router.get("/metrics") { request, _ in
            try await explainingFailure { try await metrics.response(to: request) }
        }
        router.get("/v1/show") { request, _ in
            try await answer(request) { asked, now in
                try await views.page(
                    about: try asked.subjectQuery(nowMilliseconds: now), nowMilliseconds: now)
            }
        }
        router.get("/healthz") { _, _ in health }
        return router
    }

    private var health: Response {
        let problems = views.problems(at: WallClock.now())
        return Response.line(
            problems.first ?? "ok", status: problems.isEmpty ? .ok : .serviceUnavailable)
    }

    /// Answers with a view of runs, whose query takes `keys`.
    private func respond(
        _ request: Request, taking keys: [String],
        formats: [OutputFormat] = OutputFormat.common,
        _ make: (ReportQuery, Int64) async throws -> any FleetView
    ) async throws -> Response {
        try await answer(request, formats: formats) { asked, now in
            try await make(try asked.reportQuery(keys: keys, nowMilliseconds: now), now)
        }
    }

    /// Answers with a view of a range of time, whose query takes `keys`.
    private func respond(
        _ request: Request, in keys: [String],
        _ make: (RangeQuery, Int64) async throws -> any FleetView
    ) async throws -> Response {
        try await answer(request) { asked, now in
            try await make(try asked.rangeQuery(keys: keys, nowMilliseconds: now), now)
        }
    }

    /// Reads the request, makes the view and writes it in the form that was asked for.
    private func answer(
        _ request: Request, formats: [OutputFormat] = OutputFormat.common,
        _ make: (ViewRequest, Int64) async throws -> any FleetView
    ) async throws -> Response {
        let now = WallClock.nowMilliseconds()
        return try await explainingFailure {
            let asked = try ViewRequest(request, formats: formats)
            let view = try await make(asked, now)
            let text = view.written(as: asked.format, style: asked.style)
            if asked.isForBrowser, asked.format == .table { return .page(text) }
            var response = Response.text(text, mediaType: asked.format.mediaType)
            if view.hiddenRowCount > 0, let name = HTTPField.Name(HiddenRows.headerName) {
                response.headers[name] = String(view.hiddenRowCount)
            }
            if let line = view.coverageLine, let name = HTTPField.Name(CoverageLine.headerName) {
                response.headers[name] = line
            }
            return response
        }
    }

    /// What `answer` gives, or a line that says why there is nothing.
    private func explainingFailure(
        _ answer: () async throws -> Response
    ) async throws -> Response {
        do {
            return try await answer()
        } catch let error as QueryError {
            return Response.line("\(error)", status: .badRequest)
        } catch PeakStoreError.refused(let reason) {
            return Response.line(reason, status: .serviceUnavailable)
        } catch let problem as SubjectProblem {
            return Response.line(
                "\(problem)", status: problem.isAmbiguous ? .badRequest : .notFound)
        } catch {
            logger.error("a view failed", metadata: ["error": "\(error)"])
            return Response.line(
                "the store could not be read: \(error)", status: .internalServerError)
        }
    }
}
