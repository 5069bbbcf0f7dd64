import ArgumentParser
import CommandLineProgram
import Glibc
import MemoryModel
import Report

/// The collector's command line.
@main
struct Memcollector: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memcollector",
        abstract: "Keeps and shows the peak memory of every process on every host.",
        discussion: """
            'memcollector serve' takes in what agents send and keeps it on disk. The other \
            commands ask such a collector.

            EXAMPLES:
              memcollector serve --data-dir /var/lib/memcollector
              memcollector summary
              memcollector report --since 24h --by program --top 20
              memcollector show db-01
              memcollector ps --host 'web*' --url http://collector.example:7070
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, SummaryCommand.self, TopCommand.self, HostsCommand.self,
            ProcessesCommand.self, ReportCommand.self, ShowCommand.self, KillsCommand.self,
            CgroupsCommand.self, CompositionCommand.self, ExportCommand.self, CheckCommand.self,
            PurgeCommand.self, PruneCommand.self, ForgetCommand.self,
        ])

    static func main() async {
        if CheckCommand.isMeant(by: CommandLine.arguments) { endOnWrongUsageOfCheck() }
        await runAsProgram()
    }

    /// A monitoring system reads the first line of standard output, and takes no other status.
    private static func endOnWrongUsageOfCheck() {
        do {
            _ = try parseNegativesAsRoot()
        } catch  where exitCode(for: error) == .validationFailure {
            CheckCommand.say(
                unknown: message(for: error).split(separator: "\n").joined(separator: " "))
            Glibc.exit(CheckStatus.unknown.rawValue)
        } catch {
            // Help is no failure.
            return
        }
    }
}
