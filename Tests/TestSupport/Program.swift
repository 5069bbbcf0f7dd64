public import Foundation
import Synchronization

/// A program under test: started, watched by its lines, ended by its pid.
///
/// What it writes goes to files, not pipes: a pipe's end is inherited by whatever else the tests
/// start meanwhile, and would stay open.
public final class Program: Sendable {
    /// The process id.
    public let pid: Int32
    /// The name of the program, for messages.
    public let name: String

    private let folder: TemporaryFolder
    private let kept: TemporaryFolder?
    private let ending: Ending
    /// How it ended; apart from the program, which must not keep itself alive.
    private final class Ending: Sendable {
        let status = Mutex<Int32?>(nil)
    }

    /// Why a program under test did not do what was waited for.
    public struct Failure: Error, CustomStringConvertible {
        /// What was waited for, and what was there instead.
        public let description: String

        /// Takes it.
        public init(description: String) {
            self.description = description
        }
    }

    /// The folder of the built programs: `HIGHWATER_BIN`, else the folder of the test bundle.
    public static var folder: String {
        if let folder = ProcessInfo.processInfo.environment["HIGHWATER_BIN"] { return folder }
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        if FileManager.default.fileExists(atPath: tests.appending(path: "memagent").path) {
            return tests.path
        }
        return repository.appending(path: ".build/debug").path
    }

    /// The root of the repository.
    public static var repository: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    /// Starts a program: a path, or the name of one of the project's own.
    ///
    /// `environment` is added to this process's own; without `input`, the read end of a pipe, it
    /// reads nothing. `kept` goes when the program's value goes.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: Pipe? = nil, keeping kept: TemporaryFolder? = nil
    ) throws {
        self.kept = kept
        let path = program.hasPrefix("/") ? program : Program.folder + "/" + program
        name = URL(fileURLWithPath: path).lastPathComponent
        folder = try TemporaryFolder()
        if let input {
            // Another child that held the pipe open would keep this one from seeing its end.
            for end in [input.fileHandleForReading, input.fileHandleForWriting] {
                _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
        }
        let all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        pid = try Program.spawn(
            path, arguments, environment: all.map { "\($0.key)=\($0.value)" },
            input: input?.fileHandleForReading.fileDescriptor, output: folder.path + "/output",
            errors: folder.path + "/errors")
        ending = Ending()
        Program.await(pid, ending)
    }

    /// Starts a process with its own standard files (`posix_spawn(3)`).
    static func spawn(
        _ path: String, _ arguments: [String], environment: [String], input: Int32?,
        output: String, errors: String
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        let create = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 1, output, create, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, create, 0o600)
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, nil, &words, &variables)
        guard code == 0 else {
            throw Failure(description: "cannot start \(path): \(String(cString: strerror(code)))")
        }
        return pid
    }

    /// Waits for the end of a child on a thread of its own.
    private static func await(_ pid: Int32, _ ending: Ending) {
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let isSignal = status & 0x7F != 0
            ending.status.withLock { $0 = isSignal ? status & 0x7F : (status >> 8) & 0xFF }
        }
    }

    private func text(_ name: String) -> String {
        String(
            decoding: FileManager.default.contents(atPath: "\(folder.path)/\(name)") ?? Data(),
            as: UTF8.self)
    }

    /// What it wrote to standard output so far.
    public var output: String { text("output") }

    /// What it wrote to standard error so far.
    public var errors: String { text("errors") }

    /// Its exit status, or the number of the signal that ended it; nil while it runs.
    public var status: Int32? { ending.status.withLock { $0 } }

    /// Waits until it wrote `text` to standard error or output.
    public func waitForText(_ text: String, seconds: Double = 60) async throws {
        try await eventually("\(name) writes \"\(text)\"", seconds: seconds) {
            if self.errors.contains(text) || self.output.contains(text) { return true }
            guard self.status == nil else {
                throw Failure(
                    description: "\(self.name) ended before it wrote \"\(text)\": \(self.errors)")
            }
            return false
        }
    }

    /// Waits until it ended and gives its exit status.
    @discardableResult
    public func waitForExit(seconds: Double = 60) async throws -> Int32 {
        try await eventually("\(name) ends", seconds: seconds) { self.status != nil }
        return status ?? -1
    }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        if status == nil { kill(pid, number) }
    }

    deinit {
        if status == nil { kill(pid, SIGKILL) }
    }

    /// Runs a program to its end.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        seconds: Double = 60
    ) async throws -> (status: Int32, output: String, errors: String) {
        let started = try Program(program, arguments, environment: environment)
        let status = try await started.waitForExit(seconds: seconds)
        return (status, started.output, started.errors)
    }
}

/// Waits until `condition` holds, looking every few milliseconds; throws after `seconds`.
public func eventually(
    _ what: String, seconds: Double = 60, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw Program.Failure(description: "not within \(seconds) s: \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
