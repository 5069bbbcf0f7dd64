import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("The outbox loses nothing")
struct OutboxPropertyTests {
    /// An agent, two collectors with stores of their own and a bad network between them.
    private struct World {
        var random: SeededGenerator
        var host = TrueHost()
        var outbox: Outbox
        var collectors: [CollectorModel]
        var current: CollectorModel?
        var sentCount = 0
        var unacknowledged: [UInt64] = []
        /// Frames on their way; their loss is the loss of the session.
        var inFlight: [(sequence: UInt64, frame: Frame)] = []
        var acknowledgedEnds: Set<ProcessKey> = []
        var lossCount = 0
        /// How many steps there are without a session, on average.
        var outageSteps = 2
        var deliveredCount = 0

        init(seed: UInt64, memoryLimitBytes: Int = Outbox.defaultMemoryLimitBytes) throws {
            random = SeededGenerator(seed: seed)
            outbox = Outbox(host: TrueHost.description, memoryLimitBytes: memoryLimitBytes)
            let wireBytes = [4_096, 16_384, WireLimits.maximumWireBytes]
                .randomElement(using: &random)
            collectors = try (1...2).map {
                try CollectorModel(
                    number: $0, credit: 8,
                    maximumWireBytes: wireBytes ?? WireLimits.maximumWireBytes)
            }
        }

        var comment: Comment { "\(random)" }
        func chance(_ count: Int, _ random: inout SeededGenerator) -> Bool {
            Int.random(in: 0..<count, using: &random) == 0
        }

        mutating func connect(to collector: CollectorModel) throws {
            current = collector
            sentCount = 0
            unacknowledged = []
            inFlight = []
            try collector.open(atMilliseconds: host.utcMilliseconds)
            outbox.sessionOpened(
                maximumRuns: collector.maximumRuns, maximumWireBytes: collector.maximumWireBytes)
        }

        mutating func lose() {
            current?.close()
            current = nil
            inFlight = []
            outbox.sessionClosed()
            lossCount += 1
        }

        /// Sends what there is credit for.
        mutating func report(atMost count: Int = .max) {
            guard let current else { return }
            var left = count
            while left > 0, unacknowledged.count < current.credit, let frame = outbox.nextFrame() {
                left -= 1
                sentCount += 1
                let sequence = UInt64(sentCount)
                outbox.sent(sequence: sequence)
                unacknowledged.append(sequence)
                inFlight.append((sequence, frame))
            }
        }

        mutating func deliver(_ count: Int) throws {
            guard let current else { return }
            for (sequence, frame) in inFlight.prefix(count) {
                try current.receive(
                    frame, sequence: sequence, atMilliseconds: host.utcMilliseconds, comment)
                deliveredCount += 1
            }
            inFlight.removeFirst(min(count, inFlight.count))
        }

        /// Commits; the acknowledgement reaches the agent unless it is lost.
        mutating func commit(isHeard: Bool) throws {
            guard let current,
                let acknowledgement = try current.commit(atMilliseconds: host.utcMilliseconds),
                isHeard
            else { return }
            for (sequence, event) in current.events where sequence <= acknowledgement.sequence {
                if case .exits(let exits) = event {
                    acknowledgedEnds.formUnion(exits.map(\.key))
                }
            }
            unacknowledged.removeAll { $0 <= acknowledgement.sequence }
            outbox.acknowledged(throughSequence: acknowledgement.sequence)
        }

        /// One second in the life of all of them.
        mutating func step() throws {
            outbox.apply(host.advance(using: &random))
            if current == nil, chance(outageSteps, &random),
                let collector = collectors.randomElement(using: &random)
            {
                if chance(4, &random) { try collector.restart() }
                try connect(to: collector)
            }
            report(atMost: Int.random(in: 0...12, using: &random))
            try deliver(Int.random(in: 0...inFlight.count, using: &random))
            // After an acknowledgement that is lost there is no session any more.
            let isHeard = !chance(8, &random)
            if Bool.random(using: &random) { try commit(isHeard: isHeard) }
            if !isHeard || chance(12, &random) { lose() }
            // Those that were folded or dropped are not known by their names any more.
            guard outbox.memoryLimitBytes == Outbox.defaultMemoryLimitBytes else { return }
            let forgotten = host.runs.filter { $0.value.end != nil && outbox[$0.key] == nil }
            #expect(acknowledgedEnds.isSuperset(of: forgotten.keys), comment)
        }

        /// Tells everything that is left to the first collector.
        mutating func finish() throws {
            if current != nil { lose() }
            try connect(to: collectors[0])
            for _ in 0..<10_000 {
                report()
                guard !inFlight.isEmpty else { return }
                try deliver(inFlight.count)
                try commit(isHeard: true)
            }
            Issue.record("there is no end of frames; \(comment)")
        }
    }

    @Test(
        "whatever connections do, in the end the collectors know every run with its true peak",
        arguments: 0..<40)
    func nothingIsLost(round: Int) throws {
        let seed = SeededGenerator().seed &+ UInt64(round)
        var world = try World(seed: seed)
        for _ in 0..<Int.random(in: 20...150, using: &world.random) { try world.step() }
        try world.finish()
        let comment = world.comment
        #expect(world.deliveredCount > 0, comment)
        #expect(world.outbox.runCount == world.host.liveKeys.count, comment)

        let known = world.collectors.map(\.known)
        let last = known[0]
        for (key, truth) in world.host.runs {
            let copies = known.compactMap { $0[key] }
            #expect(!copies.isEmpty, "\(key) is missing; \(comment)")
            let peak = copies.compactMap(\.peak).max { $0.bytes < $1.bytes }
            guard truth.peakBytes > 0 else {
                #expect(peak == nil, comment)
                continue
            }
            #expect(peak?.bytes == truth.peakBytes, "\(key); \(comment)")
            #expect(peak?.source == truth.peakSource, "\(key); \(comment)")
            #expect(
                peak?.bracket?.notAfterMilliseconds
                    == truth.peakAtMilliseconds + TrueHost.wallMinusBootMilliseconds,
                "\(key); \(comment)")
            let flags = world.collectors.reduce(into: RunFlags()) {
                $0.formUnion($1.flags[key] ?? [])
            }
            #expect(flags == truth.flags, "\(key); \(comment)")
            #expect(
                truth.faults == nil
                    || world.collectors.contains { $0.faults[key] == truth.faults },
                "\(key); \(comment)")
            if let end = truth.end {
                #expect(copies.contains { $0.end?.reason == end }, "\(key); \(comment)")
            }
        }
        let live = Set(last.filter { $0.value.end == nil }.keys)
        #expect(live == Set(world.host.liveKeys), comment)
        for key in live {
            #expect(last[key]?.peak?.bytes ?? 0 == world.host.runs[key]?.peakBytes, comment)
            #expect(last[key]?.description.program == world.host.runs[key]?.program, comment)
        }
        for (subject, hours) in world.host.totals {
            for (hour, peak) in hours {
                let told = world.collectors.compactMap { $0.totals[subject]?[hour] }.max()
                #expect(told?.bytes == peak.bytes, "\(subject); \(comment)")
                #expect(told?.atMilliseconds == peak.atMilliseconds, comment)
            }
        }
        for key in known.flatMap(\.keys) { #expect(world.host.runs[key] != nil, comment) }
    }

    @Test("with hardly any memory each run is counted once: as itself, in a fold or as dropped")
    func nothingIsCountedTwice() throws {
        let seed = SeededGenerator().seed
        var (foldedCount, exactCount) = (UInt64(0), 0)
        for round in UInt64(0)..<25 {
            var world = try World(seed: seed &+ round, memoryLimitBytes: 220 << 10)
            world.host.programCount = Int.random(in: 1...20, using: &world.random)
            world.outageSteps = 40
            for _ in 0..<Int.random(in: 100...300, using: &world.random) { try world.step() }
            try world.finish()
            let folded = try checkCounts(world)
            foldedCount += folded.runCount
            exactCount += folded.isExact ? 1 : 0
        }
        #expect(foldedCount > 100)
        #expect(exactCount > 1)
    }

    /// Returns how many runs were folded, and whether nothing was dropped.
    private func checkCounts(_ world: World) throws -> (runCount: UInt64, isExact: Bool) {
        let comment = world.comment
        let known = world.collectors.map(\.known)
        let folds = world.collectors.reduce(into: [UInt64: Fold]()) {
            $0.merge($1.folds) { first, second in
                #expect(first.runCount == second.runCount, comment)
                return first
            }
        }
        let dropped = world.collectors.reduce(into: [UInt64: UInt64]()) {
            $0.merge($1.droppedCounts) { first, _ in first }
        }
        let runs = Set(known.flatMap(\.keys))
        let folded = folds.values.reduce(0) { $0 + $1.runCount }
        let droppedCount = dropped.values.reduce(0, +)
        let total = UInt64(runs.count) + folded
        // A run that was told of before it was dropped is counted in both.
        #expect(total <= world.host.runs.count, comment)
        #expect(total + droppedCount >= world.host.runs.count, comment)
        #expect(world.outbox.foldCount == 0, comment)
        let ordinals = world.collectors.reduce(into: Set<UInt64>()) {
            $0.formUnion($1.ordinals.values)
        }
        #expect(ordinals.isDisjoint(with: folds.keys), comment)
        for run in runs { #expect(world.host.runs[run] != nil, comment) }
        guard droppedCount == 0 else { return (folded, false) }
        // Folding loses which run it was; the greatest peak of all is still there.
        let greatest = world.host.runs.values.map(\.peakBytes).max()
        let told =
            known.flatMap(\.values).compactMap(\.peak?.bytes)
            + folds.values.compactMap(\.peak?.bytes)
        #expect(told.max() == greatest, comment)
        return (folded, true)
    }

    @Test("with fewer slots than runs no session breaks, and each run that waits gets its turn")
    func fewSlots() throws {
        var random = SeededGenerator()
        let comment: Comment = "\(random)"
        var host = TrueHost()
        var outbox = Outbox(host: TrueHost.description)
        let collector = try CollectorModel(maximumRuns: 5)
        try collector.open(atMilliseconds: host.utcMilliseconds)
        outbox.sessionOpened(maximumRuns: 5)
        var sequence: UInt64 = 0
        var largestLiveCount = 0
        for _ in 0..<300 {
            outbox.apply(host.advance(using: &random))
            while let frame = outbox.nextFrame() {
                sequence += 1
                outbox.sent(sequence: sequence)
                try collector.receive(
                    frame, sequence: sequence, atMilliseconds: host.utcMilliseconds, comment)
                if sequence % 20 == 0,
                    let early = try collector.commit(atMilliseconds: host.utcMilliseconds)
                {
                    outbox.acknowledged(throughSequence: early.sequence)
                }
            }
            let acknowledgement = try collector.commit(atMilliseconds: host.utcMilliseconds)
            if let acknowledgement {
                outbox.acknowledged(throughSequence: acknowledgement.sequence)
            }
            let known = collector.known.filter { $0.value.end == nil }
            largestLiveCount = max(largestLiveCount, host.liveKeys.count)
            #expect(known.count == min(5, host.liveKeys.count), comment)
            for (key, record) in known {
                let truth = try #require(host.runs[key], comment)
                #expect(record.peak?.bytes ?? 0 == truth.peakBytes, comment)
            }
            #expect(outbox.runCount == host.liveKeys.count, comment)
        }
        #expect(largestLiveCount > 5, "there were never more runs than slots; \(comment)")
    }
}
