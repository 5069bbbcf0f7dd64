import ArgumentParser
import CommandLineProgram
import MemoryModel

/// The command line of `memagent ps`, `memagent python`, `memagent run` and `memagent top`.
///
/// The agent itself has options and no command; they would be taken for the agent's wherever they
/// stand, so these are read by a command line of their own.
struct ViewsOfThisHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memagent", abstract: "Shows the processes of this host.",
        version: Version.text,
        subcommands: [
            ProcessesCommand.self, PythonCommand.self, RunCommand.self, TopCommand.self,
        ])

    /// Whether the first word of the command line is one of these.
    static var isMeant: Bool {
        let names = configuration.subcommands.map { $0.configuration.commandName }
        return names.contains(CommandLine.arguments.dropFirst().first)
    }

    /// Reads the value of `--host-id`.
    static func hostID(_ text: String?) throws -> HostID? {
        guard let text else { return nil }
        guard let id = HostID(text) else {
            throw ValidationError(
                """
                --host-id '\(text)' is not a host id; it has 1 to 64 letters, digits, '.', '_' or \
                '-' and does not begin with a dot
                """)
        }
        return id
    }

    /// Throws a `ValidationError` where options of the agent stand before the command.
    static func checkIsMeant() throws {
        guard isMeant else {
            throw ValidationError(
                "the agent's options do not go with a command; begin with 'memagent ps'")
        }
    }
}
