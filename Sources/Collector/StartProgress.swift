import Logging
import NIOPosix
import Report
import SQLiteStore

/// Says in the log what a start on a large database is at, as nothing is served meanwhile.
struct StartProgress {
    private let dataDirectory: String
    private let logger: Logger
    private let interval: Duration
    private let notableBytes: UInt64
    private let startedAt = ContinuousClock.now
    private var saidAt = ContinuousClock.now

    /// From this size on it is told: 64 MiB.
    static let usualNotableBytes: UInt64 = 64 << 20
    /// How often it is told how far it is: each 5 seconds.
    static let usualInterval = Duration.seconds(5)

    init(
        settings: CollectorSettings, logger: Logger,
        notableBytes: UInt64 = StartProgress.usualNotableBytes,
        interval: Duration = StartProgress.usualInterval
    ) {
        dataDirectory = settings.dataDirectory
        self.logger = logger
        self.notableBytes = notableBytes
        self.interval = interval
    }

    /// Opens the database by `open`, which may take long, and brings it to the present version if
    /// it is older; says that it begins, every few seconds that it goes on, and that it is done.
    func opening<Store: Sendable>(
        _ open: @Sendable @escaping () throws -> Store
    ) async throws -> Store {
        let known = SQLiteStore.sizeBytes(ofDataDirectory: dataDirectory)
        guard let bytes = known, bytes >= notableBytes else {
            return try open()
        }
        logger.notice(
            "opening the database; this takes longer after an update of the program",
            metadata: ["size": "\(ByteSize(bytes).text)"])
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let ticker = Task { await tick() }
        let result: Result<Store, any Error>
        do {
            result = .success(try await thread.runIfActive(open))
        } catch {
            result = .failure(error)
        }
        ticker.cancel()
        try await thread.shutdownGracefully()
        let store = try result.get()
        logger.notice("the database is open", metadata: ["after": "\(elapsed)"])
        return store
    }

    /// Says again and again that it goes on, until it is cancelled.
    private func tick() async {
        while true {
            do { try await Task.sleep(for: interval) } catch { return }
            // What is rewritten goes to the log first: that it grows shows that it goes on.
            let log = SQLiteStore.logBytes(ofDataDirectory: dataDirectory)
            logger.notice(
                "still opening the database",
                metadata: ["after": "\(elapsed)", "written": "\(ByteSize(log).text)"])
        }
    }

    /// While the hosts and what lives on them are read.
    mutating func didRead(hosts count: Int, of total: Int) {
        let now = ContinuousClock.now
        guard now - saidAt >= interval else { return }
        saidAt = now
        logger.notice("reading the hosts", metadata: ["read": "\(count) of \(total)"])
    }

    private var elapsed: String {
        let (seconds, attoseconds) = (ContinuousClock.now - startedAt).components
        return DurationText.approximate(
            milliseconds: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}
