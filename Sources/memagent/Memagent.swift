import Agent
import ArgumentParser
import CommandLineProgram
import Logging
import MemoryModel
import ProcessSampler
import Report
import ServiceLifecycle
import UnixSignals

/// The agent's command line.
@main
struct Memagent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memagent",
        abstract: "Sends the memory of every process of this host to a collector.",
        discussion: """
            Reads each process's memory from the kernel, its exact high-water mark included, and \
            streams what changed. It runs until it is stopped; a collector that is away is tried \
            again. 'memagent ps' and 'memagent top' show this host by themselves, and \
            'memagent run' the peaks of one command, without a collector.

            EXAMPLES:
              memagent --collector collector.example:7000
              memagent --collector a:7000 --collector b:7000 --label rack=b7
              MEMAGENT_COLLECTOR=collector.example memagent --interval 500ms
              memagent --collector collector.example:7000 --cpu-budget 2%
              memagent top
              memagent run -- make -j4
            """,
        version: Version.text, subcommands: ViewsOfThisHost.configuration.subcommands)

    @Option(
        help: ArgumentHelp(
            """
            Where a collector listens; repeat it to name others that take over when it is away. \
            [env: MEMAGENT_COLLECTOR, comma-separated]
            """, valueName: "host:port"))
    var collector: [String] = []

    @Option(help: ArgumentHelp("Time between two looks at all processes.", valueName: "duration"))
    var interval = "1s"

    @Option(
        help: ArgumentHelp(
            "Time between two reports: 1s by default, or --interval where that is longer.",
            valueName: "duration"))
    var reportInterval: String?

    @Option(
        help: ArgumentHelp(
            """
            What the agent may use of one CPU, such as 2% or 0.5%; beyond it for a minute, it \
            looks less often. 'none' lets it look as often as asked. By default 1%, or 15 \
            microseconds a second for each process if that is more.
            """, valueName: "percent"))
    var cpuBudget: String?

    @Option(
        help: ArgumentHelp(
            """
            How much of command lines leaves this host: none, script (the program's and its \
            script's name), redacted (secrets masked) or full.
            """, valueName: "policy"))
    var commandLine = "script"

    @Option(
        help: ArgumentHelp(
            """
            Which Python programs are watched for what runs while their memory grows: off, auto \
            (those that this user may read and that grew by 32 MiB or more) or all (that grew by \
            1 MiB or more). The largest growth first, at up to 2.5 % of a CPU while they grow.
            """, valueName: "policy"))
    var python = "auto"

    @Option(
        help: ArgumentHelp(
            """
            What of the names of Python files and functions, and of sections, leaves this host: \
            full (whole paths), base (file names) or hash (a number for each).
            """, valueName: "policy"))
    var pythonNames = "base"

    @Option(
        help: ArgumentHelp(
            """
            What this host is known by: letters, digits, '.', '_' and '-'. Its machine-id by \
            default, else a UUID kept in the state directory.
            """, valueName: "id"))
    var hostID: String?

    @Option(help: ArgumentHelp("The name to show for this host.", valueName: "name"))
    var hostname: String?

    @Option(help: ArgumentHelp("A label of this host; repeatable.", valueName: "key=value"))
    var label: [String] = []

    @Option(
        help: ArgumentHelp(
            "The tree of processes to read, for an agent in a container.", valueName: "path"))
    var procfs: String?

    @Option(
        help: ArgumentHelp(
            """
            Whose proportional share of memory (PSS) is read every 10s, at the cost of up to 1 % \
            of the time: off, or top:N for the N largest processes up to 4 GiB, such as top:10. \
            Needs CAP_SYS_PTRACE for other users' processes.
            """, valueName: "policy"))
    var pss = "off"

    @Option(
        help: ArgumentHelp(
            """
            Memory for what the kernel tells of exits and execs while it waits to be read, for \
            each processor, such as 4M. Make it larger if reports say that records were lost.
            """, valueName: "size"))
    var eventBuffer = "4M"

    @Option(
        help: ArgumentHelp(
            """
            The folder of the host's cgroups, for an agent in a container, such as \
            /host/sys/fs/cgroup. Where they are mounted by default.
            """, valueName: "path"))
    var cgroupRoot: String?

    @Option(
        help: ArgumentHelp(
            """
            Where programs tell how much memory a section of them needed, as the Python module \
            highwater does; none for nowhere.
            """, valueName: "path"))
    var sectionsSocket = AgentArguments.usualSectionsSocket

    @Option(
        help: ArgumentHelp(
            """
            Where the agent keeps what outlives it: /var/lib/memagent by default for root, else \
            ~/.local/state/memagent.
            """, valueName: "path"))
    var stateDir: String?

    @Option(
        help: ArgumentHelp(
            """
            How much of the disk the agent may use there for what no collector has yet, such as \
            64M. Beyond it, the smallest peaks are left out first.
            """, valueName: "size"))
    var stateLimit = "64M"

    @Option(
        help: ArgumentHelp(
            """
            How much memory what no collector has yet may take, such as 32M. Beyond it, small \
            processes that ended are counted together, and the smallest are left out last.
            """, valueName: "size"))
    var memoryLimit = "32M"

    @OptionGroup var log: LogOptions

    static func main() async {
        OwnMemory.useOneHeap()
        // Before there is a second thread, which would take the command's signals.
        if RunCommand.isMeant { RunCommand.runAsProgram() }
        if ViewsOfThisHost.isMeant { await ViewsOfThisHost.runAsProgram() }
        await runAsProgram()
    }

    func run() async throws {
        let settings = try AgentArguments(self).settings()
        let logger = log.logger(label: "memagent")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [AgentService(settings: settings, logger: logger)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent))
        do {
            try await group.run()
        } catch {
            throw ProgramFailure("\(error)")
        }
    }
}
