import MemoryModel
import Synchronization
import Testing
import Wire

@testable import Collector

@Suite("Whom a collector takes in")
struct AdmissionTests {
    private let fleet = Fleet(fleet: FleetState())

    private func arrive(
        _ bootNumber: UInt64, from address: String, isPast: Bool = false, after: Int64 = 0,
        host: String = "a", in fleet: Fleet? = nil
    ) -> Admission {
        (fleet ?? self.fleet).accept(
            .sample(host, bootNumber: bootNumber, isPast: isPast), from: address, credit: 64,
            at: .test(after: after)
        ) { _ in }
    }

    private func session(_ admission: Admission) -> SessionID? {
        guard case .accepted(let session) = admission else { return nil }
        return session
    }

    private func refusal(_ admission: Admission) -> Refusal? {
        guard case .refused(let refusal) = admission else { return nil }
        return refusal
    }

    @Test("a second machine with the same host id is turned away, naming both and the fix")
    func conflict() throws {
        let first = try #require(session(arrive(1, from: "10.0.0.1:4000")))
        let refused = try #require(refusal(arrive(2, from: "10.0.0.2:5000", after: 29_999)))
        #expect(refused.code == .identityConflict && refused.retryAfterMilliseconds == 20_000)
        for word in ["host id a", "10.0.0.1:4000", "10.0.0.2:5000", "--host-id"] {
            #expect(refused.text.contains(word), "\(refused.text)")
        }
        #expect(refused.text.utf8.count <= 512)
        #expect(
            fleet.apply(
                .host(.sample), to: hostID("a"), by: first, sequence: 1, at: .test(after: 30_000))
                == .taken)
        #expect(fleet.sessionCount == 1)
    }

    @Test("once both machines are known to live, the second one comes back after minutes only")
    func conflictConfirmed() throws {
        let first = try #require(session(arrive(1, from: "10.0.0.1:4000")))
        func retry(_ after: Int64) -> UInt64? {
            fleet.heard(hostID("a"), by: first, at: .test(after: after - 1_000))
            return refusal(arrive(2, from: "10.0.0.2:5000", after: after))?.retryAfterMilliseconds
        }
        #expect(retry(1_000) == 20_000)
        // No time asked for: the code's own class, which is slow.
        #expect(retry(20_000) == 0)
        #expect(ErrorCode.identityConflict.retryClass == .slow)
        #expect(retry(900_000) == 0)
        // It was quiet for so long that whoever comes now may be the first one after a restart.
        #expect(retry(2_100_001) == 20_000)
    }

    @Test("a line is logged once a minute, however often it tries")
    func logged() throws {
        _ = arrive(1, from: "10.0.0.1:4000")
        let notable = stride(from: Int64(0), through: 120_000, by: 10_000).map { after in
            fleet.heard(hostID("a"), by: SessionID(number: 1), at: .test(after: after))
            return refusal(arrive(2, from: "10.0.0.2:5000", after: after))?.isNotable ?? false
        }
        #expect(notable.count { $0 } == 3)
    }

    @Test("a machine that has restarted is taken in once its old connection is silent, unnoted")
    func restarted() {
        _ = arrive(1, from: "10.0.0.1:4000")
        #expect(refusal(arrive(2, from: "10.0.0.1:4001", after: 10_000)) != nil)
        #expect(session(arrive(2, from: "10.0.0.1:4002", after: 30_000)) != nil)
        fleet.heard(hostID("a"), by: SessionID(number: 2), at: .test(after: 31_000))
        #expect(fleet.read { $0.hosts[hostID("a")]?.boot } == BootID(high: 0, low: 2))
    }

    @Test("a conflict is shown for an hour, if the machine that is connected lives on")
    func shown() {
        let first = session(arrive(1, from: "10.0.0.1:4000"))
        _ = arrive(2, from: "10.0.0.2:5000", after: 1_000)
        #expect(fleet.conflicts(at: .test(after: 1_000)).isEmpty)
        if let first { fleet.heard(hostID("a"), by: first, at: .test(after: 2_000)) }
        let known = fleet.conflicts(at: .test(after: 3_000))[hostID("a")]
        #expect(known?.presentAddress == "10.0.0.1:4000")
        #expect(known?.refusedAddress == "10.0.0.2:5000")
        #expect(fleet.conflicts(at: .test(after: 3_600_999)).count == 1)
        #expect(fleet.conflicts(at: .test(after: 3_601_000)).isEmpty)
    }

    @Test("what was left behind of an earlier boot is no conflict, and no second machine either")
    func past() {
        _ = arrive(1, from: "10.0.0.1:4000")
        #expect(session(arrive(2, from: "10.0.0.1:4001", isPast: true)) != nil)
        #expect(fleet.sessionCount == 2)
    }

    @Test("a command is told of by its host's agent where that has a session, and else by itself")
    func command() {
        func run(_ bootNumber: UInt64) -> Admission {
            fleet.accept(
                .sample("a", bootNumber: bootNumber, epoch: 9, isCommand: true),
                from: "10.0.0.1:4002", credit: 64, at: .test()
            ) { _ in }
        }
        #expect(session(run(1)) != nil)
        let agent = session(arrive(1, from: "10.0.0.1:4000"))
        #expect(refusal(run(1))?.code == .toldByAgent)
        #expect(session(run(2)) != nil)
        if let agent { fleet.close(agent, host: hostID("a")) }
        #expect(session(run(1)) != nil)
    }

    @Test("the wall clock of the collector has no part in who is turned away")
    func clockSet() {
        _ = arrive(1, from: "10.0.0.1:4000")
        var later = Moment.test(after: 1_000)
        later.utcMilliseconds += 86_400_000
        let admission = fleet.accept(
            .sample("a", bootNumber: 2), from: "10.0.0.2:1", credit: 64, at: later
        ) { _ in }
        #expect(refusal(admission)?.code == .identityConflict)
    }

    @Test("new hosts beyond the bound are told to come back later, known ones are taken in")
    func hosts() throws {
        let fleet = Fleet(fleet: FleetState(), limits: FleetLimits(hosts: 2))
        let first = try #require(session(arrive(1, from: "1.1.1.1:1", host: "a", in: fleet)))
        _ = fleet.apply(
            .host(.sample), to: hostID("a"), by: first, sequence: 1, at: .test())
        let second = try #require(session(arrive(1, from: "1.1.1.1:1", host: "b", in: fleet)))
        let refused = try #require(refusal(arrive(1, from: "1.1.1.1:1", host: "c", in: fleet)))
        #expect(refused.code == .busy && refused.retryAfterMilliseconds > 0)
        #expect(session(arrive(1, from: "1.1.1.1:2", host: "a", in: fleet)) != nil)
        // Whoever never said what it is leaves no host behind.
        fleet.close(second, host: hostID("b"))
        #expect(session(arrive(1, from: "1.1.1.1:1", host: "c", in: fleet)) != nil)
        #expect(fleet.status(at: .test()).refusals == [.hosts])
        #expect(fleet.status(at: .test(after: 600_000)).refusals.isEmpty)
    }
}
