import Foundation
import TestSupport
import Testing

/// A command that is run by `memagent run` in a terminal with job control.
@Suite(
    "Running a command in a terminal", .serialized,
    .enabled(if: TmuxTerminal.path != nil, "needs tmux, which make test installs"))
struct RunTerminalTests {
    /// The words of `memagent run` for a shell of tests.
    private func run() async throws -> String {
        try await CommandRunner.unblocked().joined(separator: " ")
            + " \(Program.folder)/memagent run --"
    }

    @Test("Ctrl-C ends the command as without memagent, and the block comes")
    func interrupt() async throws {
        let terminal = try await TmuxTerminal(columns: 250, rows: 40)
        try await terminal.run(
            "clear; \(try await run()) sh -c 'echo began; exec sleep 600'; echo \"status $?\"")
        try await terminal.waitFor("began")
        try await terminal.send("C-c")
        let lines = try await terminal.waitFor("killed by")
        #expect(lines.contains { $0.contains("(SIGINT)") })
        try await terminal.run("clear; echo again")
        try await terminal.waitFor("again")
    }

    @Test("a command that handles Ctrl-C ends as it likes, and memagent with it")
    func handledInterrupt() async throws {
        let terminal = try await TmuxTerminal(columns: 250, rows: 40)
        let script = "trap \"echo caught; exit 5\" INT; echo began; while :; do sleep 0.1; done"
        try await terminal.run(
            "clear; \(try await run()) bash -c '\(script)'; echo \"status $?\"")
        try await terminal.waitFor("began")
        try await terminal.send("C-c")
        try await terminal.waitFor("caught")
        let lines = try await terminal.waitFor("status 5")
        #expect(lines.contains { $0.contains("exit status 5") })
    }

    @Test("Ctrl-Z stops both, the shell takes over, and fg goes on with both, twice")
    func suspend() async throws {
        let terminal = try await TmuxTerminal(columns: 250, rows: 40)
        let script = "echo began; read line; echo line $line"
        try await terminal.run(
            "clear; \(try await run()) bash -c '\(script)'; echo \"status $?\"")
        try await terminal.waitFor("began")
        for round in ["one", "two"] {
            try await terminal.send("C-z")
            try await terminal.waitFor("Stopped")
            try await terminal.run("clear; echo shell-\(round)")
            try await terminal.waitFor("shell-\(round)")
            try await terminal.run("clear; fg")
            try await terminal.waitFor("memagent run --")
        }
        try await terminal.type("typed")
        try await terminal.send("Enter")
        try await terminal.waitFor("line typed")
        try await terminal.waitFor("exit status 0")
    }

    @Test("a command that stops itself alone gives the terminal back, and bg and fg reach it")
    func stopsItself() async throws {
        let terminal = try await TmuxTerminal(columns: 250, rows: 40)
        try await terminal.run(
            "clear; \(try await run()) bash -c 'kill -TSTP $$; echo went on; exit 3'")
        try await terminal.waitFor("Stopped")
        try await terminal.run("clear; fg; echo \"status $?\"")
        try await terminal.waitFor("went on")
        try await terminal.waitFor("status 3")
    }
}
