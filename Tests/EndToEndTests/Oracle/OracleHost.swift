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
    /// When each agent was started, in milliseconds since boot.
    private(set) var startsAtMilliseconds: [Int64]

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
        startsAtMilliseconds = [HostTree.bootMilliseconds]
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
        // One that has only just been started, and said nothing yet, ends as if it were killed.
        let isKilled = signal == SIGKILL || status == signal && agent.errors.isEmpty
        guard status == (isKilled ? signal : 0) else {
            throw Program.Failure(description: "the agent ended with \(status): \(agent.errors)")
        }
        try meanwhile()
        startsAtMilliseconds.append(HostTree.bootMilliseconds)
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

    /// What becomes of an agent while no collector can be reached.
    enum Outage {
        /// It is stopped, and what it saves is torn.
        case torn
        /// It is stopped.
        case stopped
        /// It is killed some time after it has saved its state.
        case killed
        /// It has more to keep than it has room for, and is stopped.
        case overflowed
    }

    /// Cuts the agent off, lets processes pass by, ends it, and starts another one.
    func endCutOff(_ outage: Outage, using generator: inout SeededGenerator) async throws {
        // It saves soon after a session that stood, and then each minute.
        if outage == .killed { try await record.waitForRest(of: self) }
        proxy.isolate()
        switch outage {
        case .torn, .stopped: try await tree.passBy(20)
        case .killed:
            try await tree.passBy(20)
            let since = time(nil)
            try await eventually("the state of \(id) is saved") {
                try stateFiles().contains { savedAtSeconds($0) > since }
            }
            try await tree.passBy(5)
        case .overflowed: for _ in 0..<7 { try await tree.passBy(400) }
        }
        if outage == .killed {
            try await restart(SIGKILL)
        } else {
            let share = Double.random(in: 0.3...0.95, using: &generator)
            try await restart(SIGTERM) {
                if outage == .torn { try self.tearFiles(keeping: share) }
            }
        }
        proxy.reconnect()
    }

    /// Waits until nothing is left on the disk that no collector has.
    func waitForState() async throws {
        try await eventually("what agents of \(id) left is told", seconds: 150) {
            try stateFiles().isEmpty
        }
    }

    /// The state files that are to be told.
    private func stateFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path + "/state")
            .filter { $0.hasPrefix("state-") && !$0.contains(".") }
    }

    private func savedAtSeconds(_ name: String) -> Int {
        var status = stat()
        return lstat("\(folder.path)/state/\(name)", &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    private func tearFiles(keeping share: Double) throws {
        let path = folder.path + "/state"
        for name in try stateFiles() {
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
