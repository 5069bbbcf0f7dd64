import ArgumentParser
import CommandLineProgram
import ProcessSampler
import Report
import Terminal

/// The command `memagent top`.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows the processes of this host and their peaks live, full screen.",
        discussion: """
            It looks by itself and needs no collector, no other agent and no privilege; what it \
            cannot see for lack of one stands on the fourth line.

            Keys: 1 to 4 or Tab for the lists, arrows and Enter for the page of a process, Esc \
            back, / filters, s sorts, p pauses, ? helps, q quits.

            EXAMPLES:
              memagent top
              memagent top --interval 500ms
            """)

    @Option(help: ArgumentHelp("Time between two looks.", valueName: "duration"))
    var interval = "1s"

    @Option(
        help: ArgumentHelp(
            "The tree of processes to read, for a view from a container.", valueName: "path"))
    var procfs: String?

    @Option(
        help: ArgumentHelp(
            """
            What the agent of this host has for its --host-id: the ids of runs are then those \
            that a collector shows, but of what executed another program while it watched.
            """, valueName: "id"))
    var hostID: String?

    func validate() throws {
        try ViewsOfThisHost.checkIsMeant()
        guard procfs?.isEmpty != true else {
            throw ValidationError("--procfs is empty; give it a value, or leave it out")
        }
        _ = try ViewsOfThisHost.hostID(hostID)
        do {
            _ = try LiveTerminal.intervalMilliseconds(interval)
        } catch {
            throw ValidationError(error.description)
        }
    }

    func run() async throws {
        do {
            let interval = try LiveTerminal.intervalMilliseconds(interval)
            try LiveTerminal.check("memagent top")
            let source = try LocalSource(
                procfs: procfs, hostID: ViewsOfThisHost.hostID(hostID),
                intervalMilliseconds: interval)
            try await LiveTerminal.run(
                program: "memagent top", source: source, isOneHost: true,
                intervalMilliseconds: interval)
        } catch let problem as TerminalProblem {
            throw UsageFailure(problem.description)
        } catch let error as SamplerError {
            throw ProgramFailure("\(error)")
        }
    }
}
