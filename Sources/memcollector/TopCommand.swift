import ArgumentParser
import CollectorClient
import CommandLineProgram
import Report
import Terminal

/// The command `memcollector top`.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows hosts, processes, programs and kills live, full screen.",
        discussion: """
            Keys: 1 to 4 or Tab for the lists, arrows and Enter to go down from a host to its \
            processes and to one of them, Esc back, / filters, s sorts, p pauses, ? helps, q quits.

            EXAMPLES:
              memcollector top
              memcollector top --url http://collector.example:7070 --interval 5s
            """)

    @Option(help: ArgumentHelp("Time between two questions.", valueName: "duration"))
    var interval = "2s"

    @OptionGroup var collector: CollectorOptions

    func validate() throws {
        do {
            _ = try LiveTerminal.intervalMilliseconds(interval)
        } catch {
            throw ValidationError(error.description)
        }
        _ = try collector.client()
    }

    func run() async throws {
        do {
            try await LiveTerminal.run(
                program: "memcollector top", source: CollectorSource(try collector.client()),
                isOneHost: false,
                intervalMilliseconds: try LiveTerminal.intervalMilliseconds(interval))
        } catch let problem as TerminalProblem {
            throw UsageFailure(problem.description)
        }
    }
}
