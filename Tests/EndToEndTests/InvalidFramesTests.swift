import Foundation
import TestSupport
import Testing
import Wire

/// Whatever one peer sends, it is told what is wrong, and no other agent notices.
@Suite("Invalid frames")
struct InvalidFramesTests {
    /// A collector and an agent that works while others misbehave.
    private struct Scene {
        let folder: TemporaryFolder
        let collector: RunningCollector
        let proxy: RecordingProxy
        let agent: Program

        static func start() async throws -> Scene {
            let folder = try TemporaryFolder()
            let collector = try await RunningCollector.start(folder: folder.path + "/data")
            let proxy = try RecordingProxy(to: collector.port)
            let agent = try Program.agent(port: proxy.port, hostID: "good")
            let scene = Scene(folder: folder, collector: collector, proxy: proxy, agent: agent)
            try await scene.expectService()
            return scene
        }

        /// How many times the agent was told that something is durable.
        private func acknowledgements() throws -> Int {
            try Received.frames(proxy.answered.first ?? []).count {
                if case .acknowledgement = $0 { true } else { false }
            }
        }

        /// Waits until the agent, on the connection that it began with, is acknowledged again.
        func expectService() async throws {
            let before = try acknowledgements()
            try await eventually("the agent is acknowledged") {
                try acknowledgements() > before
            }
            #expect(proxy.sent.count == 1)
            #expect(agent.status == nil && collector.program.status == nil)
        }

        /// Log lines of one kind.
        func logged(_ message: String) -> Int {
            collector.program.errors.split(separator: "\n")
                .count { $0.contains("\"message\":\"\(message)\"") }
        }

        /// What the collector has in memory.
        func residentKibibytes() throws -> Int {
            let path = "/proc/\(collector.program.pid)/status"
            let status = try String(contentsOfFile: path, encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(Int(line.split(separator: " ")[1]))
        }

        func stop() async throws {
            agent.signal(SIGTERM)
            #expect(try await agent.waitForExit() == 0)
            collector.program.signal(SIGTERM)
            #expect(try await collector.program.waitForExit() == 0)
        }
    }

    @Test("every invalid vector is answered with its ERROR and logged once, and nothing stays")
    func vectors() async throws {
        let vectors = try InvalidVector.fromAgents()
        try #require(vectors.count >= 280)
        let scene = try await Scene.start()
        var memory = 0
        // The first round warms up: what it leaves is buffers that all later ones share.
        for round in 1...3 {
            for vector in vectors {
                let connection = try RawConnection(port: scene.collector.port)
                await connection.send(try vector.conversation(hostID: "bad"))
                let answer = try await connection.readToEnd()
                let error = try Received.error(answer)
                #expect(error.map { "\($0)" } == vector.error, "\(vector.name)")
            }
            let count = round * vectors.count
            try await eventually("each fault is logged") {
                scene.logged("closing a connection") >= count
            }
            #expect(scene.logged("closing a connection") == count)
            if round == 1 { memory = try scene.residentKibibytes() }
            try await scene.expectService()
        }
        // Hundreds of faults of 1 MiB each, if they were kept, would be hundreds of MiB.
        let growth = try scene.residentKibibytes() - memory
        #expect(growth < 16_384, "the collector grew by \(growth) KiB")
        #expect(
            try await scene.collector.rows(["hosts"]).contains { $0["state"] as? String == "up" })
        try await scene.stop()
    }

    @Test("peers that speak something else are told that this is Highwater")
    func otherProtocols() async throws {
        let scene = try await Scene.start()
        var random = SeededGenerator()
        var noise = (0..<(1 << 20)).map { _ in UInt8.random(in: 0...255, using: &random) }
        noise[0] = 0
        let clientHello: [UInt8] =
            [0x16, 0x03, 0x01, 0x00, 0x2F, 0x01, 0x00, 0x00, 0x2B, 0x03, 0x03]
            + [UInt8](repeating: 7, count: 41)
        for (name, bytes) in [
            ("HTTP", Array("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)),
            ("TLS", clientHello), ("SSH", Array("SSH-2.0-OpenSSH_9.6\r\n".utf8)),
            ("noise", noise), ("one byte", [0x00]),
            ("half of the preface", [0x89, 0x48, 0x57, 0x4D, 0x0A]),
        ] {
            let connection = try RawConnection(port: scene.collector.port)
            await connection.send(bytes)
            let answer = try await connection.readToEnd()
            #expect(try Received.error(answer) == .notHighwater, "\(name), \(random)")
        }
        for finish in [true, false] {
            let connection = try RawConnection(port: scene.collector.port)
            if finish {
                connection.finishSending()
                #expect(try await connection.readToEnd() == [])
            }
        }
        try await scene.expectService()
        #expect(scene.logged("closing a connection") == 6)
        try await scene.stop()
    }

    @Test("those who say nothing, or stop in the middle, are closed; the agent does not notice")
    func silence() async throws {
        let scene = try await Scene.start()
        let silent = try (0..<200).map { _ in try RawConnection(port: scene.collector.port) }
        let prefaceOnly = try RawConnection(port: scene.collector.port)
        await prefaceOnly.send(FrameEncoder.preface)
        let halfHello = try RawConnection(port: scene.collector.port)
        await halfHello.send(Array(try FakeAgent.bytes([FakeAgent.hello("half")]).dropLast(3)))
        try await scene.expectService()
        for connection in silent {
            #expect(try await connection.readToEnd() == [])
        }
        #expect(try Received.error(try await prefaceOnly.readToEnd()) == .timeout)
        #expect(try Received.error(try await halfHello.readToEnd()) == .timeout)
        try await scene.expectService()
        try await scene.stop()
    }

    @Test("a peer that asks and never reads is closed, and costs no memory")
    func neverReads() async throws {
        let scene = try await Scene.start()
        let before = try scene.residentKibibytes()
        let opening = try FakeAgent.opening("deaf")
        let pings = try FakeAgent.bytes((0..<20_000).map { .ping(token: UInt64($0)) })
        var deaf: [RawConnection] = []
        for _ in 0..<20 {
            let connection = try RawConnection(port: scene.collector.port, receiveBytes: 2_048)
            await connection.send(opening + pings.dropFirst(FrameEncoder.preface.count))
            deaf.append(connection)
        }
        try await eventually("all are closed") {
            scene.logged("closing a connection") >= deaf.count
        }
        try await scene.expectService()
        #expect(try scene.residentKibibytes() - before < 16_384)
        for connection in deaf {
            #expect(try Received.frames(try await connection.readToEnd()).isEmpty == false)
        }
        try await scene.stop()
    }

    @Test("a second session of a host takes over, and the first is told so")
    func replaced() async throws {
        let scene = try await Scene.start()
        let first = try RawConnection(port: scene.collector.port)
        await first.send(try FakeAgent.opening("twice"))
        _ = try await first.read { bytes in bytes.count > 24 }
        let second = try RawConnection(port: scene.collector.port)
        await second.send(try FakeAgent.opening("twice"))
        #expect(try Received.error(try await first.readToEnd()) == .replaced)
        _ = try await second.read { bytes in bytes.count > 24 }
        try await eventually("the host is up") {
            try await scene.collector.rows(["hosts"]).contains {
                $0["host_id"] as? String == "twice" && $0["state"] as? String == "up"
            }
        }
        #expect(try await scene.collector.rows(["hosts"]).count == 2)
        try await scene.expectService()
        try await scene.stop()
    }
}
