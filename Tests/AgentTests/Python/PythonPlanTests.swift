import MemoryModel
import PythonStacks
import TestSupport
import Testing

@testable import Agent

/// Which processes are watched, and when, on a clock of the test's own.
@Suite("The plan of watching Python programs")
struct PythonPlanTests {
    private static let mebibyte: UInt64 = 1 << 20

    private func key(_ pid: Int32, image: UInt32 = 0) -> ProcessKey {
        ProcessKey(pid: pid, startTicks: 1, image: image)
    }

    private func sight(
        _ mebibytes: [Int32: UInt64], started: [Int32] = [], inherited: UInt64? = nil,
        ended: [ProcessKey] = []
    ) -> PythonSight {
        var sight = PythonSight()
        sight.ended = ended
        sight.started = started.map {
            var description = RunDescription(program: "python3", comm: "python3")
            description.inheritedBytes = inherited.map { $0 * Self.mebibyte }
            return StartedRun(key: key($0), description: description)
        }
        sight.observed = mebibytes.sorted { $0.key < $1.key }.map {
            var observation = RunObservation(key: key($0.key))
            observation.residentBytes = $0.value * Self.mebibyte
            return observation
        }
        return sight
    }

    private func plan(watches: Int = 2) -> PythonPlan {
        var settings = PythonPlan.Settings()
        settings.maximumWatches = watches
        var plan = PythonPlan(settings: settings)
        plan.noted(PythonSight(), at: 0)
        return plan
    }

    /// Answers a look: it goes on, and has grown by so much in all.
    private func look(
        _ plan: inout PythonPlan, _ pid: Int32, grown mebibytes: UInt64, wait: Int64? = 100,
        at now: Int64
    ) {
        #expect(plan.next(at: now) == .look(key(pid)))
        plan.looked(
            key(pid), waitMilliseconds: wait, hasEnded: wait == nil,
            grownBytes: mebibytes * Self.mebibyte, residentBytes: mebibytes * Self.mebibyte, at: now
        )
    }

    @Test("where ends are missing, those that live are known anew, and what is watched stays so")
    func cutSight() {
        var settings = PythonPlan.Settings()
        settings.maximumKnown = 4
        var plan = PythonPlan(settings: settings)
        plan.noted(PythonSight(), at: 0)
        plan.noted(sight([1: 100], started: [1, 2, 3, 4]), at: 1_000)
        #expect(plan.next(at: 1_000) == .begin(key(1)))
        plan.began(key(1), at: 1_000)
        // Nobody says that 2, 3 and 4 ended: there is no room for 5.
        plan.noted(sight([5: 100], started: [5]), at: 2_000)
        var cut = sight([1: 100, 5: 100])
        cut.isCut = true
        plan.noted(cut, at: 3_000)
        #expect(plan.watchCount == 1)
        plan.noted(sight([5: 140]), at: 4_000)
        look(&plan, 1, grown: 0, at: 4_000)
        #expect(plan.next(at: 4_000) == .begin(key(5)))
    }

    @Test("what was there before the first look has to grow; what began since counts from nothing")
    func bases() {
        var plan = PythonPlan(settings: PythonPlan.Settings())
        plan.noted(sight([1: 900, 2: 10], started: [1, 2]), at: 0)
        #expect(plan.next(at: 0) == .wait(milliseconds: nil))
        plan.noted(sight([1: 931, 2: 42]), at: 1_000)
        #expect(plan.next(at: 1_000) == .begin(key(2)))
        plan.began(key(2), at: 1_000)
        plan.noted(sight([3: 40], started: [3]), at: 2_000)
        look(&plan, 2, grown: 0, at: 2_000)
        #expect(plan.next(at: 2_000) == .begin(key(3)))
        plan.began(key(3), at: 2_000)
        look(&plan, 3, grown: 0, at: 2_000)
        // What a child has of its parent is no growth of its own.
        plan.noted(sight([4: 500], started: [4], inherited: 490), at: 2_001)
        #expect(plan.next(at: 2_001) == .wait(milliseconds: 99))
        // Memory that goes and comes again is growth, too.
        plan.noted(sight([1: 880]), at: 2_010)
        plan.noted(sight([1: 912]), at: 2_020)
        #expect(plan.next(at: 2_020) == .begin(key(1)))
    }

    /// What a plan says a process grew by before it is watched, in MiB.
    private func earlier(_ plan: PythonPlan, _ pid: Int32) -> [UInt64]? {
        plan.earlierGrowth(of: key(pid)).map {
            [$0.grownBytes / Self.mebibyte, $0.residentBytes / Self.mebibyte]
        }
    }

    @Test("what grew before a watch is known when it begins, and what a watch counted is not again")
    func earlierGrowth() {
        var settings = PythonPlan.Settings()
        settings.retryMilliseconds = 1_000
        var plan = PythonPlan(settings: settings)
        plan.noted(sight([1: 900], started: [1]), at: 0)
        plan.noted(sight([1: 940, 2: 158], started: [2]), at: 10)
        // One that was there before may have grown by anything; it counts from what was seen.
        #expect(earlier(plan, 1) == [40, 940] && earlier(plan, 2) == [158, 158])
        #expect(earlier(plan, 3) == nil)
        #expect(plan.next(at: 10) == .begin(key(2)))
        plan.began(key(2), at: 10)
        #expect(plan.next(at: 10) == .look(key(2)))
        // Its watch counts up to 200 MiB, more than the looks at all saw of it.
        plan.looked(
            key(2), waitMilliseconds: nil, grownBytes: 200 * Self.mebibyte,
            residentBytes: 200 * Self.mebibyte, at: 20)
        #expect(plan.next(at: 20) == .end(key(2), runGoesOn: true))
        plan.noted(sight([2: 210]), at: 30)
        #expect(earlier(plan, 2) == [10, 210])
        // What is refused first and watched later has grown by all of it.
        #expect(plan.next(at: 30) == .begin(key(1)))
        plan.refused(key(1), .failed, at: 30)
        plan.noted(sight([1: 980]), at: 2_000)
        #expect(earlier(plan, 1) == [80, 980])
        #expect(plan.next(at: 2_000) == .begin(key(1)))
        plan.began(key(1), at: 2_000)
        #expect(earlier(plan, 1) == [40, 980], "what was missed before is handed over once")
    }

    @Test("what makes room for others counts from what its watch found when it is watched again")
    func earlierGrowthOfOneLeft() {
        var plan = plan(watches: 1)
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.began(key(1), at: 0)
        #expect(plan.next(at: 0) == .look(key(1)))
        plan.looked(
            key(1), waitMilliseconds: 100_000, grownBytes: 60 * Self.mebibyte,
            residentBytes: 60 * Self.mebibyte, at: 0)
        plan.noted(sight([1: 61, 2: 50], started: [2]), at: 60_000)
        #expect(plan.next(at: 60_000) == .tell(key(1)))
        #expect(plan.next(at: 60_000) == .end(key(1), runGoesOn: true))
        #expect(plan.next(at: 60_000) == .begin(key(2)))
        plan.refused(key(2), .notPython, at: 60_000)
        plan.noted(sight([1: 92]), at: 61_000)
        #expect(plan.next(at: 61_000) == .begin(key(1)))
        #expect(earlier(plan, 1) == [32, 92])
    }

    @Test("those that grew most are watched, and another one only when one has grown no more")
    func room() {
        var plan = plan()
        plan.noted(sight([1: 40, 2: 60, 3: 50], started: [1, 2, 3]), at: 0)
        for pid in [2, 3] as [Int32] {
            #expect(plan.next(at: 0) == .begin(key(pid)))
            plan.began(key(pid), at: 0)
            look(&plan, pid, grown: 0, wait: 100_000, at: 0)
        }
        #expect(plan.next(at: 0) == .wait(milliseconds: 100_000))
        #expect(plan.counts == [.withoutRoom: 1])
        plan.noted(sight([1: 40]), at: 59_999)
        #expect(plan.next(at: 59_999) == .wait(milliseconds: 40_001))
        #expect(plan.counts == [.withoutRoom: 1])
        plan.noted(sight([1: 40]), at: 60_000)
        #expect(plan.next(at: 60_000) == .end(key(2), runGoesOn: true))
        #expect(plan.next(at: 60_000) == .begin(key(1)))
        plan.began(key(1), at: 60_000)
        // What made room begins anew, from what it holds now.
        plan.noted(sight([2: 80], ended: [key(1)]), at: 61_000)
        #expect(plan.next(at: 61_000) == .end(key(1), runGoesOn: false))
        #expect(plan.next(at: 61_000) == .wait(milliseconds: 39_000))
        plan.noted(sight([2: 92]), at: 62_000)
        #expect(plan.next(at: 62_000) == .begin(key(2)))
        #expect(plan.watchCount == 1 && plan.watchedCount == 3)
    }

    @Test("what is no Python is remembered, and tried again only after long and if it grew again")
    func refusals() {
        var plan = plan()
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.refused(key(1), .notPython, at: 0)
        plan.noted(sight([1: 200]), at: 599_999)
        #expect(plan.next(at: 599_999) == .wait(milliseconds: nil))
        plan.noted(sight([1: 71]), at: 600_000)
        #expect(plan.next(at: 600_000) == .wait(milliseconds: nil))
        plan.noted(sight([1: 72]), at: 600_001)
        #expect(plan.next(at: 600_001) == .begin(key(1)))
        plan.refused(key(1), .notPython, at: 600_001)
        #expect(plan.counts == [.notPython: 1])
        // After an exec it is another run.
        plan.noted(sight([:], ended: [key(1)]), at: 600_002)
        #expect(plan.next(at: 600_002) == .wait(milliseconds: nil))
    }

    @Test("growth is handed over after ten seconds, not sooner, not without growth, and at the end")
    func telling() {
        var plan = plan()
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.began(key(1), at: 0)
        look(&plan, 1, grown: 5, wait: 9_999, at: 0)
        #expect(plan.next(at: 0) == .wait(milliseconds: 9_999))
        look(&plan, 1, grown: 6, wait: 100_000, at: 9_999)
        #expect(plan.next(at: 9_999) == .wait(milliseconds: 1))
        #expect(plan.next(at: 10_000) == .tell(key(1)))
        #expect(plan.next(at: 30_000) == .wait(milliseconds: 79_999))
        look(&plan, 1, grown: 7, wait: nil, at: 109_999)
        #expect(plan.next(at: 109_999) == .end(key(1), runGoesOn: false))
        #expect(plan.next(at: 109_999) == .wait(milliseconds: nil))
    }

    @Test("what has not grown for long is left to the looks at all, until those see it grow")
    func parking() {
        var plan = plan()
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.began(key(1), at: 0)
        look(&plan, 1, grown: 40, wait: 600_000, at: 0)
        #expect(plan.next(at: 10_000) == .tell(key(1)))
        look(&plan, 1, grown: 40, at: 600_000)
        #expect(plan.next(at: 600_000) == .wait(milliseconds: nil))
        plan.noted(sight([1: 40]), at: 900_000)
        #expect(plan.next(at: 900_000) == .wait(milliseconds: nil))
        plan.noted(sight([1: 41]), at: 901_000)
        #expect(plan.next(at: 901_000) == .look(key(1)))
    }

    @Test(
        "a parked process whose end may be among what is missing is looked at, and gives its place")
    func parkedEnd() {
        var plan = plan(watches: 1)
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.began(key(1), at: 0)
        look(&plan, 1, grown: 0, wait: 600_000, at: 0)
        look(&plan, 1, grown: 0, at: 600_000)
        #expect(plan.next(at: 900_000) == .wait(milliseconds: nil))
        var cut = sight([2: 10])
        cut.isCut = true
        plan.noted(cut, at: 901_000)
        look(&plan, 1, grown: 0, wait: nil, at: 901_000)
        #expect(plan.next(at: 901_000) == .end(key(1), runGoesOn: false))
        #expect(plan.watchCount == 0)
    }

    @Test("one that waited and gave its memory back is not watched when there is room")
    func candidateThatShrank() {
        var plan = plan(watches: 1)
        plan.noted(sight([1: 40, 2: 60, 3: 50], started: [1, 2, 3]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(2)))
        plan.began(key(2), at: 0)
        // 1 is not seen and waits on; 3 fell, and grew too little since.
        plan.noted(sight([3: 31], ended: [key(2)]), at: 1_000)
        #expect(plan.next(at: 1_000) == .end(key(2), runGoesOn: false))
        #expect(plan.next(at: 1_000) == .begin(key(1)))
        plan.refused(key(1), .notPython, at: 1_000)
        #expect(plan.next(at: 1_000) == .wait(milliseconds: nil))
    }

    @Test("work keeps to its share of a processor, and looks that find nothing to a smaller one")
    func budget() {
        var plan = plan()
        plan.noted(sight([1: 40], started: [1]), at: 0)
        #expect(plan.next(at: 0) == .begin(key(1)))
        plan.began(key(1), at: 0)
        // 50 ms are saved up at the start; each millisecond gives 25 us.
        plan.spent(nanoseconds: 100_000_000, isQuiet: false, at: 0)
        #expect(plan.next(at: 0) == .wait(milliseconds: 2_000))
        look(&plan, 1, grown: 1, wait: 10, at: 2_000)
        // 10 ms are saved up for looks that find nothing; each millisecond gives 2 us.
        plan.spent(nanoseconds: 20_000_000, isQuiet: true, at: 2_000)
        #expect(plan.next(at: 2_799) == .wait(milliseconds: 1))
        // It has not grown for more than 200 ms, so that its turn is a quiet one.
        #expect(plan.next(at: 2_800) == .wait(milliseconds: 4_200))
        look(&plan, 1, grown: 2, wait: 10, at: 7_000)
        plan.spent(nanoseconds: 11_000_000, isQuiet: true, at: 7_000)
        // One that has just grown is looked at all the same.
        look(&plan, 1, grown: 3, wait: 10, at: 7_010)
    }

    @Test("at the end everything is handed over, of runs that go on")
    func stopping() {
        var plan = plan()
        plan.noted(sight([1: 40, 2: 50], started: [1, 2]), at: 0)
        for pid in [2, 1] as [Int32] {
            #expect(plan.next(at: 0) == .begin(key(pid)))
            plan.began(key(pid), at: 0)
            look(&plan, pid, grown: 0, at: 0)
        }
        plan.stop()
        #expect(plan.next(at: 0) == .end(key(1), runGoesOn: true))
        #expect(plan.next(at: 0) == .end(key(2), runGoesOn: true))
        #expect(plan.next(at: 0) == .wait(milliseconds: nil))
    }

    @Test("however many processes come and go, what is known, watched and waiting is bounded")
    func bounds() {
        var random = SeededGenerator()
        var settings = PythonPlan.Settings()
        (settings.maximumKnown, settings.maximumWatches) = (50, 3)
        settings.yieldAfterMilliseconds = 2_000
        var plan = PythonPlan(settings: settings)
        var watched: Set<ProcessKey> = []
        for second in 0..<2_000 as Range<Int64> {
            let now = second * 1_000
            let first = Int32(second % 100) * 10
            let ended = (0..<10).map { key((first + $0 + 500) % 1_000) }
            let levels = (0..<10).map { (first + $0, UInt64.random(in: 1...500, using: &random)) }
            plan.noted(
                sight(
                    Dictionary(uniqueKeysWithValues: levels),
                    started: levels.map(\.0), ended: ended), at: now)
            acting: for _ in 0..<1_000 {
                switch plan.next(at: now) {
                case .begin(let key):
                    if Bool.random(using: &random) {
                        #expect(watched.insert(key).inserted, "\(random)")
                        plan.began(key, at: now)
                    } else {
                        plan.refused(key, .notPython, at: now)
                    }
                case .look(let key):
                    #expect(watched.contains(key), "\(random)")
                    plan.looked(
                        key, waitMilliseconds: 100, grownBytes: UInt64(second), residentBytes: 1,
                        at: now)
                case .tell(let key): #expect(watched.contains(key), "\(random)")
                case .end(let key, _): #expect(watched.remove(key) != nil, "\(random)")
                case .wait(let milliseconds):
                    #expect(milliseconds.map { $0 > 0 } ?? true, "\(random)")
                    break acting
                }
            }
            #expect(watched.count <= 3 && watched.count == plan.watchCount, "\(random)")
        }
        #expect(plan.watchedCount > 100)
    }
}
