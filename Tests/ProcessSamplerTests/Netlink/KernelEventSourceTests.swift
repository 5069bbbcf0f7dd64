import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// The kernel's own events about real processes.
@Suite(.enabled(if: ExitProbe.isTold, ExitProbe.reason)) struct KernelEventSourceTests {
    /// A source, and everything that it has told.
    private final class Listening {
        let source = KernelEventSource.start()
        /// When every record was seen from on, or later, by the clock that stops in suspend.
        let begunMilliseconds = BootClock.nowMilliseconds() - BootClock.suspendedMilliseconds()
        private(set) var events = KernelEvents()

        func take() {
            let drained = source.drain()
            events.ended += drained.ended
            events.executed += drained.executed
            events.forked += drained.forked
            events.losses += drained.losses
        }

        func end(of pid: Int32) async throws -> EndedProcess {
            var found: EndedProcess?
            try await eventually("the end of \(pid) is told") {
                self.take()
                found = self.events.ended.first { $0.pid == pid }
                return found != nil
            }
            return try #require(found)
        }
    }

    @Test("A process that lived for a moment is told with its own mark, status and name")
    func mark() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("mark", "30", "42")
        let ended = try await listening.end(of: probe.pid)
        let ownMark = try #require(probe.lines.first)
        #expect(ExitProbe.agree(ended.markBytes, ownMark << 10))
        #expect(ownMark > 30 << 10)
        #expect(ended.exitCode == 42)
        #expect(ended.exitSignal == nil)
        #expect(ended.name == "exitprobe")
        #expect(!ended.isNameOfThread)
        #expect(ended.isForkWithoutExec == false)
        #expect(ended.parentPid == getpid())
        #expect(ended.userID == getuid())
        // On a busy machine the start may be known too roughly to lie after the first record.
        let earliest = ended.startMonotonicMilliseconds.map {
            $0 - ended.startUncertaintyMilliseconds - 2
        }
        #expect(ended.isComplete || earliest.map { $0 <= listening.begunMilliseconds } == true)
        #expect(ended.elapsedMicroseconds.map { $0 < 60_000_000 } == true)
        let image = try #require(listening.events.executed.first { $0.pid == probe.pid })
        #expect(image.details?.description.program == "exitprobe")
        let start = try #require(ended.startMonotonicMilliseconds)
        let forked = try #require(listening.events.forked.first { $0.pid == probe.pid })
        let apart = abs(start - forked.monotonicMilliseconds)
        #expect(apart <= ended.startUncertaintyMilliseconds + 2)
    }

    @Test("A signal that ends a process is told")
    func signal() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("signal", "9")
        let ended = try await listening.end(of: probe.pid)
        #expect(ended.exitSignal == 9)
        #expect(ended.exitCode == nil)
    }

    @Test("A process whose leader ended first has one end, its leader's name and all memory")
    func leaderless() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("leaderless")
        let ended = try await listening.end(of: probe.pid)
        #expect(ended.name == "exitprobe")
        #expect(!ended.isNameOfThread)
        #expect(ended.isForkWithoutExec == false)
        #expect((ended.markBytes ?? 0) >= 40 << 20)
        #expect(ended.exitCode == nil)
        #expect((ended.elapsedMicroseconds ?? 0) >= 50_000)
        #expect(listening.events.ended.filter { $0.pid == probe.pid }.count == 1)
    }

    @Test("A thread that executes a program leaves one end, with the new program's mark")
    func threadExec() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("threadexec")
        let ended = try await listening.end(of: probe.pid)
        #expect(ended.exitCode == 9)
        #expect(ExitProbe.agree(ended.markBytes, probe.lines.first.map { $0 << 10 }))
        #expect((ended.markBytes ?? .max) < 60 << 20)
        #expect(listening.events.ended.filter { $0.pid == probe.pid }.count == 1)
        #expect(listening.events.executed.filter { $0.pid == probe.pid }.count == 2)
    }

    @Test("A program with threads that exits is told with its status")
    func threads() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("threads")
        let ended = try await listening.end(of: probe.pid)
        #expect(ended.exitCode == 7)
        #expect((ended.markBytes ?? 0) + ExitProbe.slackBytes >= 32 << 20)
    }

    @Test("A forked child is told with the mark that it began with")
    func fork() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("fork")
        let child = Int32(try #require(probe.lines.first))
        let ended = try await listening.end(of: child)
        #expect(ended.isForkWithoutExec == true)
        #expect(ended.exitCode == 3)
        #expect(ended.parentPid == probe.pid)
        let forked = try #require(listening.events.forked.first { $0.pid == child })
        #expect(forked.parentPid == probe.pid)
    }

    @Test("A spawn that fails has its parent's mark, and says so")
    func vfork() async throws {
        let listening = Listening()
        let probe = try await ExitProbe.run("vfork")
        let child = Int32(try #require(probe.lines.first))
        let ended = try await listening.end(of: child)
        #expect(ended.isForkWithoutExec == true)
        #expect((ended.markBytes ?? 0) >= 64 << 20)
        #expect(ExitProbe.agree(ended.parentMarkBytes, ended.markBytes))
    }
}
