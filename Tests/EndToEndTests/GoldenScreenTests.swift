import Foundation
import TestSupport
import Testing

/// Whole screens of `memagent top` in a real terminal, of a tree of processes that stays the same.
@Suite(
    "Whole live screens", .serialized,
    .enabled(if: TmuxTerminal.path != nil, "needs tmux, which make test installs"))
struct GoldenScreenTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Forty processes, no two of one size, of which the last in order of size has the first pid.
    private func tree() throws -> ProcTree {
        let tree = try ProcTree()
        for index in 0..<40 {
            let name = ["postgres", "nginx", "python3", "java"][index % 4]
            var process = ProcTree.Process(pid: Int32(100 + index))
            process.comm = Array(name.utf8)
            process.executable = "/usr/bin/\(name)"
            process.arguments = [name, "--number", "\(index)"]
            process.residentPages = UInt64(2_560 * (index + 1))
            process.markKibibytes = UInt64(10_240 * (index + 1) + 10_240 * (index % 5))
            try tree.write(process)
        }
        return tree
    }

    private func start(
        _ tree: ProcTree, columns: Int, rows: Int, ignoring signals: String = ""
    ) async throws -> TmuxTerminal {
        // Of this description wheels come as SGR sequences.
        let terminal = try await TmuxTerminal(
            columns: columns, rows: rows, environment: ["TERM": "xterm-256color"])
        let top = "\(Program.folder)/memagent top --procfs . --interval 500ms"
        // The path is part of the screen, so it has to be the same each time.
        try "\(signals)\necho $$ > '\(folder.path)/pid'\ncd '\(tree.path)'\nexec \(top)\n"
            .write(toFile: folder.path + "/start", atomically: true, encoding: .utf8)
        try await terminal.run("clear; sh '\(folder.path)/start'")
        try await terminal.waitFor("COMMAND")
        return terminal
    }

    @Test(
        "keys and the wheel have the effect that is kept, cell by cell",
        arguments: [(80, 24), (200, 60)])
    func keys(_ columns: Int, _ rows: Int) async throws {
        let tree = try tree()
        let terminal = try await start(tree, columns: columns, rows: rows)
        func expect(_ name: String) async throws {
            try await GoldenScreen.expect(terminal, is: "\(name)-\(columns)x\(rows)")
        }
        try await expect("1-start")
        try await terminal.send("Down", "Down")
        try await expect("2-down")
        try await terminal.type("\u{1B}[<65;10;12M")
        try await expect("3-wheel-down")
        try await terminal.type("\u{1B}[<64;10;12M")
        try await expect("4-wheel-up")
        try await terminal.send("s")
        try await expect("5-sorted")
        try await terminal.send("Tab")
        try await expect("6-programs")
        try await terminal.send("p")
        try await expect("7-paused")
        // What happens meanwhile is not on the screen before it goes on.
        var late = ProcTree.Process(pid: 99)
        late.comm = Array("latecomer".utf8)
        late.executable = "/usr/bin/latecomer"
        late.residentPages = 300_000
        late.markKibibytes = 1_300_000
        try tree.place(late)
        try await Task.sleep(for: .seconds(2))
        try await expect("7-paused")
        try await terminal.send("p")
        try await expect("8-went-on")
        try await terminal.send("q")
        try await terminal.waitFor("ready>")
    }

    @Test(
        "a program whose terminal is gone ends, also where it is not told so by SIGHUP",
        arguments: ["", "trap '' HUP"])
    func killed(_ signals: String) async throws {
        let terminal = try await start(try tree(), columns: 80, rows: 24, ignoring: signals)
        let text = try String(contentsOfFile: folder.path + "/pid", encoding: .utf8)
        let pid = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(isRunning(pid))
        try await terminal.killPane()
        try await eventually("the program has ended") { !isRunning(pid) }
    }

    /// Whether the process is there and not only waited for.
    private func isRunning(_ pid: Int32) -> Bool {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else {
            return false
        }
        let stat = String(decoding: bytes, as: UTF8.self)
        return stat.contains("(memagent)") && !stat.contains(") Z ")
    }
}
