import MemoryModel
import PeakStore
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Collector

@Suite("How much may wait for the disk")
struct CreditTests {
    private let scale = CreditScale(most: 64, memoryLimitBytes: 1 << 30)

    private func credit(bytes: Int = 0, lag: Int64 = 0, isStalled: Bool = false) -> UInt64 {
        scale.credit(uncommittedBytes: bytes, lagMilliseconds: lag, isStalled: isStalled)
    }

    @Test("credit shrinks step by step to a few frames and to none, by time and by size")
    func steps() {
        #expect(credit() == 64)
        #expect(credit(lag: 2_999) == 64)
        #expect((3...10).map { credit(lag: $0 * 1_000) } == [32, 16, 8, 4, 2, 1, 1, 0])
        #expect(credit(bytes: (128 << 20) - 1) == 64)
        let sizes = stride(from: 128, through: 384, by: 32).map { credit(bytes: $0 << 20) }
        #expect(sizes == [32, 16, 8, 4, 2, 1, 1, 1, 0])
        #expect(credit(bytes: 130 << 20, lag: 6_000) == 4)
        #expect(credit(isStalled: true) == 0)
        #expect(credit(bytes: .max / 64, lag: .max / 2) == 0)
    }

    @Test("a slow commit takes the credit, and what it wrote gives it back, without anything new")
    func slowCommit() {
        let fleet = Fleet(fleet: FleetState())
        let told = Mutex<[SessionCommand]>([])
        let session = fleet.open(.sample("a")) { command in told.withLock { $0.append(command) } }
        _ = fleet.apply(.host(.sample), to: hostID("a"), by: session, sequence: 1, at: .test())
        let commit = fleet.takeCommit(at: .test())
        for second in 1...12 { fleet.adjustCredit(at: .test(after: Int64(second) * 1_000)) }
        let credits = [32, 16, 8, 4, 2, 1, 0].map { SessionCommand.credit($0) }
        #expect(told.withLock { $0 } == credits)
        #expect(fleet.credit(at: .test(after: 12_000)) == 0)
        #expect(fleet.status(at: .test(after: 12_000)).lagMilliseconds == 12_000)
        fleet.committed(commit, at: .test(after: 13_000))
        #expect(told.withLock { $0.last } == .committed(throughSequence: 1, credit: 64))
        fleet.adjustCredit(at: .test(after: 13_100))
        #expect(told.withLock { $0.count } == credits.count + 1)
    }

    /// Runs with long names, the `number`th thousand.
    private func thousandRuns(_ number: Int32) -> SessionEvent {
        .define(
            (number * 1_000..<(number + 1) * 1_000).map {
                var description = RunDescription(program: "p", comm: "c")
                description.command = RawText([UInt8](repeating: 0x61, count: 1_000))
                return StartedRun(key: run($0 + 1), description: description)
            })
    }

    @Test("at the bound nothing new is kept, and what is known goes on")
    func bound() {
        let limits = FleetLimits(memoryBytes: 64 << 20)
        let fleet = Fleet(fleet: FleetState(), limits: limits)
        let session = fleet.open(.sample("a"))
        func apply(_ event: SessionEvent) -> Fleet.Outcome {
            fleet.apply(event, to: hostID("a"), by: session, sequence: 1, at: .test())
        }
        #expect(apply(.host(.sample)) == .taken)
        var count: Int32 = 0
        while apply(thousandRuns(count)) == .taken, count < 100 { count += 1 }
        #expect(count > 5 && count < 64)
        let held = fleet.read { $0.use.heldBytes }
        #expect(held >= 64 << 20 && held < 72 << 20)
        #expect(apply(.peak(1, bytes: 4_096)) == .taken)
        #expect(apply(.sample(1, bytes: 4_096, atMilliseconds: 1)) == .taken)
        #expect(apply(thousandRuns(0)) == .taken)
        #expect(apply(.exit(1)) == .taken)
        let other = fleet.accept(.sample("b"), from: "1.1.1.1:1", credit: 64, at: .test()) { _ in }
        guard case .refused(let refusal) = other else { return #expect(Bool(false)) }
        #expect(refusal.code == .busy)
        #expect(fleet.status(at: .test()).refusals == [.memory])
    }

    @Test("what ended gives its memory back once it is on the disk")
    func givenBack() {
        let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(memoryBytes: 256 << 20))
        let session = fleet.open(.sample("a"))
        func apply(_ event: SessionEvent) {
            let outcome = fleet.apply(
                event, to: hostID("a"), by: session, sequence: 1, at: .test())
            #expect(outcome == .taken)
        }
        apply(.host(.sample))
        let before = fleet.read { $0.use }
        for number in 0..<20 { apply(thousandRuns(Int32(number))) }
        #expect(fleet.isCommitDue)
        apply(
            .exits(
                (1...20_000).map {
                    ExitEvent(
                        key: run($0), end: RunEnd(bracket: nil, reason: .exited),
                        processorMilliseconds: nil)
                }))
        #expect(!fleet.takeMemoryWorthReturning())
        let commit = fleet.takeCommit(at: .test())
        #expect(!fleet.isCommitDue)
        #expect(commit.batch.runs.count == 20_000)
        #expect(fleet.read { $0.use.uncommittedBytes } > 20 << 20)
        fleet.committed(commit, at: .test())
        #expect(fleet.read { $0.use.heldBytes } == before.heldBytes)
        #expect(fleet.read { $0.use.uncommittedBytes } == 0)
        #expect(fleet.takeMemoryWorthReturning())
        #expect(!fleet.takeMemoryWorthReturning())
        #expect(fleet.read { $0.hosts[hostID("a")]?.ledger.runs.capacity ?? 0 } <= 2_048)
    }
}
