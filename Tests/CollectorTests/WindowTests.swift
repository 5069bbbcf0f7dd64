import MemoryModel
import PeakStore
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("Windows at a collector")
struct WindowTests {
    /// A whole minute of UTC, in boot time and in UTC.
    private let bootMinute: Int64 = 40_000
    private var minute: Int64 { wallMinusBoot + bootMinute }

    private func windows(
        _ pids: [Int32], _ length: WindowLength = .minute, start: Int64 = 40_000,
        atLeast: UInt64 = 1_024, atMost: UInt64? = 2_048
    ) -> SessionEvent {
        let window = Window(atLeastBytes: atLeast, atMostBytes: atMost)
        return .windows(
            WindowsEvent(
                length: length, startsAtMilliseconds: start,
                windows: Dictionary(uniqueKeysWithValues: pids.map { (run($0), window) })))
    }

    private func covered(_ starts: [Int64], _ length: WindowLength = .minute) -> SessionEvent {
        .covered(
            CoveredFrame(
                length: length,
                entries: starts.map { .init(startsAtMilliseconds: $0, liveCount: 7) }))
    }

    private func batch(_ host: inout HostHarness) -> CommitBatch { host.fleet.takeBatch().batch }

    /// What an agent says in boot time lies at whole minutes of UTC in the batch, also where its
    /// edge was some milliseconds off.
    @Test("windows and coverage are in the commit, at whole minutes of UTC")
    func committed() {
        var host = HostHarness()
        host.apply(.define([1]))
        host.apply(windows([1], start: bootMinute - 700))
        host.apply(covered([bootMinute + 300, bootMinute + 60_000]))
        let batch = batch(&host)
        let boot = BootID(high: 0, low: 1)
        #expect(
            batch.windows == [
                StoredWindow(
                    run: RunKey(host: host.id, boot: boot, process: run(1)), length: .minute,
                    startsAtMilliseconds: minute,
                    window: Window(atLeastBytes: 1_024, atMostBytes: 2_048))
            ])
        #expect(
            batch.coverage
                == [minute, minute + 60_000].map {
                    StoredCoverage(
                        host: host.id, boot: boot, startsAtMilliseconds: $0, liveCount: 7)
                })
    }

    /// An hour that was watched stands for its minutes, because a store knows only those.
    @Test("an hour that was watched is sixty minutes")
    func hours() {
        var host = HostHarness()
        let hour = WindowLength.hour.start(of: wallMinusBoot)
        host.apply(windows([1], .hour, start: hour - wallMinusBoot))
        host.apply(covered([hour - wallMinusBoot], .hour))
        let batch = batch(&host)
        #expect(batch.windows.map(\.length) == [.hour])
        #expect(batch.windows.map(\.startsAtMilliseconds) == [hour])
        #expect(
            batch.coverage.map(\.startsAtMilliseconds) == (0..<60).map { hour + $0 * 60_000 })
    }

    /// What waits takes memory that is accounted for, a commit that fails loses nothing, and one
    /// that is done leaves nothing behind.
    @Test("windows are due until they are on the disk, and then take no room")
    func dueUntilCommitted() throws {
        var host = HostHarness()
        let store = MemoryStore()
        try host.commit(to: store)
        let before = host.fleet.use
        host.apply(windows([1, 2, 3]))
        host.apply(covered([bootMinute]))
        #expect(host.fleet.use.uncommittedBytes > before.uncommittedBytes)
        let (first, pending) = host.fleet.takeBatch()
        host.apply(windows([4]))
        #expect(host.fleet.use.uncommittedBytes > before.uncommittedBytes)
        host.fleet.commitFailed(pending)
        let (second, again) = host.fleet.takeBatch()
        #expect(first.windows.count == 3 && second.windows.count == 4)
        #expect(second.coverage == first.coverage)
        host.fleet.committed(again)
        #expect(host.fleet.use == before)
        #expect(batch(&host).windows.isEmpty)
    }

    /// A window that cannot be true never gets to the disk; of one whose upper bound cannot be, the
    /// rest does.
    @Test("impossible windows are refused and counted")
    func refused() {
        var host = HostHarness()
        let most = HostDescription.sample.memoryTotalBytes * 64
        host.apply(windows([1], atLeast: most + 1_024, atMost: nil))
        host.apply(windows([2], atLeast: 1_024, atMost: most + 1_024))
        host.apply(windows([3], atLeast: most, atMost: most))
        let told = Dictionary(
            uniqueKeysWithValues: batch(&host).windows.map { ($0.run.process.pid, $0.window) })
        #expect(
            told == [
                2: Window(atLeastBytes: 1_024, atMostBytes: nil),
                3: Window(atLeastBytes: most, atMostBytes: most),
            ])
        #expect(host.fleet.hosts[host.id]?.refusedCount == 2)
    }

    /// A clock that is ahead costs the time of a window, not the window (truth rule 11).
    @Test("the window of a host whose clock is ahead is the receipt's")
    func clockAhead() {
        var host = HostHarness()
        host.apply(.host(.sample.with { $0.wallMinusBootMilliseconds += 600_000 }))
        host.apply(windows([1]))
        host.apply(covered([bootMinute]))
        let batch = batch(&host)
        let receipt = WindowLength.minute.start(of: testNow)
        #expect(batch.windows.map(\.startsAtMilliseconds) == [receipt])
        #expect(batch.coverage.map(\.startsAtMilliseconds) == [receipt])
        #expect(host.fleet.hosts[host.id]?.isClockSuspect == true)
    }

    /// A run of one minute has the window of its peak, exact where its record says that nothing
    /// greater was missed, and one that lived longer has what its agent says.
    @Test("a run that lived within one minute makes a window of its peak")
    func onlyMinute() {
        var host = HostHarness()
        host.apply(.define([1, 2], startedAtMilliseconds: 45_000))
        host.apply(.define([3], startedAtMilliseconds: 39_000))
        for pid: Int32 in 1...3 { host.apply(.peak(pid, bytes: 8_192)) }
        for pid: Int32 in 1...3 { host.apply(.exit(pid, final: pid == 1)) }
        let windows = batch(&host).windows.sorted { $0.run.process.pid < $1.run.process.pid }
        #expect(windows.map(\.run.process.pid) == [1, 2])
        #expect(windows.map(\.startsAtMilliseconds) == [minute, minute])
        #expect(
            windows.map(\.window) == [
                Window(atLeastBytes: 8_192, atMostBytes: 8_192),
                Window(atLeastBytes: 8_192, atMostBytes: nil),
            ])
    }

    /// No window that overlaps a purged stretch comes back, told or made of a peak.
    @Test("windows of a purged stretch are kept out")
    func purged() {
        var host = HostHarness()
        host.fleet.purge(
            Tombstone(
                id: 1,
                request: PurgeRequest(
                    host: host.id, sinceMilliseconds: minute + 59_999,
                    untilMilliseconds: minute + 60_000),
                createdAtMilliseconds: testNow))
        for start in stride(from: bootMinute - 60_000, through: bootMinute + 120_000, by: 60_000) {
            host.apply(windows([1], start: start))
            host.apply(covered([start]))
        }
        host.apply(.define([2], startedAtMilliseconds: 45_000))
        host.apply(.peak(2, bytes: 8_192))
        host.apply(.exit(2, final: true))
        let batch = batch(&host)
        #expect(
            batch.windows.map(\.startsAtMilliseconds) == [minute - 60_000, minute + 120_000])
        #expect(
            batch.coverage.map(\.startsAtMilliseconds) == [minute - 60_000, minute + 120_000])
    }
}

extension SessionEvent {
    /// EXIT of one run, whose record may say that its peak is final.
    fileprivate static func exit(_ pid: Int32, final: Bool) -> SessionEvent {
        let bracket = TimeBracket(notBeforeMilliseconds: 60_000, notAfterMilliseconds: 60_000)
        return .exits([
            ExitEvent(
                key: run(pid), end: RunEnd(bracket: bracket, reason: .exited),
                processorMilliseconds: nil, flags: final ? .peakIsFinal : [])
        ])
    }
}
