import Foundation
import TestSupport

/// One agent of the oracle test: its tree, its network and its state directory, which outlive it.
final class OracleHost {
    let tree: HostTree
    let proxy: ChaosProxy
    private let record: WireRecord
    private let folder: TemporaryFolder
    private let arguments: [String]
    private(set) var agent: Program

    var id: String { tree.id }

    /// Every third port leads to the second collector.
    private static let portCount = 12

    init(
        id: String, seed: UInt64, record: WireRecord, arguments: [String] = [],
        ports: @escaping @Sendable (Int) -> Int?
    ) throws {
        self.arguments = arguments
        tree = try HostTree(id: id, seed: seed)
        self.record = record
        folder = try TemporaryFolder()
        proxy = try ChaosProxy(
            portCount: OracleHost.portCount, observer: record, target: ports)
        agent = try OracleHost.start(tree, proxy, folder, arguments)
    }

    private static func start(
        _ tree: HostTree, _ proxy: ChaosProxy, _ folder: TemporaryFolder, _ arguments: [String]
    ) throws -> Program {
        try Program(
            "memagent",
            proxy.ports.flatMap { ["--collector", "127.0.0.1:\($0)"] } + [
                "--host-id", tree.id, "--procfs", tree.path, "--interval", "50ms",
                "--report-interval", "100ms", "--cpu-budget", "none", "--state-dir",
                folder.path + "/state",
            ] + arguments)
    }

    /// Ends the agent by a signal and starts another one in its place.
    func restart(
        _ signal: Int32, meanwhile: () throws -> Void = {}
    ) async throws {
        agent.signal(signal)
        let status = try await agent.waitForExit(seconds: 60)
        guard status == (signal == SIGKILL ? SIGKILL : 0) else {
            throw Program.Failure(description: "the agent ended with \(status): \(agent.errors)")
        }
        try meanwhile()
        agent = try OracleHost.start(tree, proxy, folder, arguments)
    }

    /// Throws if the agent ended by itself.
    func checkRunning() throws {
        guard let status = agent.status else { return }
        throw Program.Failure(
            description: "the agent of \(id) ended by itself with \(status): \(agent.errors)")
    }

    /// Sends a session that stands a second time, as a whole, over a connection of its own.
    ///
    /// Nothing may change meanwhile: a past session says what lived when it began. `cutsFirst`
    /// tells whether the agent's own connection ends before; otherwise it is replaced.
    func repeatSession(_ number: Int, to port: Int, cutsFirst: Bool) async throws {
        guard let past = proxy.connections.first(where: { $0.number == number }),
            let bytes = past.recorded
        else { return }
        if cutsFirst { past.cut() }
        let connection = try RawConnection(port: port)
        await connection.send(bytes)
        connection.finishSending()
        _ = try await connection.readToEnd()
        record.note(.repeatedSession)
    }

    /// Cuts the agent off, lets processes pass by, stops it, tears what it saved, and starts
    /// another one.
    func tearState(using generator: inout SeededGenerator) async throws {
        proxy.isolate()
        try await tree.passBy(20)
        let share = Double.random(in: 0.3...0.95, using: &generator)
        try await restart(SIGTERM) { try self.tearFiles(keeping: share) }
        proxy.reconnect()
    }

    private func tearFiles(keeping share: Double) throws {
        let path = folder.path + "/state"
        for name in try FileManager.default.contentsOfDirectory(atPath: path)
        where name.hasPrefix("state-") {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(path)/\(name)"))
            let size = try file.seekToEnd()
            try file.truncate(atOffset: UInt64(Double(size) * share))
            try file.close()
        }
    }

    func stop() async throws {
        agent.signal(SIGTERM)
        try await agent.waitForExit(seconds: 60)
    }
}
