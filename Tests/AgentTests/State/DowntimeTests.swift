import MemoryModel
import Testing

@testable import Agent

@Suite("The time without an agent")
struct DowntimeTests {
    private typealias Moment = RunningMarker.Moment

    private let boot = BootID(high: 1, low: 2)
    private let host: HostID
    private let marker: RunningMarker

    init() throws {
        host = try #require(HostID("one"))
        marker = RunningMarker(
            boot: boot, epoch: 7, host: host,
            now: Moment(atMilliseconds: 50_000, processCount: 1_000),
            safe: Moment(atMilliseconds: 45_000, processCount: 990),
            wallMinusBootMilliseconds: 1_700_000_000_000)
    }

    private func judge(
        _ marker: RunningMarker?, boot: BootID? = nil, host: HostID? = nil,
        now: RunningMarker.Moment = .init(atMilliseconds: 80_000, processCount: 1_200),
        wallMinusBootMilliseconds: Int64 = 1_700_000_000_000
    ) -> Downtime? {
        Downtime(
            after: marker, host: host ?? self.host, boot: boot ?? self.boot, now: now,
            wallMinusBootMilliseconds: wallMinusBootMilliseconds)
    }

    @Test("a marker is read back as it was written, always of one length")
    func roundTrip() {
        var other = marker
        other.isStopped = true
        other.now.processCount = nil
        other.safe = Moment(atMilliseconds: 0, processCount: .max)
        for marker in [marker, other] {
            #expect(marker.bytes.count == RunningMarker.byteCount)
            #expect(RunningMarker.read(marker.bytes) == marker)
        }
    }

    @Test("a marker of which anything changed or is missing is none")
    func damage() {
        let bytes = marker.bytes
        let length = bytes.lastIndex { $0 > UInt8(ascii: " ") } ?? 0
        for index in 0...length {
            var damaged = bytes
            damaged[index] ^= 0x01
            #expect(RunningMarker.read(damaged) == nil, "byte \(index)")
            #expect(RunningMarker.read(bytes[..<index]) == nil)
        }
        #expect(RunningMarker.read([]) == nil)
    }

    @Test("in the same boot the gap begins where all that was seen is kept, and counts what began")
    func sameBoot() throws {
        let downtime = try #require(judge(marker))
        #expect(downtime.isUnclean)
        #expect(downtime.loss.reason == .agentDown)
        #expect(
            downtime.loss.bracket
                == TimeBracket(notBeforeMilliseconds: 45_000, notAfterMilliseconds: 80_000))
        #expect(downtime.loss.count == 210)
        #expect(downtime.gapBefore == nil)
        #expect(downtime.safe == marker.safe)
    }

    @Test("an agent that stopped in order leaves a gap, too, and no word of disorder")
    func stopped() throws {
        var marker = marker
        marker.isStopped = true
        let downtime = try #require(judge(marker))
        #expect(!downtime.isUnclean)
        #expect(downtime.loss.count == 210)
    }

    @Test("in another boot all of it is a gap, and the old boot has one from the marker to its end")
    func otherBoot() throws {
        // The new boot began 100 s after the old one on the wall clock.
        let downtime = try #require(
            judge(
                marker, boot: BootID(high: 9, low: 9),
                now: Moment(atMilliseconds: 30_000, processCount: 300),
                wallMinusBootMilliseconds: 1_700_000_100_000))
        #expect(
            downtime.loss.bracket
                == TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: 30_000))
        #expect(downtime.loss.count == 300)
        let gap = try #require(downtime.gapBefore)
        #expect(gap.ordinal == 1 << 32)
        #expect(
            gap.bracket
                == TimeBracket(notBeforeMilliseconds: 45_000, notAfterMilliseconds: 100_000))
        #expect(gap.missedCount == nil)
    }

    @Test("a wall clock that went back makes no gap that ends before it begins")
    func clockWentBack() throws {
        let downtime = try #require(
            judge(
                marker, boot: BootID(high: 9, low: 9),
                wallMinusBootMilliseconds: 1_600_000_000_000))
        #expect(
            downtime.gapBefore?.bracket
                == TimeBracket(notBeforeMilliseconds: 45_000, notAfterMilliseconds: 50_000))
    }

    @Test("a marker that says nothing makes all of this boot a gap, of an unknown count")
    func lostMarker() {
        let downtime = Downtime(
            unknownUntil: Moment(atMilliseconds: 80_000, processCount: 1_200))
        #expect(downtime.isUnclean && downtime.loss.reason == .agentDown)
        #expect(
            downtime.loss.bracket
                == TimeBracket(notBeforeMilliseconds: 0, notAfterMilliseconds: 80_000))
        #expect(downtime.loss.count == nil && downtime.gapBefore == nil)
        #expect(downtime.safe == Moment(atMilliseconds: 0, processCount: nil))
    }

    @Test("a first start, and the marker of another host, say nothing; a missing count is none")
    func unknown() throws {
        #expect(judge(nil) == nil)
        #expect(judge(marker, host: HostID("two")) == nil)
        let now = Moment(atMilliseconds: 80_000, processCount: nil)
        #expect(try #require(judge(marker, now: now)).loss.count == nil)
        let fewer = Moment(atMilliseconds: 80_000, processCount: 5)
        #expect(try #require(judge(marker, now: fewer)).loss.count == 0)
    }
}
