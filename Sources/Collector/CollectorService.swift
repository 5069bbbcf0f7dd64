import CLinux
package import Logging
import NIOCore
import NIOPosix
import PeakStore
import SQLiteStore
import ServiceLifecycle
import Wire

/// The collector as a service: sessions, commits and views, until it is told to stop.
///
/// On graceful shutdown it takes no more agents, commits and acknowledges what it has, tells each
/// agent to come back after a moment, commits what came in meanwhile and returns.
package struct CollectorService: Service {
    /// File descriptors for everything but agents: views, the store, event loops.
    private static let otherFiles = 400

    private var settings: CollectorSettings
    private let logger: Logger

    /// A collector that does what `settings` say.
    package init(settings: CollectorSettings, logger: Logger) {
        self.settings = settings
        // A connection that finds no file descriptor would keep an event loop busy for nothing.
        let openFiles = Int(clamping: clinux_raise_open_file_limit())
        self.settings.maximumConnections = min(
            settings.maximumConnections, max(openFiles - CollectorService.otherFiles, 1))
        self.logger = logger
    }

    /// Runs until graceful shutdown; throws a `CollectorProblem` if it cannot listen, or if the
    /// store cannot be opened or fails.
    package func run() async throws {
        do {
            let folder = settings.dataDirectory
            let store = try await StartProgress(settings: settings, logger: logger).opening {
                try SQLiteStore(dataDirectory: folder)
            }
            try await run(with: store)
            try store.close()
        } catch let error as PeakStoreError {
            throw CollectorProblem.store(error)
        }
    }

    private func run(with store: SQLiteStore) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        // The writer has a thread of its own, so that no number of slow reports delays a commit.
        let writing = NIOThreadPool(numberOfThreads: 1)
        let reading = NIOThreadPool(numberOfThreads: 2)
        writing.start()
        reading.start()
        func stop() async throws {
            try await writing.shutdownGracefully()
            try await reading.shutdownGracefully()
            try await group.shutdownGracefully()
        }
        do {
            try await serve(store, group, writing: writing, reading: reading)
        } catch {
            try await stop()
            throw error
        }
        try await stop()
    }

    private func serve(
        _ store: SQLiteStore, _ group: MultiThreadedEventLoopGroup, writing: NIOThreadPool,
        reading: NIOThreadPool
    ) async throws {
        var progress = StartProgress(settings: settings, logger: logger)
        let fleet = Fleet(
            fleet: try FleetState(store: store) { progress.didRead(hosts: $0, of: $1) },
            limits: settings.limits)
        let committer = Committer(fleet: fleet, store: store, thread: writing, logger: logger)
        let receiver = ReceiverSettings(
            storeID: store.storeID, collectorVersion: settings.version,
            maximumRuns: settings.maximumRunsPerHost, credit: settings.limits.credit)
        let server = try await AgentServer(
            group: group, fleet: fleet, settings: settings, receiver: receiver, logger: logger)
        let agents = try await bind(server)
        let control = ControlServer(
            desk: PurgeDesk(
                fleet: fleet, store: store, committer: committer, thread: writing,
                prune: PruneDesk(store: store), forget: ForgetDesk(store: store)),
            group: group, dataDirectory: settings.dataDirectory, logger: logger)
        let requests = await control.open()
        let views = ViewServer(
            views: Views(fleet: fleet, store: store, threads: reading), settings: settings,
            group: group, logger: logger)
        do {
            let maintainer = Maintainer(
                store: store, thread: writing, retention: settings.retention.retention,
                logger: logger, onHosts: { fleet.forget($0) })
            try await serve(
                views, fleet, committer, maintainer, agentPort: agents.localAddress?.port)
        } catch {
            try await agents.close()
            try await control.close(requests)
            throw error
        }
        try await agents.close()
        try await control.close(requests)
        try await leave(fleet, committer)
    }

    private func bind(_ server: AgentServer) async throws -> any Channel {
        do {
            return try await server.bind()
        } catch {
            throw CollectorProblem.cannotListen(settings.listen, flag: "--listen", reason: error)
        }
    }

    private func report(
        listeningFor what: String, on address: ListenAddress, port: Int?
    ) {
        let actual = address.with(port: port ?? address.port)
        logger.notice("listening for \(what)", metadata: ["address": "\(actual)"])
    }

    /// Serves views and commits until graceful shutdown; the first failure ends both.
    private func serve(
        _ views: ViewServer, _ fleet: Fleet, _ committer: Committer,
        _ maintainer: Maintainer, agentPort: Int?
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                do {
                    try await views.run { port in
                        // A collector that fails to start says why, and nothing before it.
                        report(listeningFor: "agents", on: settings.listen, port: agentPort)
                        report(listeningFor: "reports", on: settings.http, port: port)
                        logger.notice("ready")
                    }
                } catch let error as IOError {
                    throw CollectorProblem.cannotListen(
                        settings.http, flag: "--http", reason: error)
                } catch let error as SocketAddressError.UnknownHost {
                    throw CollectorProblem.cannotListen(
                        settings.http, flag: "--http", reason: error)
                }
            }
            let pace = CommitPace(
                fleet: fleet, intervalMilliseconds: settings.commitIntervalMilliseconds)
            tasks.addTask { await pace.watch() }
            tasks.addTask { try await pace.commit(with: committer, maintainer) }
            while try await tasks.next() != nil {}
        }
    }

    /// Acknowledges what there is, tells every agent to come back, keeps what came in meanwhile.
    private func leave(_ fleet: Fleet, _ committer: Committer) async throws {
        try await committer.commit()
        fleet.drain()
        let patience = ContinuousClock.now + .seconds(2)
        while fleet.sessionCount > 0, ContinuousClock.now < patience {
            try await Task.sleep(for: .milliseconds(10))
        }
        try await committer.commit()
        logger.notice("stopped; everything that was acknowledged is on the disk")
    }
}
