import Foundation
import TestSupport
import Testing

@Suite("Pruning by hand")
struct PruneTests {
    @Test("a terminal sees that it goes on, a pipe gets the one line, with a collector or without")
    func progress() async throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let collector = try await RunningCollector.start(folder: data)
        let arguments = ["prune", "--yes", "--data-dir", data]
        let nothing = "Nothing is older than it is kept."
        for isRunning in [true, false] {
            if !isRunning {
                collector.program.signal(SIGTERM)
                #expect(try await collector.program.waitForExit() == 0)
            }
            let shown = try await TerminalProgram.run("memcollector", arguments, columns: 100)
            #expect(shown.status == 0)
            #expect(shown.output.contains("\rlooking for what is old"), "\(shown)")
            #expect(shown.output.hasSuffix("\r\(nothing)\r\n"), "\(shown)")
            let piped = try await Program.run("memcollector", arguments)
            #expect(piped.status == 0 && piped.errors.isEmpty)
            #expect(piped.output == nothing + "\n")
        }
    }

    @Test(
        "where nothing would go, nobody is asked",
        .enabled(if: TmuxTerminal.path != nil, "needs tmux, which make test installs"))
    func unasked() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let terminal = try await TmuxTerminal(columns: 200, rows: 24)
        let program = "\(Program.folder)/memcollector prune --data-dir '\(folder.path)/data'"
        try await terminal.run("clear; \(program); echo ended-$?")
        try await terminal.waitFor("ended-0")
        let text = try await terminal.lines().joined(separator: "\n")
        #expect(text.contains("Nothing is older than it is kept."))
        #expect(!text.contains("Remove it?"))
        #expect(collector.program.status == nil)
    }
}
