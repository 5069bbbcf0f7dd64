import MemoryModel
import Testing
import Wire

@testable import Agent

@Suite("Windows for which there is no room")
struct WindowRoomTests {
    private static let runCount: Int32 = 120
    /// From a whole hour of UTC on, in boot time.
    private static let begin =
        WindowLength.hour.start(of: TrueHost.wallMinusBootMilliseconds + 7_200_000)
        - TrueHost.wallMinusBootMilliseconds

    /// What a run holds in a minute, in KiB: half of the runs move each minute, the others stand
    /// still after ten.
    private static func kibibytes(_ pid: Int32, _ minute: Int64) -> UInt64 {
        let last = pid.isMultiple(of: 2) ? minute : min(minute, 10)
        return 100 + UInt64((Int64(pid) * 37 + last * 101) % 900)
    }

    /// An outbox without a collector for so many minutes.
    private func outbox(minutes: Int64, memoryLimitBytes: Int) -> Outbox {
        var outbox = Outbox(host: TrueHost.description, memoryLimitBytes: memoryLimitBytes)
        let pids = 1...WindowRoomTests.runCount
        var first = HostSnapshot.starting(
            pids, atMilliseconds: WindowRoomTests.begin, kibibytes: 100)
        first.observed = []
        outbox.apply(first)
        var marks: [Int32: UInt64] = [:]
        for minute in 0..<minutes {
            let at = WindowRoomTests.begin + minute * 60_000 + 30_000
            var look = HostSnapshot(takenAtMilliseconds: at)
            for pid in pids {
                let level = WindowRoomTests.kibibytes(pid, minute)
                look.observed +=
                    HostSnapshot.observing(
                        [pid], atMilliseconds: at, kibibytes: level
                    ).observed
                // The kernel's mark does not fall.
                marks[pid] = max(marks[pid] ?? 0, level)
                look.observed[look.observed.count - 1].markBytes = (marks[pid] ?? level) << 10
            }
            outbox.apply(look)
            outbox.apply(HostSnapshot(takenAtMilliseconds: at + 30_000))
            #expect(outbox.heldBytes <= memoryLimitBytes)
        }
        return outbox
    }

    private func told(_ outbox: inout Outbox) -> WindowModel {
        var model = WindowModel()
        model.sessionOpened()
        outbox.sessionOpened(maximumRuns: 1_000)
        while let frame = outbox.nextFrame() {
            outbox.sent(sequence: UInt64(model.toldCount))
            model.apply(frame)
        }
        return model
    }

    /// The most that a run held from one minute to another; it holds at the beginning what it held
    /// before.
    private func most(_ pid: Int32, _ minutes: ClosedRange<Int64>) -> UInt64 {
        ((max(0, minutes.lowerBound - 1))...minutes.upperBound)
            .map { WindowRoomTests.kibibytes(pid, $0) << 10 }.max() ?? 0
    }

    /// A day of minutes in little memory becomes hours, the oldest first: each pair holds the truth
    /// of its hour, no run that stands still is lost, and it is counted.
    @Test("the oldest minutes become hours, and nothing false")
    func hours() {
        let minutes: Int64 = 6 * 60
        var outbox = outbox(minutes: minutes, memoryLimitBytes: 900 << 10)
        #expect(outbox.counters[.minutesMerged] ?? 0 > 1_000)
        #expect(outbox.counters[.windowsDropped] == 0)
        let model = told(&outbox)
        let hours = Set(model.hours.values.flatMap(\.keys))
        #expect(!hours.isEmpty && hours.count < 6)
        #expect(model.covered.count == Int(minutes))
        for pid in 1...WindowRoomTests.runCount {
            for minute in 0..<minutes {
                let utc =
                    WindowRoomTests.begin + minute * 60_000 + TrueHost.wallMinusBootMilliseconds
                guard let window = model.window(of: run(pid), minute: utc) else {
                    Issue.record("nothing is known of \(pid) in minute \(minute)")
                    continue
                }
                let hour = minute / 60 * 60
                let isHour = hours.contains(WindowLength.hour.start(of: utc))
                let most = most(pid, isHour ? hour...hour + 59 : minute...minute)
                #expect(window.atLeastBytes <= most, "\(pid) in minute \(minute)")
                #expect(
                    window.atMostBytes ?? .max >= self.most(pid, minute...minute),
                    "\(pid) in minute \(minute)")
            }
        }
    }

    /// Where even hours find no room the oldest go, and with them that they were watched.
    @Test("what is dropped is not shown as quiet")
    func dropped() {
        let minutes: Int64 = 12 * 60
        var outbox = outbox(minutes: minutes, memoryLimitBytes: 240 << 10)
        #expect(outbox.counters[.windowsDropped] ?? 0 > 0)
        let model = told(&outbox)
        let first = WindowRoomTests.begin + TrueHost.wallMinusBootMilliseconds
        #expect(model.covered[first] == nil)
        #expect(model.window(of: run(1), minute: first) == nil)
        #expect(!model.covered.isEmpty)
    }
}
