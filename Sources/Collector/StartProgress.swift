import Logging
import Report
import SQLiteStore

/// Says in the log what a start on a large database is at, as nothing is served meanwhile.
struct StartProgress {
    private let dataDirectory: String
    private let logger: Logger
    private let startedAt = ContinuousClock.now
    private var saidAt = ContinuousClock.now
    private var isNotable = false

    /// From this size on it is told: 64 MiB.
    private static let notableBytes: UInt64 = 64 << 20
    /// How often it is told how far it is.
    private static let interval = Duration.seconds(5)

    init(settings: CollectorSettings, logger: Logger) {
        dataDirectory = settings.dataDirectory
        self.logger = logger
    }

    /// Before the database is opened, and brought to the present version if it is older.
    mutating func willOpen() {
        guard let bytes = SQLiteStore.sizeBytes(ofDataDirectory: dataDirectory) else { return }
        isNotable = bytes >= StartProgress.notableBytes
        guard isNotable else { return }
        logger.notice(
            "opening the database; this takes longer after an update of the program",
            metadata: ["size": "\(ByteSize(bytes).text)"])
    }

    /// Once it is open.
    func didOpen() {
        guard isNotable else { return }
        logger.notice("the database is open", metadata: ["after": "\(elapsed)"])
    }

    /// While the hosts and what lives on them are read.
    mutating func didRead(hosts count: Int, of total: Int) {
        let now = ContinuousClock.now
        guard now - saidAt >= StartProgress.interval else { return }
        saidAt = now
        logger.notice("reading the hosts", metadata: ["read": "\(count) of \(total)"])
    }

    private var elapsed: String {
        let (seconds, attoseconds) = (ContinuousClock.now - startedAt).components
        return DurationText.approximate(
            milliseconds: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}
