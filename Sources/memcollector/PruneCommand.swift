import ArgumentParser
import Collector
import CommandLineProgram
import Glibc

/// The command `memcollector prune`.
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Removes what is older than it is kept, now.",
        discussion: """
            A collector removes by itself what is older than 'serve' was told to keep. This does \
            it at once, and with other lengths of time if they are given; the collector goes on \
            with its own. What is removed is gone. Processes that still run are never removed, \
            unless nothing was heard of their host for as long as --keep-runs says.

            It is done by the collector of --data-dir, on its own host and as its user or root; \
            if none runs there, on its database. The file does not shrink: the room in it is used \
            again.

            EXAMPLES:
              memcollector prune --dry-run
              memcollector prune --keep-runs 30d --yes
            """)

    @OptionGroup var keep: RetentionOptions

    @Flag(help: "Only say what would be removed.")
    var dryRun = false

    @Flag(help: "Do not ask; needed without a terminal.")
    var yes = false

    @Option(help: ArgumentHelp("The collector's folder, as of 'serve'.", valueName: "path"))
    var dataDir = "/var/lib/memcollector"

    func validate() throws {
        guard yes || dryRun || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("without a terminal, say --yes or --dry-run")
        }
    }

    func run() async throws {
        let client = ControlClient(dataDirectory: dataDir)
        let retention = try keep.settings()
        do {
            if dryRun || !yes {
                let preview = try await client.ask(.prune(retention, isDryRun: true))
                print(preview, terminator: "")
                // Where nothing would go there is nothing to ask.
                guard preview != ControlClient.nothingToPrune else { return }
            }
            guard !dryRun else { return }
            guard yes || Confirmation.isGiven(to: "Remove it?") else {
                throw ProgramFailure("nothing was removed")
            }
            var line = ProgressLine()
            defer { line.clear() }
            let done = try await client.ask(.prune(retention, isDryRun: false)) { line.show($0) }
            line.clear()
            print(done, terminator: "")
        } catch let problem as ControlClient.Problem {
            throw ProgramFailure(problem.description)
        }
    }
}
