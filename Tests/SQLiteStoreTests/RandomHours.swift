import MemoryModel
import TestSupport

@testable import SQLiteStore

/// An hour of a few runs, with windows of all kinds.
func randomHour(_ generator: inout SeededGenerator) -> WindowHour {
    var hour = WindowHour()
    for _ in 0..<Int.random(in: 0..<12, using: &generator) {
        let key = ProcessKey(
            pid: Int32.random(in: 0...(.max), using: &generator),
            startTicks: generator.one(in: 9) ? .max : generator.next() >> 40,
            image: generator.one(in: 3) ? .max : 0)
        var run = RunMinutes()
        if generator.one(in: 2) { run.carried = randomWindow(&generator) }
        if generator.one(in: 9) { run.hour = randomWindow(&generator) }
        for minute in 0..<60 where generator.one(in: 4) {
            let again = run.own.last.map(\.window)
            run.merge(
                generator.one(in: 3)
                    ? again ?? randomWindow(&generator)
                    : randomWindow(&generator), minute: minute)
        }
        hour.runs[key] = run
    }
    return hour
}

/// A window of any size, exact, bounded or not.
func randomWindow(_ generator: inout SeededGenerator) -> Window {
    let atLeast =
        generator.one(in: 30)
        ? UInt64.random(in: 0...(.max / 4), using: &generator)
        : UInt64.random(in: 0...300_000, using: &generator) * 4_096
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: return Window(atLeastBytes: atLeast, atMostBytes: nil)
    case 1: return Window(atLeastBytes: atLeast, atMostBytes: atLeast)
    default: return Window(atLeastBytes: atLeast, atMostBytes: atLeast + atLeast / 20)
    }
}
