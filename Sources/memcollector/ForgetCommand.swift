import ArgumentParser
import Collector
import CommandLineProgram
import Glibc

/// The command `memcollector forget`.
struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Removes a host that is gone for good, and all that is known of it.",
        discussion: """
            A host that is silent counts as missing for as long as anything is known of it, which \
            may be years: 'hosts', the coverage of reports and 'check' say so. This removes it at \
            once, with its processes, sums and minutes. What is removed is gone. A host with an \
            agent that is connected is refused; one that comes back later is a new one.

            It is done by the collector of --data-dir, on its own host and as its user or root; \
            if none runs there, on its database.

            EXAMPLES:
              memcollector forget --host db-01 --dry-run
              memcollector forget --host db-01 --yes
            """)

    @Option(help: ArgumentHelp("Which host: the id or name of one.", valueName: "host"))
    var host: String

    @Flag(help: "Only say what would be removed.")
    var dryRun = false

    @Flag(help: "Do not ask; needed without a terminal.")
    var yes = false

    @Option(help: ArgumentHelp("The collector's folder, as of 'serve'.", valueName: "path"))
    var dataDir = "/var/lib/memcollector"

    func validate() throws {
        guard !host.isEmpty, host.utf8.count <= 256, host.utf8.allSatisfy({ $0 >= 0x20 }) else {
            throw ValidationError("--host takes the id or name of one host")
        }
        guard yes || dryRun || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("without a terminal, say --yes or --dry-run")
        }
    }

    func run() async throws {
        let client = ControlClient(dataDirectory: dataDir)
        do {
            if dryRun || !yes {
                print(
                    try await client.ask(.forget(host: host, isDryRun: true)), terminator: "")
            }
            guard !dryRun else { return }
            guard yes || Confirmation.isGiven(to: "Remove it?") else {
                throw ProgramFailure("nothing was removed")
            }
            print(try await client.ask(.forget(host: host, isDryRun: false)), terminator: "")
        } catch let problem as ControlClient.Problem {
            throw ProgramFailure(problem.description)
        }
    }
}
