import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("Windows of random histories")
struct WindowPropertyTests {
    /// One history: an agent, its sessions, and what its collectors' stores know in the end.
    private struct History {
        var random: SeededGenerator
        var truth = TrueMinutes(now: 25_000)
        var outbox = Outbox(host: TrueHost.description)
        var stores: [WindowModel]
        var store = 0
        var isOpen = false
        var unacknowledged: [(sequence: UInt64, frame: Frame)] = []
        var sequence: UInt64 = 0
        var lastLook: Int64 = 25_000
        /// Times at which an agent started, and stretches in which none looked.
        var holes: [ClosedRange<Int64>] = []
        let interval: Int64
        let areExitsRecorded: Bool
        let codec: FrameCodec

        init(random: SeededGenerator, storeCount: Int) throws {
            self.random = random
            stores = Array(repeating: WindowModel(), count: storeCount)
            interval = [500, 1_000, 2_000, 7_000].randomElement(using: &self.random) ?? 1_000
            areExitsRecorded = Bool.random(using: &self.random)
            codec = try FrameCodec()
        }

        mutating func run(minutes: Int64, restarts: Bool) throws {
            let end = truth.now + minutes * 60_000
            while truth.now < end {
                try step(restarts: restarts)
            }
            try settle()
        }

        private mutating func step(restarts: Bool) throws {
            let schedule = LookSchedule(
                intervalMilliseconds: interval,
                wallMinusBootMilliseconds: TrueHost.wallMinusBootMilliseconds)
            var next = schedule.next(after: lastLook) + Int64.random(in: 0...40, using: &random)
            // A machine that is busy looks late; one that is suspended by a debugger, very late.
            if Int.random(in: 0..<60, using: &random) == 0 {
                next += Int64.random(in: 100...900, using: &random)
            }
            if Int.random(in: 0..<2_000, using: &random) == 0 {
                next += Int64.random(in: 130_000...300_000, using: &random)
            }
            if restarts, Int.random(in: 0..<900, using: &random) == 0 { restart() }
            truth.advance(to: next, using: &random)
            outbox.apply(truth.look(since: lastLook, areExitsRecorded: areExitsRecorded))
            lastLook = next
            switch Int.random(in: 0..<100, using: &random) {
            case 0: close()
            case 1..<5 where !isOpen: open()
            default: break
            }
            if isOpen { try tell() }
        }

        private mutating func restart() {
            close()
            outbox = Outbox(host: TrueHost.description)
            truth.advance(
                to: truth.now + Int64.random(in: 10...90_000, using: &random), using: &random)
            truth.forgetSeen()
            lastLook = truth.now
        }

        private mutating func open() {
            store = Int.random(in: stores.indices, using: &random)
            isOpen = true
            sequence = 0
            stores[store].sessionOpened()
            outbox.sessionOpened(
                maximumRuns: 1_000, storeID: StoreID(high: 0, low: UInt64(store) + 1))
        }

        private mutating func close() {
            guard isOpen else { return }
            // Some of what was not acknowledged had arrived all the same.
            let arrived = Int.random(in: 0...unacknowledged.count, using: &random)
            for (_, frame) in unacknowledged.prefix(arrived) { stores[store].apply(frame) }
            unacknowledged = []
            isOpen = false
            outbox.sessionClosed()
        }

        private mutating func tell() throws {
            while let frame = outbox.nextFrame() {
                try codec.encode(frame, sequence: sequence, mayCompress: true) { _ in }
                outbox.sent(sequence: sequence)
                unacknowledged.append((sequence, frame))
                sequence += 1
            }
            guard Int.random(in: 0..<3, using: &random) == 0 else { return }
            acknowledge(Int.random(in: 0...unacknowledged.count, using: &random))
        }

        private mutating func acknowledge(_ count: Int) {
            guard count > 0 else { return }
            for (_, frame) in unacknowledged.prefix(count) { stores[store].apply(frame) }
            outbox.acknowledged(throughSequence: unacknowledged[count - 1].sequence)
            unacknowledged.removeFirst(count)
        }

        private mutating func settle() throws {
            if !isOpen { open() }
            for _ in 0..<30 {
                try tell()
                acknowledge(unacknowledged.count)
            }
        }
    }

    private struct Tally {
        var known = 0
        var exact = 0
        var silent = 0
        var unknown = 0
    }

    /// What happened to a run around a minute, and what its store knows of it.
    private func story(
        _ run: TrueMinutes.Run, _ store: WindowModel, _ begin: Int64, _ history: History
    ) -> String {
        let near = (begin - 120_000)...(begin + 70_000)
        let levels = run.levels.filter { near.contains($0.atMilliseconds) }
            .map { "\($0.atMilliseconds):\($0.kibibytes << 10)" }
        let windows = (store.windows[run.key] ?? [:]).sorted { $0.key < $1.key }
            .map { ($0.key - TrueHost.wallMinusBootMilliseconds, $0.value) }
            .filter { near.contains($0.0) }
            .map { "\($0.0):\($0.1.atLeastBytes)...\($0.1.atMostBytes ?? 0)" }
        let covered = store.covered.keys.map { $0 - TrueHost.wallMinusBootMilliseconds }
            .filter(near.contains).sorted()
        return """
            run \(run.key.pid) of \(run.startedAtMilliseconds)...\(run.endedAtMilliseconds) at \
            \(begin), levels \(levels), windows \(windows), covered \(covered), interval \
            \(history.interval), \(history.random)
            """
    }

    /// Checks each minute of each run against the truth.
    private func check(_ history: History, _ store: WindowModel, isOnlyStore: Bool) -> Tally {
        var tally = Tally()
        let offset = TrueHost.wallMinusBootMilliseconds
        // A rise between two readings of the mark belongs to the later minute.
        let reach = TrueMinutes.markIntervalMilliseconds + history.interval * 2 + 1_000
        for run in history.truth.runs {
            for minute in store.covered.keys.sorted() {
                let begin = minute - offset
                let end = begin + 60_000
                guard let truth = run.peakBytes(from: max(begin, 0), through: end - 1) else {
                    continue
                }
                let livesThroughout =
                    run.startedAtMilliseconds < begin && run.endedAtMilliseconds >= end
                guard let window = store.window(of: run.key, minute: minute) else {
                    tally.unknown += 1
                    #expect(
                        !isOnlyStore || !livesThroughout,
                        "\(run.key.pid) at \(begin): nothing is known; \(history.random)")
                    continue
                }
                tally.known += 1
                let story = self.story(run, store, begin, history)
                if store.windows[run.key]?[minute] == nil { tally.silent += 1 }
                if window.isExact { tally.exact += 1 }
                let near =
                    run.peakBytes(from: max(0, begin - reach), through: end + 100) ?? truth
                #expect(
                    window.atLeastBytes <= near,
                    "\(window), truth \(truth); \(story)")
                // A bound that turned out to be greater may have been told to another store.
                let bound =
                    isOnlyStore
                    ? truth : run.peakBytes(from: max(begin, 0), through: end - reach) ?? 0
                #expect(
                    window.atMostBytes.map { $0 >= bound } ?? true,
                    "\(window), truth \(truth); \(story)")
            }
        }
        return tally
    }

    /// Whatever happens to sessions and looks, one store knows each watched minute of each run that
    /// lived through it, its pair holds the truth, and silence means unchanged.
    @Test("every pair that is told holds the truth, and so does silence")
    func oneStore() throws {
        var random = SeededGenerator()
        var sum = Tally()
        for _ in 0..<12 {
            var history = try History(random: random, storeCount: 1)
            try history.run(minutes: 25, restarts: false)
            let tally = check(history, history.stores[0], isOnlyStore: true)
            sum.known += tally.known
            sum.exact += tally.exact
            sum.silent += tally.silent
            random = history.random
        }
        #expect(sum.known > 500)
        #expect(sum.exact > sum.known / 4)
        #expect(sum.silent > 20)
    }

    /// Agents that start anew and collectors that take turns leave minutes of which nothing is
    /// known, but none of which something false is.
    @Test("restarts and other stores make holes and no lies")
    func manyStores() throws {
        var random = SeededGenerator()
        for _ in 0..<8 {
            var history = try History(random: random, storeCount: 2)
            try history.run(minutes: 25, restarts: true)
            for store in history.stores { _ = check(history, store, isOnlyStore: false) }
            random = history.random
        }
    }
}
