import ArgumentParser
import Report

/// The command `memcollector show`.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows all that is known of one run, host or program on one page.",
        discussion: """
            A run is named as in the last column of a report, or by at least the first four \
            characters of that; a host by its id or name; a program by its name, or by a pattern \
            that matches one. Where a word can be several of them, --run, --host and --program say \
            which is meant.

            EXAMPLES:
              memcollector show 7k3mh2q8x9ab
              memcollector show db-01 --since 7d
              memcollector show 'python3 train.py'
              memcollector show --program nginx --format json
            """)

    @Argument(help: ArgumentHelp("A run id, a host or a program.", valueName: "subject"))
    var subject: String?

    @Option(
        name: .customLong("run"), help: ArgumentHelp("The run with this id.", valueName: "id"))
    var runID: String?

    @Option(help: ArgumentHelp("The host with this id or name.", valueName: "host"))
    var host: String?

    @Option(help: ArgumentHelp("The program with this name.", valueName: "program"))
    var program: String?

    @Option(
        help: ArgumentHelp(
            """
            The beginning of the time to show: 24h, yesterday or 2026-01-31T12:00:00Z. Of a run \
            its life, of a host 24 hours, of a program 7 days by default.
            """, valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("The end of that time; now by default.", valueName: "time"))
    var until: String?

    @OptionGroup var view: ViewOptions

    private var pairs: [QueryPair] {
        QueryPair.given(
            ("subject", subject), ("run", runID), ("host", host), ("program", program),
            ("since", since), ("until", until))
    }

    func validate() throws {
        guard [subject, runID, host, program].contains(where: { $0 != nil }) else {
            throw ValidationError(
                "show needs a subject: a run id, a host or a program, such as 'show db-01'")
        }
        try QueryPair.checkSubject(pairs)
    }

    func run() async throws {
        try await view.show("/v1/show", query: pairs)
    }
}
