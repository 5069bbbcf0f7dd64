import Foundation
import MemoryModel
import Synchronization
import TestSupport
import Wire

/// A session of an agent that says what a test likes, and keeps what it is told.
final class FakeSession: Sendable {
    private struct State {
        var sequence: UInt64 = 0
        var received: [UInt8] = []
    }

    /// A host that has been up for an hour.
    static let upMilliseconds: Int64 = 3_600_000
    static let memoryBytes: UInt64 = 1 << 34

    private let connection: RawConnection
    private let state = Mutex(State())

    /// Connects and says who it is and what.
    init(
        port: Int, hostID: String, boot: BootID = BootID(high: 1, low: 2), epoch: UInt64 = 42,
        clockAheadMilliseconds: Int64 = 0, isPast: Bool = false
    ) async throws {
        connection = try RawConnection(port: port)
        let now = Int64(Date().timeIntervalSince1970 * 1_000) + clockAheadMilliseconds
        let host = HostDescription(
            name: RawText(hostID), kernelRelease: "6.18",
            memoryTotalBytes: FakeSession.memoryBytes, swapTotalBytes: 0, processorCount: 2,
            ticksPerSecond: 100,
            wallMinusBootMilliseconds: now - FakeSession.upMilliseconds,
            intervalMilliseconds: 1_000, restrictions: [], labels: [])
        await connection.send(FrameEncoder.preface)
        let hello = FakeAgent.hello(hostID, boot: boot, epoch: epoch)
        guard case .hello(let present) = hello else { preconditionFailure("it is a HELLO") }
        try await say(isPast ? .hello(present.asPast) : hello, .host(host))
    }

    /// Sends frames with the next numbers; false if the collector closed before.
    @discardableResult
    func say(_ frames: Frame...) async throws -> Bool {
        var encoder = try FrameEncoder()
        var bytes: [UInt8] = []
        for frame in frames {
            let sequence = state.withLock { state in
                defer { state.sequence += 1 }
                return state.sequence
            }
            try encoder.encode(frame, sequence: sequence, mayCompress: true, into: &bytes)
        }
        return await connection.send(bytes)
    }

    /// Says all that it has: one run with a peak, and no more to follow.
    func sayFullState(peakBytes: UInt64, atMilliseconds at: Int64) async throws {
        try await say(
            .define(
                DefineFrame(runs: [
                    .init(
                        slot: 0, key: ProcessKey(pid: 10, startTicks: 100),
                        description: RunDescription(program: "poison", comm: "poison"))
                ])),
            FakeSession.peak(peakBytes, atMilliseconds: at),
            .stateEnd(StateEndFrame(liveCount: 1)))
    }

    /// PEAKS of the run in slot 0, reached at a boot time.
    static func peak(_ bytes: UInt64, atMilliseconds at: Int64) -> Frame {
        .peaks(
            PeaksFrame(entries: [
                .init(
                    slot: 0,
                    peak: Peak(
                        bytes: bytes,
                        bracket: TimeBracket(
                            notBeforeMilliseconds: at, notAfterMilliseconds: at), source: .hwm),
                    swapPeakBytes: nil)
            ]))
    }

    /// Reads until what the collector said so far passes `isEnough`, or it closed.
    @discardableResult
    func read(until isEnough: @escaping @Sendable ([Frame]) -> Bool) async throws -> [Frame] {
        let before = state.withLock { $0.received }
        if isEnough(try Received.frames(before)) { return try Received.frames(before) }
        let more = try await connection.read { bytes in
            (try? Received.frames(before + bytes)).map(isEnough) ?? true
        }
        state.withLock { $0.received = before + more }
        return try Received.frames(before + more)
    }

    /// Waits until everything that was said is acknowledged.
    func waitUntilAcknowledged() async throws {
        let last = state.withLock { $0.sequence - 1 }
        let frames = try await read { frames in
            frames.contains { frame in
                guard case .acknowledgement(let ack) = frame else { return false }
                return ack.sequence >= last
            }
        }
        guard case .error(let error) = frames.last else { return }
        throw Program.Failure(description: "the collector ended the session: \(error)")
    }

    /// Reads to the end and gives the ERROR that stands there; nil if none does.
    func readError() async throws -> ErrorFrame? {
        let frames = try await read { _ in false }
        guard case .error(let error) = frames.last else { return nil }
        return error
    }
}
