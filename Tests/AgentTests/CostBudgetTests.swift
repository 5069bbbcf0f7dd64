import MemoryModel
import ProcessSampler
import TestSupport
import Testing

@testable import Agent

@Suite("The CPU budget")
struct CostBudgetTests {
    /// An agent whose looks cost so much, on a clock of its own.
    private struct Agent {
        var budget: CostBudget
        var nowMilliseconds: Int64 = 1_000
        var usedMicroseconds: UInt64 = 0
        var decisions: [CostBudget.Decision] = []

        init(_ processorBudget: ProcessorBudget, interval: Int64 = 1_000) {
            budget = CostBudget(askedMilliseconds: interval, budget: processorBudget)
        }

        /// Looks for so long; whatever else it does costs `otherMicroseconds` in each second.
        mutating func run(
            minutes: Int64, lookMicroseconds: UInt64, processCount: Int,
            otherMicroseconds: UInt64 = 0
        ) {
            let end = nowMilliseconds + minutes * 60_000
            while nowMilliseconds < end {
                nowMilliseconds += budget.intervalMilliseconds
                let interval = UInt64(budget.intervalMilliseconds)
                usedMicroseconds += lookMicroseconds + otherMicroseconds * interval / 1_000
                let decision = budget.looked(
                    lookMicroseconds: lookMicroseconds, processorMicroseconds: usedMicroseconds,
                    atMilliseconds: nowMilliseconds, processCount: processCount)
                if let decision { decisions.append(decision) }
            }
        }
    }

    @Test("doubles the interval after one minute above the share, and says the figures")
    func stretches() throws {
        var agent = Agent(.usual)
        agent.run(minutes: 3, lookMicroseconds: 20_000, processCount: 1_000)
        #expect(agent.decisions.count == 1)
        let decision = try #require(agent.decisions.first)
        #expect(decision.intervalMilliseconds == 2_000)
        #expect(decision.isLonger)
        #expect(abs(decision.usedShare - 0.02) < 0.000_1)
        #expect(abs(decision.allowedShare - 0.015) < 0.000_1)
    }

    @Test("keeps the interval where the cost is within the share")
    func keeps() {
        var agent = Agent(.usual)
        agent.run(minutes: 60, lookMicroseconds: 14_900, processCount: 1_000)
        #expect(agent.decisions.isEmpty)
        var free = Agent(.none)
        free.run(minutes: 60, lookMicroseconds: 900_000, processCount: 10)
        #expect(free.decisions.isEmpty)
    }

    @Test("one expensive look within a cheap minute changes nothing")
    func singleSpike() {
        var agent = Agent(.percent(1))
        agent.run(minutes: 2, lookMicroseconds: 5_000, processCount: 100)
        agent.usedMicroseconds += 200_000
        agent.run(minutes: 10, lookMicroseconds: 5_000, processCount: 100)
        #expect(agent.decisions.isEmpty)
    }

    @Test("goes back after some cheap minutes, a step at a time, and not where it would not fit")
    func goesBack() {
        var agent = Agent(.percent(1))
        agent.run(minutes: 10, lookMicroseconds: 70_000, processCount: 100)
        #expect(agent.budget.intervalMilliseconds == 8_000)
        agent.run(minutes: 4, lookMicroseconds: 1_000, processCount: 100)
        #expect(agent.budget.intervalMilliseconds == 8_000)
        agent.run(minutes: 60, lookMicroseconds: 1_000, processCount: 100)
        #expect(agent.budget.intervalMilliseconds == 1_000)
        #expect(
            agent.decisions.map(\.intervalMilliseconds) == [
                2_000, 4_000, 8_000, 4_000, 2_000, 1_000,
            ])
    }

    @Test("looks have their part of the share, whatever a storm of exits costs")
    func storm() {
        var agent = Agent(.percent(1))
        agent.run(
            minutes: 60, lookMicroseconds: 2_000, processCount: 100, otherMicroseconds: 50_000)
        #expect(agent.decisions.isEmpty)
        agent.run(
            minutes: 60, lookMicroseconds: 4_000, processCount: 100, otherMicroseconds: 50_000)
        #expect(agent.budget.intervalMilliseconds == 2_000, "no rarer than their part needs")
        agent.run(minutes: 60, lookMicroseconds: 4_000, processCount: 100)
        #expect(agent.budget.intervalMilliseconds == 1_000)
    }

    @Test("never goes beyond a minute, nor below what was asked for")
    func bounds() {
        var agent = Agent(.percent(0.01), interval: 7_000)
        agent.run(minutes: 60, lookMicroseconds: 1_000_000, processCount: 1)
        #expect(agent.budget.intervalMilliseconds == 60_000)
        agent.run(minutes: 120, lookMicroseconds: 1, processCount: 1)
        #expect(agent.budget.intervalMilliseconds == 7_000)
        var slow = Agent(.percent(0.01), interval: 300_000)
        slow.run(minutes: 600, lookMicroseconds: 10_000_000, processCount: 1)
        #expect(slow.decisions.isEmpty)
    }

    @Test("settles for any cost within the share or at the longest interval", arguments: 0..<50)
    func settles(round: Int) {
        var random = SeededGenerator(seed: SeededGenerator().seed &+ UInt64(round))
        let comment: Comment = "\(random)"
        let interval = Int64.random(in: 100...5_000, using: &random)
        var agent = Agent(.usual, interval: interval)
        for _ in 0..<5 {
            let cost = UInt64.random(in: 10...2_000_000, using: &random)
            let count = Int.random(in: 1...20_000, using: &random)
            agent.run(minutes: 90, lookMicroseconds: cost, processCount: count)
            let settled = agent.decisions.count
            let kept = agent.budget.intervalMilliseconds
            agent.run(minutes: 60, lookMicroseconds: cost, processCount: count)
            #expect(agent.decisions.count == settled, "it wavers; \(comment)")
            let share = Double(cost) / 1_000 / Double(kept)
            let allowed = max(0.01, 0.000_015 * Double(count))
            // A window holds one look more or less than its length says.
            #expect(share <= allowed * 1.1 || kept == 60_000, comment)
            #expect(kept >= interval, comment)
        }
    }

    @Test("reads percentages and nothing else")
    func parsing() {
        #expect(ProcessorBudget("2%") == .percent(2))
        #expect(ProcessorBudget("0.5") == .percent(0.5))
        #expect(ProcessorBudget("none") == ProcessorBudget.none)
        for text in ["", "%", "-1%", "0", "0%", "nan", "inf", "1e2", "2 %", "0x1", "1..2", "101%"] {
            #expect(ProcessorBudget(text) == nil, "\(text)")
        }
        #expect(ProcessorBudget.text(share: 0.015) == "1.50 %")
        #expect(ProcessorBudget.text(share: 2.005) == "200.50 %")
    }

    @Test(
        "tells its health at first, soon with its cost, each minute, and when something changes"
    )
    func health() {
        var watch = SelfWatch(
            askedMilliseconds: 1_000, budget: .percent(1), startedAtMilliseconds: 500)
        func look(_ now: Int64, used: UInt64) {
            _ = watch.looked(
                microseconds: max(UInt64(now / 10), used), processorMicroseconds: used,
                atMilliseconds: now,
                processCount: 3)
        }
        func health(_ now: Int64, _ sources: AgentSources = []) -> AgentHealth {
            watch.health(
                atMilliseconds: now, memory: OwnMemory.read(), processorMicroseconds: 7_000,
                runCount: 3, sources: sources)
        }
        #expect(watch.isHealthDue(atMilliseconds: 1_000, sources: []))
        look(1_000, used: 0)
        let first = health(1_000)
        #expect(first.startedAtMilliseconds == 500)
        #expect(first.processorMilliseconds == 7)
        #expect(first.residentBytes ?? 0 > 0)
        #expect(first.peakBytes ?? 0 >= first.residentBytes ?? 0)
        #expect(first.lookMicroseconds == 100)
        #expect(!watch.isHealthDue(atMilliseconds: 5_499, sources: []))
        #expect(watch.isHealthDue(atMilliseconds: 5_500, sources: []))
        #expect(watch.isHealthDue(atMilliseconds: 2_000, sources: .kernelLog))
        look(2_000, used: 0)
        look(4_000, used: 0)
        let second = health(5_500, .kernelLog)
        #expect(!watch.isHealthDue(atMilliseconds: 65_499, sources: .kernelLog))
        #expect(watch.isHealthDue(atMilliseconds: 65_500, sources: .kernelLog))
        #expect(second.lookMicroseconds == 300)
        #expect(second.longestLookMicroseconds == 400)
        #expect(second.intervalMilliseconds == 1_000)
        look(61_000, used: 30_000_000)
        #expect(watch.isHealthDue(atMilliseconds: 61_000, sources: .kernelLog))
        #expect(health(61_000).intervalMilliseconds == 2_000)
        #expect(health(61_000).askedIntervalMilliseconds == 1_000)
    }

    @Test("counts the looks at the asked interval that a longer one leaves out")
    func leftOut() {
        var watch = SelfWatch(
            askedMilliseconds: 1_000, budget: .percent(1), startedAtMilliseconds: 0)
        #expect(watch.leftOutLooks(from: 0, to: 5_000) == 0)
        for (now, used) in [(Int64(0), UInt64(0)), (60_000, 10_000_000)] {
            _ = watch.looked(
                microseconds: used, processorMicroseconds: used, atMilliseconds: now,
                processCount: 1)
        }
        #expect(watch.intervalMilliseconds == 2_000)
        #expect(watch.leftOutLooks(from: 10_001, to: 12_000) == 1)
        #expect(watch.leftOutLooks(from: 10_001, to: 11_000) == 0)
        #expect(watch.leftOutLooks(from: 12_000, to: 16_003) == 3)
    }
}
