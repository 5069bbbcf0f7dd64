import ArgumentParser
import CommandLineProgram
import MemoryModel

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
              memcollector ps --host 'web*' --url http://collector.example:7070
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, SummaryCommand.self, HostsCommand.self, ProcessesCommand.self,
            ReportCommand.self, KillsCommand.self, CgroupsCommand.self, CompositionCommand.self,
            PurgeCommand.self,
        ])

    static func main() async { await runAsProgram() }
}
