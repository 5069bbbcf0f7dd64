import Foundation
import TestSupport

/// A terminal of tmux with a shell in it: keys are sent, the screen is read.
final class TmuxTerminal: Sendable {
    /// Where the program is; nil where it is not installed.
    static let path: String? = ["/usr/bin/tmux", "/usr/local/bin/tmux", "/bin/tmux"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private let folder: TemporaryFolder
    private let tmux: String
    private let environment: [String: String]

    /// Starts a server of its own with one window of this size.
    ///
    /// `environment` is added to that of the tests; the locale is UTF-8 unless it says otherwise.
    init(
        columns: Int, rows: Int, environment: [String: String] = [:]
    ) async throws {
        guard let path = TmuxTerminal.path else {
            throw Program.Failure(description: "tmux is not installed")
        }
        tmux = path
        folder = try TemporaryFolder()
        self.environment = ["TMUX_TMPDIR": folder.path, "LC_ALL": "C.UTF-8"]
        let variables = ["LC_ALL": "C.UTF-8", "NO_COLOR": "", "PS1": "ready> "]
            .merging(environment) { _, new in new }
        let words = variables.map { "'\($0.key)=\($0.value)'" }.joined(separator: " ")
        try await command([
            "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)",
            "env \(words) bash --norc --noprofile",
        ])
        try await waitFor("ready>")
    }

    @discardableResult
    private func command(_ arguments: [String]) async throws -> String {
        let result = try await Program.run(
            tmux, ["-u", "-L", "screen"] + arguments, environment: environment)
        guard result.status == 0 else {
            throw Program.Failure(description: "tmux \(arguments): \(result.errors)")
        }
        return result.output
    }

    /// Sends keys by the names of tmux, such as `Enter`, `Escape`, `C-z` or `Down`.
    func send(_ keys: String...) async throws {
        try await command(["send-keys"] + keys)
    }

    /// Types text as it is.
    func type(_ text: String) async throws {
        try await command(["send-keys", "-l", text])
    }

    /// Types a command of the shell and Enter, on a screen without what was there.
    func run(_ line: String) async throws {
        try await type(line)
        try await send("Enter")
    }

    /// The lines of the screen.
    func lines() async throws -> [String] {
        try await command(["capture-pane", "-p"]).components(separatedBy: "\n").dropLast()
    }

    /// The screen with the sequences that colour it.
    func colouredText() async throws -> String {
        try await command(["capture-pane", "-p", "-e"])
    }

    /// Waits until the screen has `text` and gives its lines.
    @discardableResult
    func waitFor(_ text: String, seconds: Double = 30) async throws -> [String] {
        var lines: [String] = []
        do {
            try await eventually("the screen shows \"\(text)\"", seconds: seconds) {
                lines = try await self.lines()
                return lines.contains { $0.contains(text) }
            }
        } catch {
            throw Program.Failure(description: "\(error):\n" + lines.joined(separator: "\n"))
        }
        return lines
    }

    /// Gives the window another size.
    func resize(columns: Int, rows: Int) async throws {
        try await command(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
    }

    /// Closes the window, as a connection that is lost does.
    func killPane() async throws {
        try await command(["kill-pane"])
    }

    deinit {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tmux)
        process.arguments = ["-L", "screen", "kill-server"]
        process.environment = environment
        process.standardError = FileHandle.nullDevice
        // A server that is gone already is what is wanted.
        if (try? process.run()) != nil { process.waitUntilExit() }
    }
}
