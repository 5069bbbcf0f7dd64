import Testing

@testable import Agent

@Suite("When an agent looks")
struct LookScheduleTests {
    /// Whatever the interval, up to a minute each edge of UTC has its look, and an hour has no more
    /// looks than the interval asks for.
    @Test(
        "each minute's edge has a look, at no extra cost",
        arguments: [250, 1_000, 7_000, 10_000, 13_000, 45_000, 59_000, 60_000])
    func edges(_ interval: Int64) {
        let offset: Int64 = 1_700_000_012_345
        let schedule = LookSchedule(
            intervalMilliseconds: interval, wallMinusBootMilliseconds: offset)
        let begin: Int64 = 5_000
        // A whole number of intervals and of minutes.
        let end = begin + interval * 60_000
        var looks: [Int64] = []
        var time = begin
        while let next = Optional(schedule.next(after: time)), next <= end {
            #expect(next > time)
            looks.append(next)
            time = next
        }
        let edges = looks.filter { ($0 + offset) % 60_000 == 0 }
        #expect(edges.count == Int(interval))
        #expect(abs(looks.count - 60_000) <= 60_000 / 50)
    }

    /// Who asks for a look every five minutes gets no more.
    @Test("intervals above a minute are kept as they are")
    func long() {
        let schedule = LookSchedule(
            intervalMilliseconds: 300_000, wallMinusBootMilliseconds: -61_000)
        #expect(schedule.next(after: 0) == 61_000)
        #expect(schedule.next(after: 61_000) == 361_000)
    }
}
