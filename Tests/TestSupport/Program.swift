public import Foundation
import Synchronization

/// A program under test: started, watched by its lines, ended by its pid.
public final class Program: Sendable {
    /// The process id.
    public let pid: Int32
    /// The name of the program, for messages.
    public let name: String

    private struct Guarded {
        var output = Data()
        var errors = Data()
        var status: Int32?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let guarded = Mutex(Guarded())
    private nonisolated(unsafe) let process: Process

    /// Why a program under test did not do what was waited for.
    public struct Failure: Error, CustomStringConvertible {
        /// What was waited for, and what was there instead.
        public let description: String
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
    /// `environment` is added to this process's own; without `input` it reads nothing.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: Pipe? = nil
    ) throws {
        let path = program.hasPrefix("/") ? program : Program.folder + "/" + program
        name = URL(fileURLWithPath: path).lastPathComponent
        process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { _, new in new }
        process.standardInput = input ?? FileHandle.nullDevice
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        pid = process.processIdentifier
        collect(output) { $0.output.append($1) }
        collect(errors) { $0.errors.append($1) }
        process.terminationHandler = { [weak self] process in
            self?.change { $0.status = process.terminationStatus }
        }
    }

    private func collect(
        _ pipe: Pipe, _ add: @escaping @Sendable (inout Guarded, Data) -> Void
    ) {
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
            } else {
                self?.change { add(&$0, data) }
            }
        }
    }

    private func change(_ body: (inout sending Guarded) -> Void) {
        let waiters = guarded.withLock { guarded in
            body(&guarded)
            defer { guarded.waiters = [] }
            return guarded.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// What it wrote to standard output so far.
    public var output: String { String(decoding: guarded.withLock { $0.output }, as: UTF8.self) }

    /// What it wrote to standard error so far.
    public var errors: String { String(decoding: guarded.withLock { $0.errors }, as: UTF8.self) }

    /// Its exit status, or the number of the signal that ended it; nil while it runs.
    public var status: Int32? { guarded.withLock { $0.status } }

    /// Waits until it wrote `text` to standard error or output.
    public func waitForText(_ text: String, seconds: Double = 30) async throws {
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
    public func waitForExit(seconds: Double = 30) async throws -> Int32 {
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
        // The pipes may still hold what was written last; their end comes after the exit.
        try await eventually("the output of \(program) is complete", seconds: seconds) {
            started.isDrained
        }
        return (status, started.output, started.errors)
    }

    private var isDrained: Bool {
        [process.standardOutput, process.standardError].allSatisfy {
            ($0 as? Pipe)?.fileHandleForReading.readabilityHandler == nil
        }
    }
}

/// Waits until `condition` holds, looking every few milliseconds; throws after `seconds`.
public func eventually(
    _ what: String, seconds: Double = 30, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw Program.Failure(description: "not within \(seconds) s: \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
