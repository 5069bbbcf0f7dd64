import Foundation
import Logging
import MemoryModel
import NIOCore
import NIOPosix
import ProcessSampler
import TestSupport
import Testing

@testable import Agent

/// What an agent finds out of the Python programs of its host, on a thread of its own.
@Suite("The Python programs of an agent's host", .serialized)
struct PythonThreadTests {
    @Test("a tree of ordinary files that looks like a procfs is not read as one")
    func fixture() throws {
        let tree = try ProcTree()
        #expect(!ProcRoot(path: tree.path).isProcfs)
        #expect(!ProcRoot(path: tree.path + "/absent").isProcfs)
        #expect(ProcRoot().isProcfs)
    }

    @Test(
        "an agent has to tell what a program grew by while it lives, with names by its policy",
        .enabled(if: GrowingScript.isThere, "needs /usr/bin/python3"))
    func agent() async throws {
        let folder = try TemporaryFolder()
        // Nobody listens there.
        let collector = try #require(CollectorAddress("127.0.0.1:9"))
        var settings = AgentSettings(
            collectors: [collector], stateDirectory: StateDirectory(path: folder.path + "/state"))
        settings.hostID = HostID("one")
        settings.intervalMilliseconds = 100
        settings.python.names = .hash
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let core = try await loop.submit { [settings] in
            let core = try AgentCore(
                settings: settings, loop: loop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            core.start()
            return NIOLoopBound(core, eventLoop: loop)
        }.get()
        let script = try await GrowingScript()
        let pid = script.program.pid
        func held() async throws -> GrowthRecord? {
            try await loop.submit {
                core.value.outbox.registers.parts.heldGrowth.first { $0.run.pid == pid }
            }.get()
        }
        let file = PythonNamePolicy.hash.line(
            PythonLine(file: RawText(script.folder.path + "/job.py"), function: "", line: 0)
        ).file
        func isNamed(in record: GrowthRecord?) -> Bool {
            record?.lines.keys.contains { $0.file == file && $0.line == GrowingScript.line }
                ?? false
        }
        // It is seen to grow and watched; later growth is met while it goes on.
        var turns = 0
        try await eventually("growth of a program that lives is to be told", seconds: 180) {
            if script.program.output.components(separatedBy: "done").count > turns {
                try script.grow()
                turns += 1
            }
            return try await isNamed(in: held())
        }
        try script.close()
        try await script.program.waitForExit()
        try await loop.flatSubmit { core.value.stop() }.get()
        // Its lines are not forgotten with its end, as nobody took them.
        let last = try #require(try await held())
        #expect(isNamed(in: last))
        #expect(last.lines.keys.allSatisfy { $0.file.bytes.first == UInt8(ascii: "#") })
        try await group.shutdownGracefully()
    }
}
