import Foundation
import TestSupport

/// A network namespace that lives as long as this value: nothing of it is left anywhere.
final class Namespace {
    /// The process that keeps it.
    let keeper: Program

    /// Why there can be none here; nil if there can.
    static let problem: String? = {
        guard geteuid() == 0 else { return "only root makes network namespaces" }
        for tool in ["unshare", "nsenter", "ip", "python3"] where path(tool) == nil {
            return "there is no \(tool)"
        }
        do {
            let trial = Process()
            trial.executableURL = URL(fileURLWithPath: try tool("unshare"))
            trial.arguments = ["--net", try tool("ip"), "tuntap", "add", "trial", "mode", "tun"]
            trial.standardError = FileHandle.nullDevice
            try trial.run()
            trial.waitUntilExit()
            let isPossible = trial.terminationStatus == 0
            return isPossible ? nil : "this root may not make network namespaces and TUN devices"
        } catch {
            return "\(error)"
        }
    }()

    init() async throws {
        keeper = try Program(try Namespace.tool("unshare"), ["--net", "/bin/sleep", "600"])
        let keeper = keeper
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        try await eventually("the namespace is there") {
            let link = "/proc/\(keeper.pid)/ns/net"
            let its = try FileManager.default.destinationOfSymbolicLink(atPath: link)
            return its != own
        }
        try await run("ip", ["link", "set", "lo", "up"])
    }

    /// Where a tool is; throws if it is nowhere.
    static func tool(_ name: String) throws -> String {
        guard let path = path(name) else {
            throw Program.Failure(description: "there is no \(name)")
        }
        return path
    }

    private static func path(_ name: String) -> String? {
        ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"].map { $0 + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Starts a program in it.
    func start(_ program: String, _ arguments: [String]) throws -> Program {
        try Program(
            try Namespace.tool("nsenter"),
            ["--net=/proc/\(keeper.pid)/ns/net", program] + arguments)
    }

    /// Starts one of the project's programs in it.
    func startOwn(_ name: String, _ arguments: [String]) throws -> Program {
        try start(Program.folder + "/" + name, arguments)
    }

    /// Runs a tool in it to its end; throws if it fails.
    @discardableResult
    func run(_ tool: String, _ arguments: [String]) async throws -> String {
        try await runToEnd(try Namespace.tool(tool), arguments)
    }

    /// Asks a collector in it.
    func rows(_ arguments: [String]) async throws -> [[String: Any]] {
        let output = try await runToEnd(
            Program.folder + "/memcollector", arguments + ["--format", "json"])
        let object = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        return object?["rows"] as? [[String: Any]] ?? []
    }

    private func runToEnd(_ program: String, _ arguments: [String]) async throws -> String {
        let started = try start(program, arguments)
        guard try await started.waitForExit(seconds: 60) == 0 else {
            throw Program.Failure(
                description: "\(program) \(arguments) failed: \(started.errors)")
        }
        return started.output
    }
}

/// A cable between two namespaces.
final class Cable {
    private let program: Program
    private let input: Pipe
    private var answerCount = 0

    /// Lays it: `left` has `address` and reaches `right` at `peer`.
    init(from left: Namespace, _ address: String, to right: Namespace, _ peer: String, seed: UInt64)
        async throws
    {
        input = Pipe()
        let script = Program.repository.appending(
            path: "Tests/EndToEndTests/Namespaces/link.py")
        let ends = [left.keeper.pid, right.keeper.pid]
        // In a namespace of its own, so that the devices are never among this host's.
        program = try Program(
            try Namespace.tool("unshare"),
            ["--net", try Namespace.tool("python3"), script.path, "\(ends[0])", "\(ends[1])"]
                + ["\(seed)"], input: input)
        try await program.waitForText("ready")
        for (space, device, own, other) in [
            (left, "left", address, peer), (right, "right", peer, address),
        ] {
            try await space.run("ip", ["link", "set", device, "name", "to-\(other)"])
            try await space.run(
                "ip", ["address", "add", own, "peer", other, "dev", "to-\(other)"])
            try await space.run("ip", ["link", "set", "to-\(other)", "up"])
        }
    }

    /// Loses this share of packets, 1 being all, without telling anybody; gives how many it has
    /// lost so far.
    @discardableResult
    func lose(_ share: Double) async throws -> Int { try await tell("loss \(share)") }

    /// Delays each packet each way.
    func delay(seconds: Double) async throws { _ = try await tell("delay \(seconds)") }

    private func tell(_ words: String) async throws -> Int {
        try input.fileHandleForWriting.write(contentsOf: Data("\(words)\n".utf8))
        answerCount += 1
        let program = program
        let expected = answerCount
        try await eventually("the cable obeys") {
            program.output.components(separatedBy: "\n").count > expected + 1
        }
        let answer = program.output.split(separator: "\n")[expected]
        guard let lost = answer.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw Program.Failure(description: "the cable answers \(answer)")
        }
        return lost
    }
}
