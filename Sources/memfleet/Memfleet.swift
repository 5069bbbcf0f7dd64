import ArgumentParser
import CommandLineProgram
import Glibc
import Logging
import MemoryModel
import ServiceLifecycle
import UnixSignals

/// The simulated fleet's command line.
@main
struct Memfleet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memfleet",
        abstract: "Simulates a fleet of agents, to measure a collector.",
        discussion: """
            Sessions, frames, waits and state are those of real agents; their processes are made \
            up, and a seed makes the same ones again. The collector keeps what it is told: give \
            it a data directory of its own.

            Each agent takes about 1.5 KiB for each process, and as much for each end that is not \
            acknowledged, up to 4,096 of them; then nothing ends on its host until it is.

            Exit status: 0 if every session stood at the end and all was acknowledged, 1 if not.

            EXAMPLES:
              memfleet --collector 127.0.0.1:7100 --agents 1000 --seconds 60
              memfleet --collector 127.0.0.1:7100 --agents 10000 --processes 100 --format json
              # A day of minutes, which the collector packs as it comes
              memfleet --collector 127.0.0.1:7100 --agents 100 --interval 1m --span 24h
            """,
        version: Version.text)

    @Option(
        help: ArgumentHelp(
            "Where a collector listens; repeat it for others that take over when it is away.",
            valueName: "host:port"))
    var collector: [String] = []

    @Option(help: ArgumentHelp("How many hosts there are.", valueName: "n"))
    var agents = 1_000

    @Option(help: ArgumentHelp("How many processes live on each host.", valueName: "n"))
    var processes = 300

    @Option(
        help: ArgumentHelp(
            "How many of them have changed at each look.", valueName: "percent"))
    var changing = "20%"

    @Flag(
        help: "The same processes change at each look; else any may, and none has habits.")
    var steady = false

    @Option(help: ArgumentHelp("Time between two looks of an agent.", valueName: "duration"))
    var interval = "1s"

    @Option(
        help: ArgumentHelp(
            "Processes that end on each host in a second; as many begin.", valueName: "n"))
    var exits = 1.0

    @Option(help: ArgumentHelp("How many seconds to go on.", valueName: "n"))
    var seconds = 60

    @Option(
        help: ArgumentHelp(
            """
            How much time passes on the hosts meanwhile, such as 24h: their clocks run faster, \
            from so long ago until two minutes ago. As much as here by default.
            """, valueName: "duration"))
    var span: String?

    @Option(
        help: ArgumentHelp(
            """
            How much of that, at the start, the figures of frames, samples and acknowledgements \
            leave out.
            """, valueName: "n"))
    var warmUp = 0

    @Option(
        help: ArgumentHelp(
            """
            Over how many seconds the agents start, one after the other; all within the first \
            interval by default, as after a power cut.
            """, valueName: "n"))
    var rampUp = 0

    @Option(
        help: ArgumentHelp(
            "Makes the same hosts and processes again; drawn and shown if left out.",
            valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("How many threads the agents share.", valueName: "n"))
    var threads = 2

    @Flag(
        help: """
            All agents look at the whole interval of the clock, as real ones do, and not spread \
            over it.
            """)
    var aligned = false

    @Option(
        help: ArgumentHelp(
            """
            Writes every run with its true peak to this file, a JSON object a line, for a \
            comparison with the collector's report.
            """, valueName: "file"))
    var expect: String?

    @Option(
        help: ArgumentHelp("How the figures at the end look: text or json.", valueName: "format"))
    var format = "text"

    @OptionGroup var log: LogOptions

    static func main() async {
        await runAsProgram()
    }

    func run() async throws {
        let settings = try FleetArguments(self).settings()
        try OpenFiles.makeRoom(for: settings.agentCount)
        let expected = try expectedRuns(settings)
        let fleet = FleetService(
            settings: settings, expected: expected, logger: log.logger(label: "memfleet"))
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: fleet, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent))
        do {
            try await group.run()
        } catch {
            throw ProgramFailure("\(error)")
        }
        try finish(fleet, expected, settings)
    }

    private func expectedRuns(_ settings: FleetSettings) throws -> ExpectedRuns? {
        guard let path = settings.expectationPath else { return nil }
        guard let expected = ExpectedRuns(path: path) else {
            throw ProgramFailure(
                "cannot write --expect \(path): \(String(cString: strerror(errno)))")
        }
        return expected
    }

    private func finish(
        _ fleet: FleetService, _ expected: ExpectedRuns?, _ settings: FleetSettings
    ) throws {
        guard let outcome = fleet.outcome else {
            throw ProgramFailure("it was stopped before it began")
        }
        let report = FleetReport(outcome, settings)
        print(format == "json" ? report.json : report.text, terminator: "")
        if let expected, !expected.close() {
            throw ProgramFailure(
                "not all could be written to \(settings.expectationPath ?? ""); is the disk full?")
        }
        guard outcome.settledCount == settings.agentCount else {
            throw ProgramFailure(
                """
                \(settings.agentCount - outcome.settledCount) of \(settings.agentCount) agents \
                had no session at the end, or not all of what they told was acknowledged; look at \
                the failures above and at the collector's log
                """)
        }
    }
}

/// Room for as many connections as there are agents.
enum OpenFiles {
    /// Raises the limit of open files as far as it goes; throws if that is not enough.
    static func makeRoom(for agentCount: Int) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let wanted = agentCount + FleetSettings.otherFiles
        guard limit.rlim_cur >= rlim_t(wanted) else {
            throw ProgramFailure(
                """
                \(agentCount) agents need \(wanted) open files, and \(limit.rlim_cur) are \
                allowed; allow more with 'ulimit -n \(wanted)', or take fewer --agents
                """)
        }
    }
}
