import Foundation
import Logging
import MemoryModel
import ProcessSampler
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("Back to the preferred collector")
struct FailbackTests {
    @Test("an agent leaves the second collector in order, and tells the first one everything")
    func returns() async throws {
        let tree = try ProcTree()
        try tree.write("cpu 1 2 3\nprocesses 1000\n", to: "stat")
        for pid in 40...49 as ClosedRange<Int32> { try tree.write(ProcTree.Process(pid: pid)) }
        let folder = try TemporaryFolder()
        let first = try FakeCollector { _, count in
            count == 0 ? .refuse(FakeCollector.error(.storeUnavailable)) : .take
        }
        let second = try FakeCollector { _, _ in .take }
        var settings = AgentSettings(
            collectors: try [first, second].map {
                try #require(CollectorAddress("127.0.0.1:\($0.port)"))
            }, stateDirectory: StateDirectory(path: folder.path + "/state"))
        settings.root = ProcRoot(path: tree.path)
        settings.hostID = HostID("one")
        settings.intervalMilliseconds = 100
        settings.reportIntervalMilliseconds = 100
        settings.returnMilliseconds = 500...600
        let service = AgentService(
            settings: settings,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let task = Task { try await service.run() }
        try await eventually("the first one has the state") {
            first.sessions.count == 2
                && first.sessions[1].frames.contains { $0.type == .stateEnd }
        }
        try await eventually("the second one was left") {
            second.sessions.first?.frames.last?.type == .goodbye
        }
        task.cancel()
        try await task.value

        #expect(second.sessions.count == 1)
        guard case .goodbye(let goodbye) = second.sessions[0].frames.last else { return }
        #expect(goodbye.reason == .agentStops)
        let back = first.sessions[1]
        #expect(back.hello.epoch == second.sessions[0].hello.epoch)
        #expect(back.frames.first?.type == .host)
        let state = back.frames.prefix { $0.type != .stateEnd }
        #expect(Set(state.flatMap(\.defines).map(\.key.pid)) == Set(40...49))
        #expect(first.sessions.count == 2)
    }
}
