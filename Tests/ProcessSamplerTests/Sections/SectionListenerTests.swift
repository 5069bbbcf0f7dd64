import Foundation
import Glibc
import TestSupport
import Testing

@testable import ProcessSampler

@Suite("The socket of sections")
struct SectionListenerTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/run/sections.sock" }

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Sends datagrams as any program would; returns how many had room.
    private func send(_ texts: [String], to path: String) throws -> Int {
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        return texts.count { text in
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(file, text, text.utf8.count, Int32(MSG_DONTWAIT), $0, length)
                }
            } >= 0
        }
    }

    private func reset(_ ticks: Int) -> String {
        """
        {"v":1,"kind":"reset","pid":1,"startTicks":\(ticks),"at":5,"lifetimeKiB":9,"unsentCount":0}

        """
    }

    private func drained(
        _ listener: SectionListener, until isEnough: (SectionArrivals) -> Bool
    ) async throws -> SectionArrivals {
        var all = SectionArrivals()
        try await eventually("the datagrams are there") {
            let more = listener.drain()
            all.received += more.received
            all.faults.merge(more.faults, uniquingKeysWith: +)
            all.droppedCount += more.droppedCount
            return isEnough(all)
        }
        return all
    }

    @Test("The kernel says who sent, whatever the datagram says, and faults are counted")
    func credentials() async throws {
        let listener = try SectionListener(path: path)
        defer { listener.stop() }
        #expect(try send([reset(7), "nonsense", reset(8)], to: path) == 3)
        let all = try await drained(listener) { $0.received.count == 2 && !$0.faults.isEmpty }
        #expect(all.received.map(\.pid) == [getpid(), getpid()])
        #expect(all.received.map(\.datagram.startTicks) == [7, 8])
        #expect(all.faults == [.badLine: 1])
    }

    @Test("A socket that is left over is replaced, and one that is listened at is not")
    func takingOver() throws {
        let first = try SectionListener(path: path)
        #expect(throws: SectionListenerProblem(code: EADDRINUSE)) {
            try SectionListener(path: path)
        }
        first.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
        // Bound and closed without removing it, as a killed agent leaves it.
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(status == 0)
        close(file)
        let second = try SectionListener(path: path)
        #expect(try send([reset(1)], to: path) == 1)
        second.stop()
    }

    @Test("A file that is no socket is left alone, and a path that cannot be made says so")
    func unusable() throws {
        let file = folder.path + "/file"
        try Data("mine".utf8).write(to: URL(filePath: file))
        #expect(throws: SectionListenerProblem(code: EADDRINUSE)) {
            try SectionListener(path: file)
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
        #expect(throws: SectionListenerProblem(code: ENOENT)) {
            try SectionListener(path: folder.path + "/not/there/sections.sock")
        }
        let long = folder.path + "/" + String(repeating: "x", count: 120)
        #expect(throws: SectionListenerProblem(code: ENAMETOOLONG)) {
            try SectionListener(path: long)
        }
    }

    @Test("Who sends without end is held back, and what was taken is whole")
    func flood() async throws {
        let listener = try SectionListener(path: path)
        defer { listener.stop() }
        let path = path
        var sent = 0
        for first in stride(from: 0, to: 20_000, by: 500) {
            sent += try send((first..<first + 500).map(reset), to: path)
        }
        let all = try await drained(listener) { $0.received.count >= min(sent, 4_000) }
        #expect(all.received.count <= sent)
        #expect(all.faults.isEmpty && all.droppedCount == 0)
        // The senders count what found no room.
        #expect(sent < 20_000)
    }
}
