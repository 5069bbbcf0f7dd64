import ArgumentParser
import CLinux
import Collector
import CommandLineProgram
import Glibc
import Report

/// The command `memcollector purge`.
struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Takes false peaks of a host away, so that true ones count again.",
        discussion: """
            A peak is a maximum: one that is false would stand for ever. This takes away every \
            peak of the host whose time overlaps the range, and keeps copies of it from coming \
            back. What was taken away is kept beside, for --undo.

            It is done by the collector of --data-dir, on its own host and as its user or root; \
            if none runs there, on its database.

            EXAMPLES:
              memcollector purge --host db-01 --since "20m ago" --until "10m ago"
              memcollector purge --list
              memcollector purge --undo 3
            """)

    @Option(help: ArgumentHelp("Whose peaks: the id or name of one host.", valueName: "host"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "The beginning of the range: 24h, \"3m ago\" or 2026-01-31T12:00:00Z.",
            valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("The end of the range.", valueName: "time"))
    var until: String?

    @Flag(help: "Only say what would be taken away.")
    var dryRun = false

    @Flag(help: "Do not ask; needed without a terminal.")
    var yes = false

    @Option(help: ArgumentHelp("Bring back what this tombstone took away.", valueName: "id"))
    var undo: Int64?

    @Flag(help: "List what is purged, each with the id of its tombstone.")
    var list = false

    @Option(help: ArgumentHelp("The collector's folder, as of 'serve'.", valueName: "path"))
    var dataDir = "/var/lib/memcollector"

    func validate() throws {
        let hasPurge = host != nil || since != nil || until != nil
        guard [hasPurge, undo != nil, list].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "give either --host, --since and --until, or --undo, or --list")
        }
        guard hasPurge || !dryRun else {
            throw ValidationError("--dry-run goes with --host, --since and --until")
        }
        // What is missing is said before what only a script has to say.
        if hasPurge { _ = try purge(isDryRun: true) }
        guard !hasPurge || yes || dryRun || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("without a terminal, say --yes or --dry-run")
        }
    }

    private func purge(isDryRun: Bool) throws -> ControlRequest {
        guard let host, let since, let until else {
            throw ValidationError("give all of --host, --since and --until")
        }
        guard !host.isEmpty, host.utf8.count <= 256, host.utf8.allSatisfy({ $0 >= 0x20 }) else {
            throw ValidationError("--host takes the id or name of one host")
        }
        let range = try (time(since, "--since"), time(until, "--until"))
        guard range.0 <= range.1 else { throw ValidationError("--since is after --until") }
        // What it means is kept out from then on, so that a wrong year would keep out what is true.
        guard range.1 <= clinux_wall_nanoseconds() / 1_000_000 + 60_000 else {
            throw ValidationError("--until is in the future: only what was can be purged")
        }
        return .purge(
            host: host, sinceMilliseconds: range.0, untilMilliseconds: range.1,
            isDryRun: isDryRun)
    }

    private func time(_ text: String, _ flag: String) throws -> Int64 {
        do {
            return try TimeExpression.parse(
                text, nowMilliseconds: clinux_wall_nanoseconds() / 1_000_000,
                utcOffsetSeconds: Int(clinux_utc_offset_seconds()))
        } catch {
            throw ValidationError("\(flag): \(error)")
        }
    }

    func run() async throws {
        let client = ControlClient(dataDirectory: dataDir)
        do {
            if list {
                print(try await client.ask(.list), terminator: "")
            } else if let undo {
                print(try await client.ask(.undo(tombstone: undo)), terminator: "")
            } else {
                try await purge(client)
            }
        } catch let problem as ControlClient.Problem {
            throw ProgramFailure(problem.description)
        }
    }

    private func purge(_ client: ControlClient) async throws {
        // Both requests mean the same range, however long the question stands.
        let request = try purge(isDryRun: false)
        if dryRun || !yes {
            print(try await client.ask(request.dryRun), terminator: "")
        }
        guard !dryRun else { return }
        guard yes || Confirmation.isGiven(to: "Take it away?") else {
            throw ProgramFailure("nothing was purged")
        }
        print(try await client.ask(request), terminator: "")
    }
}

extension ControlRequest {
    /// The same, without changing anything.
    fileprivate var dryRun: ControlRequest {
        guard case .purge(let host, let since, let until, _) = self else { return self }
        return .purge(
            host: host, sinceMilliseconds: since, untilMilliseconds: until, isDryRun: true)
    }
}
