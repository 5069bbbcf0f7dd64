import ArgumentParser
import Collector
import CommandLineProgram
import Logging
import MemoryModel
import Report
import ServiceLifecycle
import UnixSignals

/// The command `memcollector serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Takes in what agents send, keeps it on disk and answers questions.",
        discussion: """
            Agents connect to --listen; people, 'curl' and the other commands ask at --http. Both \
            are reachable from this machine only, unless --insecure allows other addresses: there \
            is no encryption yet, and everything about every user's processes can be read.

            SIGTERM stops it in order: what was acknowledged is on the disk, agents are told to \
            come back. SIGHUP is taken, and changes nothing yet.

            EXAMPLES:
              memcollector serve --data-dir /var/lib/memcollector
              memcollector serve --listen 10.0.0.5:7000 --insecure
            """)

    @Option(help: ArgumentHelp("Where agents connect.", valueName: "address:port"))
    var listen = "127.0.0.1:7000"

    @Option(help: ArgumentHelp("Where questions are answered.", valueName: "address:port"))
    var http = "127.0.0.1:7070"

    @Option(
        help: ArgumentHelp(
            "Where the database is; the folder is made if it is missing.", valueName: "path"))
    var dataDir = "/var/lib/memcollector"

    @Option(
        help: ArgumentHelp(
            """
            What agents tell may take in memory, such as 4G; agents keep what does not fit. \
            (default: 1G, or half of a smaller machine)
            """, valueName: "size"))
    var memoryLimit: String?

    @Option(
        help: ArgumentHelp(
            """
            Another name by which people ask at --http, such as collector.example; repeat it for \
            others. Addresses, localhost and this machine's own name need none.
            """, valueName: "name"))
    var httpName: [String] = []

    @Option(
        help: ArgumentHelp(
            "How many programs, those with the largest peaks, /metrics tells of; 0 for none.",
            valueName: "count"))
    var metricsTop = 50

    @Flag(help: "Allow addresses that other machines can reach, although nothing is encrypted.")
    var insecure = false

    @OptionGroup var keep: RetentionOptions

    @OptionGroup var log: LogOptions

    // What is checked here is reported with the usage of this command.
    func validate() throws {
        _ = try settings()
    }

    private func settings() throws -> CollectorSettings {
        guard !dataDir.isEmpty else {
            throw ValidationError("--data-dir is empty; name a folder for the database")
        }
        var settings = CollectorSettings(
            listen: try address(listen, "--listen"), http: try address(http, "--http"),
            dataDirectory: dataDir, version: RawText(Version.text))
        settings.limits.memoryBytes = try memoryBytes()
        guard FleetMetrics.topRange.contains(metricsTop) else {
            throw ValidationError(
                "--metrics-top takes 0 to \(FleetMetrics.topRange.upperBound), not \(metricsTop)")
        }
        settings.metricPrograms = metricsTop
        for name in httpName {
            let isName = name.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":")
                    && byte != UInt8(ascii: "/")
            }
            guard isName, (1...253).contains(name.utf8.count) else {
                throw ValidationError(
                    "--http-name takes a name without a port, such as collector.example, not "
                        + "'\(name)'")
            }
        }
        settings.httpNames = httpName
        settings.retention = try keep.settings()
        return settings
    }

    private func memoryBytes() throws -> Int {
        guard let memoryLimit else { return CollectorSettings.usualMemoryBytes }
        let bytes: UInt64
        do {
            bytes = try ByteSize(parsing: memoryLimit).bytes
        } catch {
            throw ValidationError("--memory-limit: \(error)")
        }
        guard let limit = Int(exactly: bytes), limit >= CollectorSettings.leastMemoryBytes else {
            throw ValidationError("--memory-limit takes at least 64M, not '\(memoryLimit)'")
        }
        return limit
    }

    func run() async throws {
        let settings = try settings()
        let logger = log.logger(label: "memcollector")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    ReloadService(logger: logger),
                    CollectorService(settings: settings, logger: logger),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent))
        do {
            try await group.run()
        } catch {
            throw ProgramFailure("\(error)")
        }
    }

    private func address(_ text: String, _ flag: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw ValidationError(
                "\(flag) '\(text)' is not an address; it looks like 127.0.0.1:7000 or [::1]:7000")
        }
        guard address.isLoopback || insecure else {
            throw ValidationError(
                """
                \(flag) \(text) can be reached from other machines and nothing is encrypted yet; \
                use 127.0.0.1, or allow it with --insecure
                """)
        }
        return address
    }
}

/// Takes SIGHUP, so that it does not end the collector.
private struct ReloadService: Service {
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            logger.notice("SIGHUP: there is no setting that can be changed without a restart yet")
        }
    }
}
