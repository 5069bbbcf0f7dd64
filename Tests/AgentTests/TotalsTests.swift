import MemoryModel
import TestSupport
import Testing

@testable import Agent

@Suite("Sums of resident memory")
struct TotalsTests {
    /// A sum in an hour.
    struct Place: Hashable {
        var hour: Int64
        var subject: TotalSubject
    }

    /// Runs that come, go, change and are renamed, and their sums made anew at each look.
    struct Model {
        struct Run {
            var description: RunDescription
            var bytes: UInt64?
        }

        var random: SeededGenerator
        var runs: [ProcessKey: Run] = [:]
        var registers: [Place: TotalPeak] = [:]
        var nowMilliseconds: Int64 = 0
        var nextPid: Int32 = 1
        var nameCount = 5
        let offset: Int64 = 1_699_999_000_000

        mutating func description() -> RunDescription {
            let program = Int.random(in: 0..<nameCount, using: &random)
            var description = RunDescription(program: RawText("p\(program)"), comm: "c")
            let user = UInt32.random(in: 0..<4, using: &random)
            description.userID = user == 3 ? nil : user
            if user == 1 { description.user = "name" }
            if Bool.random(using: &random) {
                description.cgroup = RawText("/c\(Int.random(in: 0..<nameCount, using: &random))")
            }
            return description
        }

        /// One look with random changes, given to `totals` as well.
        mutating func step(_ totals: inout Totals, used: UInt64?) -> [Place: TotalPeak] {
            nowMilliseconds += Int64.random(in: 1_000...400_000, using: &random)
            for key in runs.keys.sorted() where Int.random(in: 0..<8, using: &random) == 0 {
                runs[key] = nil
                totals.remove(key)
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let key = run(nextPid)
                nextPid += 1
                let description = description()
                runs[key] = Run(description: description)
                totals.place(key, description)
            }
            for key in runs.keys.sorted() {
                if Int.random(in: 0..<10, using: &random) == 0 {
                    let description = description()
                    runs[key]?.description = description
                    totals.place(key, description)
                }
                if Int.random(in: 0..<3, using: &random) == 0 {
                    let bytes = UInt64.random(in: 0...1_000, using: &random)
                    runs[key]?.bytes = bytes
                    totals.set(key, residentBytes: bytes)
                }
            }
            let known = runs
            let closed = totals.tick(
                atMilliseconds: nowMilliseconds, wallMinusBootMilliseconds: offset,
                usedBytes: used, description: { known[$0]?.description })
            sum(used)
            var taken: [Place: TotalPeak] = [:]
            for register in closed?.registers ?? [] {
                taken[Place(hour: closed?.hour ?? 0, subject: register.subject)] = register.peak
            }
            return taken
        }

        private mutating func sum(_ used: UInt64?) {
            let hour = (nowMilliseconds + offset) / 3_600_000
            var sums: [TotalSubject: (bytes: UInt64, count: UInt64)] = [:]
            func add(_ kind: TotalKind, _ name: RawText?, _ bytes: UInt64) {
                guard let name else { return }
                let subject = TotalSubject(kind: kind, name: name)
                let known = sums[subject] ?? (0, 0)
                sums[subject] = (known.bytes + bytes, known.count + 1)
            }
            for run in runs.values {
                guard let bytes = run.bytes else { continue }
                let description = run.description
                add(.host, "", bytes)
                add(.program, description.program, bytes)
                add(.cgroup, description.cgroup, bytes)
                add(
                    .user, description.user ?? description.userID.map { RawText("\($0)") }, bytes)
            }
            for (subject, sum) in sums {
                raise(
                    Place(hour: hour, subject: subject),
                    TotalPeak(
                        bytes: sum.bytes, atMilliseconds: nowMilliseconds, runCount: sum.count))
            }
            guard let used else { return }
            let shares = runs.filter { ($0.value.bytes ?? 0) > 0 }.map {
                TotalShare(key: $0.key, residentBytes: $0.value.bytes ?? 0)
            }
            let largest = shares.sorted { $0.residentBytes > $1.residentBytes }.prefix(10)
            raise(
                Place(hour: hour, subject: TotalSubject(kind: .hostUsed, name: "")),
                TotalPeak(
                    bytes: used, atMilliseconds: nowMilliseconds,
                    runCount: UInt64(runs.values.filter { $0.bytes != nil }.count),
                    composition: Array(largest)))
        }

        private mutating func raise(_ place: Place, _ peak: TotalPeak) {
            guard registers[place].map({ peak.bytes > $0.bytes }) ?? true else { return }
            registers[place] = peak
        }
    }

    private static func shown(_ peak: TotalPeak?) -> [UInt64]? {
        peak.map {
            [$0.bytes, UInt64($0.atMilliseconds ?? 0), $0.runCount]
                + $0.composition.map(\.residentBytes)
        }
    }

    @Test(
        "the greatest sum of each hour is that of summing all runs anew at each look",
        arguments: 0..<30)
    func bruteForce(round: Int) {
        var random = SeededGenerator(seed: SeededGenerator().seed &+ UInt64(round))
        let comment: Comment = "\(random)"
        var model = Model(random: random)
        var totals = Totals()
        var known: [Place: TotalPeak] = [:]
        for _ in 0..<300 {
            let used =
                Bool.random(using: &random) ? UInt64.random(in: 0...9_999, using: &random) : nil
            known.merge(model.step(&totals, used: used)) { _, new in new }
            guard Int.random(in: 0..<5, using: &random) == 0, let hour = totals.hour else {
                continue
            }
            for register in totals.takeRaised() {
                known[Place(hour: hour, subject: register.subject)] = register.peak
            }
        }
        for register in totals.takeRaised() {
            known[Place(hour: totals.hour ?? 0, subject: register.subject)] = register.peak
        }
        #expect(Set(known.keys.map(\.hour)).count > 3, comment)
        #expect(Set(known.keys) == Set(model.registers.keys), comment)
        for (place, peak) in model.registers {
            #expect(
                TotalsTests.shown(known[place]) == TotalsTests.shown(peak), "\(place); \(comment)")
        }
        #expect(totals.overLimitCount == 0)
    }

    @Test("with more subjects than room, those that have a register have the whole sum in it")
    func overLimit() {
        var random = SeededGenerator()
        let comment: Comment = "\(random)"
        var model = Model(random: random)
        model.nameCount = 40
        var totals = Totals(maximumSubjects: 20)
        var known: [Place: TotalPeak] = [:]
        for _ in 0..<400 {
            let used = UInt64.random(in: 1...9_999, using: &random)
            known.merge(model.step(&totals, used: used)) { _, new in new }
        }
        let hours = Dictionary(grouping: known.keys, by: \.hour)
        for (_, places) in hours {
            #expect(places.count <= 20, comment)
            #expect(places.contains { $0.subject.kind == .hostUsed }, comment)
        }
        for (place, peak) in known {
            #expect(
                TotalsTests.shown(peak) == TotalsTests.shown(model.registers[place]),
                "\(place); \(comment)")
        }
        #expect(known.count < model.registers.count, comment)
        #expect(totals.overLimitCount > 0, comment)
    }

    @Test("a rise by less than a hundredth within a second keeps the composition as it was")
    func compositionPace() throws {
        var totals = Totals()
        func tick(_ at: Int64, used: UInt64) -> [TotalRegister] {
            _ = totals.tick(
                atMilliseconds: at, wallMinusBootMilliseconds: 0, usedBytes: used,
                description: { _ in nil })
            return totals.takeRaised().filter { $0.subject.kind == .hostUsed }
        }
        totals.place(run(1), RunDescription(program: "p", comm: "c"))
        totals.set(run(1), residentBytes: 10)
        #expect(tick(1_000, used: 10_000)[0].peak.composition.map(\.residentBytes) == [10])
        totals.set(run(1), residentBytes: 20)
        let small = tick(1_500, used: 10_001)
        #expect(small[0].peak.bytes == 10_001)
        #expect(small[0].peak.composition.map(\.residentBytes) == [10])
        #expect(tick(1_600, used: 10_102)[0].peak.composition.map(\.residentBytes) == [20])
        totals.set(run(1), residentBytes: 30)
        #expect(tick(2_600, used: 10_103)[0].peak.composition.map(\.residentBytes) == [30])
        #expect(tick(3_600, used: 10_103).isEmpty)
    }

    @Test("the hour of a time before 1970 begins on the hour, too")
    func negativeHours() {
        #expect(Totals.hour(atMilliseconds: 0, wallMinusBootMilliseconds: -1) == -1)
        #expect(Totals.hour(atMilliseconds: 0, wallMinusBootMilliseconds: -3_600_000) == -1)
        #expect(Totals.hour(atMilliseconds: 3_599_999, wallMinusBootMilliseconds: 0) == 0)
        #expect(Totals.hour(atMilliseconds: 3_600_000, wallMinusBootMilliseconds: 0) == 1)
    }
}
