import Foundation
import MemoryModel
import TestSupport
import Testing
import Wire

/// What an agent does when a collector does not want it.
@Suite("Failover")
struct FailoverTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func agent(_ ports: [Int], _ further: [String] = []) throws -> Program {
        try Program(
            "memagent",
            ports.flatMap { ["--collector", "127.0.0.1:\($0)"] } + [
                "--host-id", "one", "--interval", "200ms", "--state-dir", folder.path + "/state",
            ] + further)
    }

    private func stop(_ agent: Program) async throws {
        #expect(agent.status == nil)
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }

    static let refusals: [(ErrorCode, String)] = [
        (.versionUnsupported, "versions that know each other"),
        (.notAuthenticated, "accepts this agent"),
        (.identityConflict, "another machine uses the host id one"),
        (.replaced, "another agent uses the host id one"),
        (.badIdentity, "--host-id"),
    ]

    @Test(
        "a refusal for good is told with what to do, is tried again in minutes, and ends no agent",
        arguments: refusals)
    func refusedForGood(_ code: ErrorCode, _ words: String) async throws {
        let collector = try FakeCollector { _, _ in
            .refuse(FakeCollector.error(code, "not you"))
        }
        let agent = try agent([collector.port], ["--log-format", "json"])
        try await agent.waitForText("not you")
        let line = try #require(
            agent.errors.split(separator: "\n").first { $0.contains("not you") })
        let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
        #expect(fields?["level"] == "error")
        #expect(fields?["do"]?.contains(words) == true, "\(line)")
        let wait = try #require(fields?["retryMilliseconds"].flatMap { Int64($0) })
        #expect((300_000...900_000).contains(wait))
        try await stop(agent)
        #expect(collector.sessions.count == 1)
    }

    @Test("whoever is refused for good by one collector goes to the next one at once")
    func nextAfterRefusal() async throws {
        let first = try FakeCollector { _, _ in .refuse(FakeCollector.error(.notAuthorized)) }
        let second = try FakeCollector { _, _ in .take }
        let agent = try agent([first.port, second.port])
        try await eventually("the second one has the state") {
            second.sessions.first?.frames.contains { $0.type == .stateEnd } == true
        }
        try await stop(agent)
        #expect(first.sessions.count == 1)
    }

    @Test(
        "what a collector asks an agent to wait is spread by half, after ERROR and GOODBYE",
        arguments: [true, false])
    func retryAfter(_ isError: Bool) async throws {
        let asked: UInt64 = 200_000
        let end =
            isError
            ? FakeCollector.error(.busy, retryAfterMilliseconds: asked)
            : .goodbye(GoodbyeFrame(reason: .collectorStops, retryAfterMilliseconds: asked))
        let collector = try FakeCollector { _, _ in .end(end) }
        var waits: Set<Int64> = []
        for _ in 0..<3 {
            let agent = try agent([collector.port], ["--log-format", "json"])
            try await agent.waitForText("retryMilliseconds")
            let line = try #require(
                agent.errors.split(separator: "\n").first { $0.contains("retryMilliseconds") })
            let fields =
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            waits.insert(try #require(fields?["retryMilliseconds"].flatMap { Int64($0) }))
            try await stop(agent)
        }
        #expect(waits.allSatisfy { (100_000...300_000).contains($0) })
        // Three draws of 200,001 that are equal would be no draws.
        #expect(waits.count > 1)
    }

    @Test("when a collector that took everything goes away, the next one gets the whole state")
    func takesOver() async throws {
        let second = try FakeCollector { _, _ in .take }
        let first = try FakeCollector { _, count in
            count == 0 ? .end(FakeCollector.error(.storeUnavailable)) : .take
        }
        let agent = try agent([first.port, second.port])
        try await eventually("the second one has the state") {
            second.sessions.first?.frames.contains { $0.type == .stateEnd } == true
        }
        #expect(second.sessions.first?.frames.first?.type == .host)
        #expect(second.sessions.first?.hello.epoch == first.sessions.first?.hello.epoch)
        try await stop(agent)
    }
}
