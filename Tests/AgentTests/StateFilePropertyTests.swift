import MemoryModel
import TestSupport
import Testing
import Wire

@testable import Agent

@Suite("A state file counts nothing twice")
struct StateFilePropertyTests {
    /// What a collector's store makes of frames: runs by their key, folds by their ordinal.
    private struct Store {
        var runs: Set<ProcessKey> = []
        var folds: [UInt64: Fold] = [:]
        var ordinals: [ProcessKey: UInt64] = [:]

        mutating func receive(_ frame: Frame, _ slots: inout [UInt32: ProcessKey]) throws {
            switch frame {
            case .define(let frame):
                for run in frame.runs {
                    slots[run.slot] = run.key
                    runs.insert(run.key)
                }
            case .exit(let frame):
                for entry in frame.entries {
                    let left = slots.removeValue(forKey: entry.slot)
                    let key = try #require(left)
                    let ordinal = try #require(entry.ordinal)
                    #expect(ordinals[key] == nil || ordinals[key] == ordinal)
                    ordinals[key] = ordinal
                }
            case .fold(let frame):
                for fold in frame.folds where folds[fold.ordinal] == nil {
                    folds[fold.ordinal] = fold
                }
            default: break
            }
        }
    }

    /// An agent with hardly any memory, its disk, its collector, and what there truly was.
    ///
    /// Every save begins a new phase. The processor time of a run is one in the digit of the phase
    /// in which it began, so that sums over runs and folds tell how often the runs of each phase
    /// were counted.
    private struct World {
        var random: SeededGenerator
        var outbox: Outbox
        var store = Store()
        var weights: [ProcessKey: UInt64] = [:]
        var phase = 0
        /// Whether there is a file, what is in it, and the phase that it is the end of.
        var file: [Frame]?
        var savedPhase = -1
        var writing: (mark: StateMark, frames: [Frame], phase: Int)?

        var isOpen = false
        var slots: [UInt32: ProcessKey] = [:]
        var sequence: UInt64 = 0
        var nowMilliseconds: Int64 = 1_000
        var nextPid: Int32 = 1
        var live: [ProcessKey] = []

        static let phaseBits = 20
        static let phaseCount = 3

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            outbox = Outbox(
                host: TrueHost.description,
                memoryLimitBytes: Int.random(in: 60...200, using: &random) << 10)
        }

        var comment: Comment { "\(random)" }

        mutating func chance(_ count: Int) -> Bool {
            Int.random(in: 0..<count, using: &random) == 0
        }

        mutating func step() throws {
            nowMilliseconds += 1_000
            var snapshot = HostSnapshot(takenAtMilliseconds: nowMilliseconds)
            for key in live where chance(6) { end(key, in: &snapshot) }
            for _ in 0..<Int.random(in: 0...12, using: &random) { start(in: &snapshot) }
            for key in live {
                var observation = RunObservation(key: key)
                observation.residentBytes = UInt64.random(in: 1...999, using: &random) << 10
                snapshot.observed.append(observation)
            }
            outbox.apply(snapshot)
            try network()
            disk()
        }

        private mutating func start(in snapshot: inout HostSnapshot) {
            let key = ProcessKey(pid: nextPid, startTicks: 1)
            nextPid += 1
            let name = RawText("program-\(Int.random(in: 0..<3, using: &random))")
            let start = StartedRun(
                key: key, description: RunDescription(program: name, comm: "c"))
            weights[key] = 1 << UInt64(phase * World.phaseBits)
            if chance(3) {
                snapshot.started.append(start)
                live.append(key)
            } else {
                snapshot.completed.append(CompletedRun(start: start, end: ended(key)))
            }
        }

        private mutating func end(_ key: ProcessKey, in snapshot: inout HostSnapshot) {
            live.removeAll { $0 == key }
            snapshot.ended.append(ended(key))
        }

        private mutating func ended(_ key: ProcessKey) -> EndedRun {
            let bracket = TimeBracket(
                notBeforeMilliseconds: nowMilliseconds - 1_000,
                notAfterMilliseconds: nowMilliseconds)
            return EndedRun(
                key: key, end: RunEnd(bracket: bracket, reason: .exited),
                record: ExitFigures(
                    markBytes: UInt64.random(in: 1_000...2_000, using: &random) << 10,
                    processorMilliseconds: weights[key], faults: nil))
        }

        mutating func network() throws {
            if !isOpen, chance(40) {
                isOpen = true
                slots = [:]
                sequence = 0
                outbox.sessionOpened(maximumRuns: 1_000, maximumWireBytes: 4_096)
            }
            guard isOpen else { return }
            try send(Int.random(in: 0...10, using: &random))
            if chance(2) { outbox.acknowledged(throughSequence: sequence) }
            if chance(8) {
                isOpen = false
                outbox.sessionClosed()
            }
        }

        mutating func send(_ count: Int) throws {
            for _ in 0..<count {
                guard let frame = outbox.nextFrame() else { return }
                sequence += 1
                outbox.sent(sequence: sequence)
                try store.receive(frame, &slots)
            }
        }

        /// A save takes some steps, and what happens meanwhile is not in it.
        mutating func disk() {
            if let done = writing {
                if chance(3) { finish(done) }
            } else if phase < World.phaseCount - 1, chance(10) {
                begin()
            } else if file != nil, outbox.isSavedStateAcknowledged {
                file = nil
                outbox.stateRemoved()
            }
        }

        mutating func begin() {
            var frames: [Frame] = []
            outbox.stateFrames { frames.append($0) }
            writing = (outbox.stateMark, frames, phase)
            phase += 1
        }

        mutating func finish(_ done: (mark: StateMark, frames: [Frame], phase: Int)) {
            writing = nil
            guard !chance(4) else { return outbox.stateFailed() }
            file = done.frames
            savedPhase = done.phase
            outbox.stateSaved(done.mark)
        }

        /// The process dies; another one sends what is in the file.
        mutating func dieAndReplay() throws {
            var slots: [UInt32: ProcessKey] = [:]
            for frame in file ?? [] { try store.receive(frame, &slots) }
        }

        /// Tells everything to the collector; folds that wait for the file go when it is new.
        mutating func reconnect() throws {
            if let writing { finish(writing) }
            outbox.sessionClosed()
            slots = [:]
            sequence = 0
            outbox.sessionOpened(maximumRuns: 1_000)
            try send(.max)
            guard outbox.isStateFileAwaited else { return }
            let mark = outbox.stateMark
            outbox.stateSaved(mark)
            outbox.hurry(atMilliseconds: nowMilliseconds)
            try send(.max)
        }

        func counts(of total: UInt64) -> [UInt64] {
            (0..<World.phaseCount).map {
                total >> UInt64($0 * World.phaseBits) & (1 << UInt64(World.phaseBits) - 1)
            }
        }

        /// How often runs of each phase were counted, and how many there were.
        var counted: [UInt64] {
            let runs = store.runs.reduce(0) { $0 + (weights[$1] ?? 0) }
            return counts(of: store.folds.values.reduce(runs) { $0 + $1.processorMilliseconds })
        }

        var truth: [UInt64] { counts(of: weights.values.reduce(0, +)) }
    }

    @Test(
        "killed at any instant, what the file or the collector has is counted once, and all of it")
    func killed() throws {
        let seed = SeededGenerator().seed
        var (foldCount, checkedCount) = (0, 0)
        for round in UInt64(0)..<60 {
            var world = World(seed: seed &+ round)
            for _ in 0..<Int.random(in: 20...250, using: &world.random) { try world.step() }
            try world.dieAndReplay()
            let comment = world.comment
            // What was dropped is said in a gap, and not to be found elsewhere.
            guard world.outbox.droppedCount == 0 else { continue }
            foldCount += world.store.folds.count
            for (phase, (counted, truth)) in zip(world.counted, world.truth).enumerated() {
                if phase <= world.savedPhase {
                    checkedCount += 1
                    #expect(counted == truth, "phase \(phase); \(comment)")
                } else {
                    #expect(counted <= truth, "phase \(phase); \(comment)")
                }
            }
        }
        #expect(foldCount > 0)
        #expect(checkedCount > 0)
    }

    @Test("an agent that lives on tells of every run once, folds included")
    func livesOn() throws {
        let seed = SeededGenerator().seed
        var foldCount = 0
        for round in UInt64(0)..<20 {
            var world = World(seed: seed &+ round)
            for _ in 0..<200 { try world.step() }
            try world.reconnect()
            let comment = world.comment
            #expect(!world.outbox.isStateFileAwaited, comment)
            #expect(!world.outbox.isEverythingAcknowledged, comment)
            world.outbox.acknowledged(throughSequence: world.sequence)
            #expect(world.outbox.isEverythingAcknowledged, comment)
            #expect(world.outbox.isSavedStateAcknowledged, comment)
            #expect(world.outbox.foldCount == 0, comment)
            guard world.outbox.droppedCount == 0 else { continue }
            foldCount += world.store.folds.count
            #expect(world.counted == world.truth, comment)
        }
        #expect(foldCount > 0)
    }

    @Test("the file may go when all that it holds is durable, not before")
    func mayGo() {
        let harness = OutboxHarness()
        harness.outbox.sessionClosed()
        #expect(harness.outbox.isSavedStateAcknowledged)
        harness.outbox.apply(.starting([1]))
        let mark = harness.outbox.stateMark
        harness.outbox.stateSaved(mark)
        #expect(!harness.outbox.isSavedStateAcknowledged)
        harness.outbox.sessionOpened(maximumRuns: 10)
        _ = harness.frames()
        harness.outbox.acknowledged(throughSequence: harness.sequence - 1)
        #expect(!harness.outbox.isSavedStateAcknowledged)
        harness.outbox.sessionClosed()
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(!harness.outbox.isSavedStateAcknowledged)
        harness.sequence = 0
        harness.outbox.sessionOpened(maximumRuns: 10)
        _ = harness.frames()
        harness.outbox.acknowledged(throughSequence: harness.sequence)
        #expect(harness.outbox.isSavedStateAcknowledged)
    }

    @Test("the frames of the state are those of a session, and making them changes nothing")
    func stateFrames() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting(1...5))
        harness.outbox.apply(.ending([4, 5]))
        harness.outbox.setCounter(.stateDamaged, 3)
        harness.outbox.setHealth(AgentHealth(atMilliseconds: 1, startedAtMilliseconds: 1))
        harness.outbox.sessionClosed()
        let count = harness.outbox.changeCount
        var types: [FrameType?] = []
        harness.outbox.stateFrames { types.append($0.type) }
        #expect(
            types == [
                .host, .define, .define, .peaks, .windows, .exit, .peaks, .stateEnd, .totals,
                .counters,
            ])
        #expect(harness.outbox.changeCount == count)
        harness.outbox.sessionOpened(maximumRuns: 10)
        let told = harness.frames().map(\.type).filter { $0 != .samples && $0 != .health }
        #expect(told == types)
    }

    @Test("what an earlier agent knew of a run that lives is taken, told, and never lowered")
    func restoring() {
        let harness = OutboxHarness()
        harness.outbox.apply(.starting([1], kibibytes: 100))
        _ = harness.frames()
        var record = RunRecord(key: run(1), description: RunDescription(program: "p", comm: "c"))
        record.peak = Peak(
            bytes: 300 << 10,
            bracket: TimeBracket(notBeforeMilliseconds: 5, notAfterMilliseconds: 6), source: .hwm)
        record.flags = .markFell
        record.description.startedAtMilliseconds = 3
        let isTaken = harness.outbox.restore(record)
        #expect(isTaken)
        let frames = harness.frames()
        #expect(frames.flatMap(\.defines).map(\.flags) == [.markFell])
        #expect(frames.contains { $0.type == .peaks })
        #expect(harness.outbox[run(1)]?.peak == record.peak)
        #expect(harness.outbox[run(1)]?.description.startedAtMilliseconds == 3)
        record.peak?.bytes = 1
        let count = harness.outbox.changeCount
        let isTakenAgain = harness.outbox.restore(record)
        #expect(isTakenAgain)
        #expect(harness.outbox.changeCount == count)
        harness.outbox.apply(.ending([1]))
        let isTakenLate = harness.outbox.restore(record)
        #expect(!isTakenLate)
    }
}
