import Foundation
import MemoryModel
import Synchronization
import TestSupport

/// Three agents on trees that change, two collectors, and one disturbance after the other.
final class OracleRun {
    private let record: WireRecord
    private let collectors: [OracleCollector]
    private let hosts: [OracleHost]
    private let overflow: Overflow
    private var generator: SeededGenerator
    private let cycles: [Disturbance]
    private let say: (String) -> Void

    init(cycles: Int, seed: SeededGenerator, say: @escaping (String) -> Void) async throws {
        generator = seed
        self.say = say
        self.cycles = Disturbance.schedule(cycles, using: &generator)
        let record = try WireRecord()
        self.record = record
        let collectors = [try await OracleCollector(), try await OracleCollector()]
        self.collectors = collectors
        let ports = collectors.map(\.port)
        var hosts: [OracleHost] = []
        for id in ["one", "two", "three"] {
            hosts.append(
                try OracleHost(
                    id: id, seed: generator.next(), record: record,
                    arguments: id == "three" ? ["--memory-limit", "1M"] : []
                ) { place in
                    ports[place % 3 == 2 ? 1 : 0]
                })
        }
        self.hosts = hosts
        overflow = try Overflow(
            seed: generator.next(), record: record, collector: collectors[0])
    }

    /// Disturbs, comes to rest, judges; gives all that is wrong.
    ///
    /// It takes about half a second a cycle, and does not go on once it has taken `seconds`.
    func problems(seconds: Double) async throws -> [String] {
        let overflowed = try await overflow.problems()
        let trees = hosts.map(\.tree)
        let problems: [String] = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    for tree in trees { try tree.step() }
                    try? await Task.sleep(for: .milliseconds(25))
                }
            }
            var problems: [String] = []
            do {
                try await disturb(until: .now + .seconds(seconds))
                problems = try await judge()
            } catch {
                problems = ["\(error)"]
            }
            group.cancelAll()
            try await group.waitForAll()
            return problems
        }
        for host in hosts { try await host.stop() }
        for collector in collectors { try await collector.stop() }
        return overflowed + problems + record.problems
    }

    // MARK: Disturbing

    private func disturb(until end: ContinuousClock.Instant) async throws {
        for (cycle, disturbance) in cycles.enumerated() {
            guard ContinuousClock.now < end else {
                throw Program.Failure(
                    description: "out of time after \(cycle) of \(cycles.count) cycles")
            }
            if cycle % 50 == 0 { say("cycle \(cycle) of \(cycles.count)") }
            let pause = Int.random(in: 0...500, using: &generator)
            try await Task.sleep(for: .milliseconds(pause))
            let host =
                disturbance == .overflow
                ? hosts[hosts.count - 1] : hosts[.random(in: 0..<hosts.count, using: &generator)]
            try await apply(disturbance, to: host)
            for host in hosts { try host.checkRunning() }
            for collector in collectors { try collector.checkRunning() }
        }
    }

    private func apply(_ disturbance: Disturbance, to host: OracleHost) async throws {
        if let fault = disturbance.fault(using: &generator) {
            if disturbance == .cutNextConnection { host.proxy.cut() }
            if host.proxy.connections.isEmpty || disturbance == .cutNextConnection {
                host.proxy.plan(fault)
            } else {
                host.proxy.apply(fault)
            }
            return
        }
        switch disturbance {
        case .killAgent: try await host.restart(SIGKILL)
        case .stopAgent: try await host.restart(SIGTERM)
        case .killCollector: try await collector(of: host)?.restart(SIGKILL)
        case .drainCollector: try await collector(of: host)?.restart(SIGTERM)
        case .purge: try await collector(of: host)?.purge(host.id)
        case .tearState: try await host.endCutOff(.torn, using: &generator)
        case .stopCutOff: try await host.endCutOff(.stopped, using: &generator)
        case .killCutOff: try await host.endCutOff(.killed, using: &generator)
        case .overflow: try await host.endCutOff(.overflowed, using: &generator)
        case .repeatSession: try await repeatSession(of: host, cutsFirst: true)
        case .replaceSession: try await repeatSession(of: host, cutsFirst: false)
        default: host.proxy.cut()
        }
    }

    /// Sends a session again while its host keeps still.
    private func repeatSession(of host: OracleHost, cutsFirst: Bool) async throws {
        host.tree.keepStill(true)
        defer { host.tree.keepStill(false) }
        // What ended or began before has been told in the old session or is told in the new one.
        host.proxy.cut()
        try await record.waitForRest(of: host)
        guard let collector = try await collector(of: host) else { return }
        var standing: WireRecord.Session?
        try await eventually("a session of \(host.id) has told everything") {
            standing = record.openSessions(of: host.id).first(where: \.isCalm)
            return standing != nil
        }
        guard let session = standing else { return }
        try await host.repeatSession(
            session.connection, to: collector.port, cutsFirst: cutsFirst)
    }

    /// The collector that the host speaks to, once it does.
    private func collector(of host: OracleHost) async throws -> OracleCollector? {
        try await eventually("\(host.id) speaks to a collector", seconds: 120) {
            record.openSessions(of: host.id).contains { $0.store != nil }
        }
        let store = record.openSessions(of: host.id).compactMap(\.store).first
        return try collectors.first { try $0.database().storeID == store }
    }

    // MARK: Judging

    /// Leads all agents to the one collector, then to the other, and looks at what is there.
    private func judge() async throws -> [String] {
        for host in hosts { host.tree.keepStill(true) }
        // Leading them is none of what was to be seen.
        say("seen: \(record.sightings.map { "\($0.value) x \($0.key.rawValue)" }.sorted())")
        var problems = unseen()
        for collector in collectors {
            let port = collector.port
            for host in hosts {
                host.proxy.lead { _ in port }
                host.proxy.cut()
            }
            for host in hosts { try await record.waitForRest(of: host) }
            // What agents left behind is told beside the present, and has no end before its last
            // frame is acknowledged.
            for host in hosts { try await host.waitForState() }
            var purged: [OracleHost] = []
            for (host, verdict) in try verdicts(on: hosts, collector) {
                problems += verdict.problems(hasRisen: false)
                if verdict.isPurged { purged.append(host) }
                say("\(host.id): \(verdict)")
            }
            problems += try await judgeRisen(purged, collector)
        }
        let databases = try collectors.map { try $0.database() }
        for host in hosts {
            let account = OracleAccount(databases, host, record)
            problems += account.problems()
            say("\(host.id): \(account)")
        }
        return problems
    }

    /// Lets all rise of which a peak may have been purged: then each is known exactly again.
    private func judgeRisen(
        _ hosts: [OracleHost], _ collector: OracleCollector
    ) async throws -> [String] {
        for host in hosts { try host.tree.raiseAll() }
        for host in hosts { try await record.waitForRest(of: host) }
        return try verdicts(on: hosts, collector).flatMap { $1.problems(hasRisen: true) }
    }

    /// Holds what was promised before the database was read, and all that was said, against it.
    private func verdicts(
        on hosts: [OracleHost], _ collector: OracleCollector
    ) throws -> [(OracleHost, OracleVerdict)] {
        let promised = hosts.map { record.host($0.id) }
        let database = try collector.database()
        return zip(hosts, promised).map {
            ($0, OracleVerdict(database, $0.tree, promised: $1, record))
        }
    }

    /// What this run was to see and did not.
    private func unseen() -> [String] {
        let seen = record.sightings
        return Sighting.allCases.filter { seen[$0] == nil }.map { "never seen: \($0.rawValue)" }
    }
}
