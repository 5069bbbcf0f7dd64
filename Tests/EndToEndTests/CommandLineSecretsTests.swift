import Foundation
import TestSupport
import Testing
import Wire

/// What stands on a command line leaves the host only as far as the policy lets it.
@Suite("Secrets on command lines")
struct CommandLineSecretsTests {
    private static let secret = "n33dle-in-a-haystack"

    /// All that passed a connection of an agent, with nothing compressed.
    private func words(of sent: [[UInt8]]) throws -> Data {
        var encoder = try FrameEncoder()
        var plain: [UInt8] = []
        for bytes in sent {
            plain += bytes
            for frame in try Received.frames(
                Array(bytes.dropFirst(FrameEncoder.preface.count)))
            {
                try encoder.encode(frame, sequence: 0, mayCompress: false, into: &plain)
            }
        }
        return Data(plain)
    }

    /// All files of a folder, one after the other.
    private func files(of folder: String) throws -> Data {
        try FileManager.default.contentsOfDirectory(atPath: folder).reduce(into: Data()) {
            $0 += try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $1))
        }
    }

    @Test(
        "a secret argument is on the wire and on the disk with full, and nowhere with the others",
        arguments: ["none", "script", "redacted", "full"])
    func secret(_ policy: String) async throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let collector = try await RunningCollector.start(
            folder: data, arguments: ["--log-level", "trace"])
        let proxy = try RecordingProxy(to: collector.port)
        let secrets = [
            "--password=\(Self.secret)", "--token", Self.secret,
            "https://user:\(Self.secret)@db.example/x", "PGPASSWORD=\(Self.secret)",
        ]
        let script = folder.path + "/visible-job.sh"
        try Data("read word\n".utf8).write(to: URL(fileURLWithPath: script))
        let holds = [Pipe(), Pipe()]
        let children = [
            try Program("/bin/sh", ["-c", "read word; exit 0"] + secrets, input: holds[0]),
            try Program("/bin/sh", [script] + secrets, input: holds[1]),
        ]
        let agent = try Program.agent(
            port: proxy.port, hostID: "one",
            arguments: ["--command-line", policy, "--log-level", "trace"])
        for child in children {
            try await eventually("the child is known") {
                try await collector.rows(["report", "--top", "100000", "--inherited"])
                    .contains { ($0["pid"] as? NSNumber)?.int32Value == child.pid }
            }
        }
        for program in [agent, collector.program] {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
        let wire = try words(of: proxy.sent)
        let disk = try files(of: data)
        let logs = Data((agent.errors + collector.program.errors).utf8)
        // The search finds what is there.
        let program = Data((policy == "none" ? "memcollector" : "visible-job.sh").utf8)
        for bytes in [wire, disk] { #expect(bytes.range(of: program) != nil) }
        let needle = Data(Self.secret.utf8)
        #expect((wire.range(of: needle) != nil) == (policy == "full"))
        #expect((disk.range(of: needle) != nil) == (policy == "full"))
        #expect(logs.range(of: needle) == nil)
        let hasOptions = wire.range(of: Data("--password".utf8)) != nil
        #expect(hasOptions == (policy == "full" || policy == "redacted"))
        for hold in holds { try hold.fileHandleForWriting.close() }
        for child in children { try await child.waitForExit() }
    }
}
