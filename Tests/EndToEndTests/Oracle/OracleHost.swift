import Foundation
import TestSupport

/// One agent of the oracle test: its tree, its network and its state directory, which outlive it.
final class OracleHost {
    let tree: HostTree
    let proxy: ChaosProxy
    private let record: WireRecord
    private let folder: TemporaryFolder
    private(set) var agent: Program

    var id: String { tree.id }

    /// Every third port leads to the second collector.
    private static let portCount = 12

    init(id: String, seed: UInt64, record: WireRecord, ports: @escaping @Sendable (Int) -> Int?)
        throws
    {
        tree = try HostTree(id: id, seed: seed)
        self.record = record
        folder = try TemporaryFolder()
        proxy = try ChaosProxy(
            portCount: OracleHost.portCount, observer: record, target: ports)
        agent = try OracleHost.start(tree, proxy, folder)
    }

    private static func start(
        _ tree: HostTree, _ proxy: ChaosProxy, _ folder: TemporaryFolder
    ) throws -> Program {
        try Program(
            "memagent",
            proxy.ports.flatMap { ["--collector", "127.0.0.1:\($0)"] } + [
                "--host-id", tree.id, "--procfs", tree.path, "--interval", "50ms",
                "--report-interval", "100ms", "--cpu-budget", "none", "--state-dir",
                folder.path + "/state",
            ])
    }

    /// Ends the agent by a signal and starts another one in its place.
    func restart(_ signal: Int32) async throws {
        agent.signal(signal)
        let status = try await agent.waitForExit(seconds: 60)
        guard status == (signal == SIGKILL ? SIGKILL : 0) else {
            throw Program.Failure(description: "the agent ended with \(status): \(agent.errors)")
        }
        agent = try OracleHost.start(tree, proxy, folder)
    }

    /// Throws if the agent ended by itself.
    func checkRunning() throws {
        guard let status = agent.status else { return }
        throw Program.Failure(
            description: "the agent of \(id) ended by itself with \(status): \(agent.errors)")
    }

    /// Sends the session that stands a second time, as a whole, over a connection of its own.
    ///
    /// Nothing may change meanwhile: a past session says what lived when it began. `cutsFirst`
    /// tells whether the agent's own connection ends before; otherwise it is replaced.
    func repeatSession(to port: Int, cutsFirst: Bool) async throws -> Bool {
        guard let past = proxy.connections.last, let bytes = past.recorded else { return false }
        if cutsFirst { past.cut() }
        let connection = try RawConnection(port: port)
        await connection.send(bytes)
        connection.finishSending()
        _ = try await connection.readToEnd()
        record.note(.repeatedSession)
        return true
    }

    func stop() async throws {
        agent.signal(SIGTERM)
        try await agent.waitForExit(seconds: 60)
    }
}
