import MemoryModel
import TestSupport
import Testing

@testable import Report

@Suite("Memory over time, drawn")
struct HistoryPlotTests {
    private let hour: Int64 = 3_600_000
    /// 2026-11-22T00:00:00Z.
    private let midnight: Int64 = 1_795_305_600_000

    private func point(
        _ hours: Int64, _ atLeast: UInt64?, _ atMost: UInt64? = nil, isWatched: Bool = true,
        length: WindowLength = .hour
    ) -> HistoryPoint {
        HistoryPoint(
            startsAtMilliseconds: midnight + hours * hour, length: length,
            window: atLeast.map {
                Window(atLeastBytes: $0 << 20, atMostBytes: atMost.map { $0 << 20 })
            },
            isWatched: isWatched)
    }

    private func plot(_ points: [HistoryPoint], hours: Int64) -> HistoryPlot {
        var plot = HistoryPlot(points: points, range: midnight...midnight + hours * hour)
        plot.rowCount = 4
        return plot
    }

    @Test("what is held, its upper bound, unwatched, absent and untold time each look different")
    func signs() {
        var drawn = plot(
            [
                point(0, 16, 16), point(1, 16, 32), point(2, nil, isWatched: false),
                point(3, nil), point(4, 32, 32), point(5, 4, 4),
            ], hours: 7)
        drawn.mark = HistoryPlot.Mark(
            atMilliseconds: midnight + 4 * hour + 1, bytes: 32 << 20, text: "PEAK")
        let lines = drawn.lines(style: TextStyle(width: 36))
        #expect(
            lines == [
                "                        ▼ PEAK",
                "32 MiB ┤    ░░░░        ████",
                "       │    ░░░░        ████",
                "16 MiB ┤████████        ████",
                "       │████████╱╱╱╱    ████▄▄▄▄",
                "     0 └┬───────────┬───────────┬───",
                "        Nov 22      03:00      06:00",
                "█ at least, ░ at most, ╱ nobody", "watched",
            ], "\(lines.joined(separator: "\n"))")
        let ascii = drawn.lines(style: TextStyle(width: 36, unicode: false))
        #expect(ascii.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } })
        #expect(ascii[4] == "       |########////    ########")
        #expect(ascii[1] == "32 MiB +    ....        ####")
    }

    @Test("of an hour that was watched in part the rest is shown as that, from the first minute on")
    func partlyWatched() {
        let minute: Int64 = 60_000
        var watched = WatchedTime()
        watched.add(midnight + 40 * minute..<midnight + 80 * minute)
        watched.add(midnight + 100 * minute..<midnight + 120 * minute)
        let range = midnight...midnight + 2 * hour
        var drawn = HistoryPlot(trimming: [point(0, 16), point(1, 16)], to: range)
        #expect(drawn.range == range)
        drawn.keep(to: watched)
        drawn.rowCount = 4
        #expect(drawn.range.lowerBound == midnight + 40 * minute)
        let facts = drawn.facts(asked: range, TextStyle())
        #expect(facts.first == "known since 2026-11-22 00:40")
        let lines = drawn.lines(style: TextStyle(width: 24))
        #expect(lines[0] == "16 MiB \u{2524}" + "████████    ████")
        #expect(lines[3] == "       \u{2502}" + "████████╱╱╱╱████")
    }

    @Test("a column is its largest window; a long window stands in each column that it overlaps")
    func columns() {
        let range = midnight...midnight + 48 * hour
        let short = HistoryColumns(
            (0..<48).map { point(Int64($0), UInt64($0), UInt64($0 + 1)) }, in: range, count: 4)
        #expect(short.columns.map { ($0.atLeast ?? 0) >> 20 } == [11, 23, 35, 47])
        #expect(short.columns.map { ($0.atMost ?? 0) >> 20 } == [12, 24, 36, 48])
        let long = HistoryColumns(
            [point(0, 5, length: .day), point(24, nil, isWatched: false, length: .day)],
            in: range, count: 4)
        #expect(long.columns.map { $0.atLeast.map { $0 >> 20 } } == [5, 5, nil, nil])
        #expect(long.columns.map(\.isUnwatched) == [false, false, true, true])
        let outside = HistoryColumns([point(-2, 9), point(49, 9)], in: range, count: 4)
        #expect(outside.columns.allSatisfy { !$0.isTold })
    }

    @Test("the scale is above the largest figure, by an eighth or so at most", arguments: 0..<60)
    func scale(bits: Int) {
        let sizes: [UInt64] = [1 << bits, (1 << bits) + 1, 3 << bits, (7 << bits) - 1]
        for bytes in sizes {
            let scale = HistoryPlot.scale(atLeast: bytes)
            #expect(scale >= bytes)
            #expect(scale <= max(8, bytes + bytes / 4))
        }
        #expect(HistoryPlot.scale(atLeast: .max) >= UInt64.max / 2)
    }

    @Test("the axis names local times, and days where they begin")
    func axis() {
        let style = TextStyle(width: 80, utcOffsetSeconds: 3_600)
        let axis = TimeAxis(
            range: midnight...midnight + 24 * hour, columnCount: 60, style: style)
        #expect(
            axis.labels == "            06:00          12:00          18:00       Nov 23")
        let week = TimeAxis(
            range: midnight...midnight + 14 * 24 * hour, columnCount: 28, style: style)
        #expect(week.labels == "       Nov 26        Dec 3")
    }

    @Test("nothing to draw, no room and no time give no lines")
    func nothing() {
        #expect(plot([], hours: 4).lines(style: TextStyle(width: 80)).isEmpty)
        #expect(plot([point(0, nil)], hours: 4).lines(style: TextStyle(width: 80)).isEmpty)
        #expect(plot([point(0, 4)], hours: 4).lines(style: TextStyle(width: 20)).isEmpty)
        #expect(plot([point(0, 4)], hours: 0).lines(style: TextStyle(width: 80)).isEmpty)
    }

    @Test(
        "whatever the windows, no line is wider than asked",
        arguments: 1...20 as ClosedRange<UInt64>)
    func anything(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let first = Int64.random(in: Timestamp.earliestMilliseconds...midnight, using: &generator)
        let last = Int64.random(in: first...Timestamp.latestMilliseconds, using: &generator)
        let points = (0..<Int.random(in: 0...400, using: &generator)).map { _ in
            HistoryPoint(
                startsAtMilliseconds: Bool.random(using: &generator)
                    ? Int64.random(in: first...last, using: &generator)
                    : Int64.random(in: .min ... .max, using: &generator),
                length: WindowLength.allCases.randomElement(using: &generator) ?? .day,
                window: Bool.random(using: &generator)
                    ? Window(
                        atLeastBytes: UInt64.random(in: 0...UInt64.max, using: &generator)
                            >> UInt64.random(in: 0...63, using: &generator),
                        atMostBytes: Bool.random(using: &generator) ? .max : nil) : nil,
                isWatched: Bool.random(using: &generator))
        }
        var plot = HistoryPlot(points: points, range: first...last)
        plot.mark = HistoryPlot.Mark(
            atMilliseconds: Int64.random(in: first...last, using: &generator),
            bytes: .random(in: 0...UInt64.max, using: &generator), text: "PEAK")
        for width in [20, 26, 40, 80, 120, 200] {
            let style = TextStyle(
                width: width, unicode: seed % 2 == 0,
                utcOffsetSeconds: Int.random(in: -64_800...64_800, using: &generator))
            for line in plot.lines(style: style) {
                #expect(DisplayWidth.of(line) <= width, "seed \(seed): \(line)")
            }
        }
    }

    @Test("a sparkline has a sign for each hour, and none where nothing is known")
    func sparkline() {
        let style = TextStyle()
        #expect(style.sparkline([0, nil, 50, 100, 200], of: 100) == "▁ ▅██")
        #expect(TextStyle(unicode: false).sparkline([0, nil, 50, 100], of: 100) == "_ +@")
        #expect(style.sparkline([nil, nil], of: 100).isEmpty)
        #expect(style.sparkline([1], of: 0).isEmpty)
    }
}
