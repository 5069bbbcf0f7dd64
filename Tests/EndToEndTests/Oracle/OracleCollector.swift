import Foundation
import TestSupport

/// One collector of the oracle test: a data directory and two ports, which outlive its program.
final class OracleCollector {
    let dataDirectory: String
    private(set) var running: RunningCollector
    private let folder: TemporaryFolder

    var port: Int { running.port }

    init() async throws {
        folder = try TemporaryFolder()
        dataDirectory = folder.path + "/data"
        running = try await RunningCollector.start(folder: dataDirectory)
    }

    /// Ends it by a signal and starts another one in its place.
    func restart(_ signal: Int32) async throws {
        running.program.signal(signal)
        let status = try await running.program.waitForExit(seconds: 60)
        guard status == (signal == SIGKILL ? SIGKILL : 0) else {
            throw Program.Failure(
                description: "the collector ended with \(status): \(running.program.errors)")
        }
        running = try await RunningCollector.start(
            folder: dataDirectory, port: running.port, httpPort: running.httpPort)
    }

    /// Purges what a host reached in the second before the last.
    func purge(_ host: String) async throws {
        let now = Int(Date().timeIntervalSince1970)
        let answer = try await Program.run(
            "memcollector",
            [
                "purge", "--host", host, "--since", "@\(now - 2)", "--until", "@\(now - 1)",
                "--yes", "--data-dir", dataDirectory,
            ])
        guard answer.status == 0 else {
            throw Program.Failure(description: "the purge failed: \(answer.errors)")
        }
    }

    func checkRunning() throws {
        guard let status = running.program.status else { return }
        throw Program.Failure(
            description: "a collector ended by itself with \(status): \(running.program.errors)")
    }

    func database() throws -> CollectorDatabase {
        try CollectorDatabase(dataDirectory: dataDirectory)
    }

    func stop() async throws {
        running.program.signal(SIGTERM)
        try await running.program.waitForExit(seconds: 60)
    }
}
