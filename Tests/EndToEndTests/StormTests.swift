import Foundation
import ProcessSampler
import TestSupport
import Testing

/// Thousands of real processes, none of which may escape.
///
/// `HIGHWATER_STORM_COUNT` sets how many, `HIGHWATER_SEED` which.
@Suite("Storms of processes", .serialized)
struct StormTests {
    /// Why the kernel tells this program of no exits; nil if it does.
    static let problem = KernelEventSource.start().exitRecordProblem
    static let reason: Comment = "\(problem.map { "\($0)" } ?? "")"

    private static let compiled = Task {
        let folder = try TemporaryFolder()
        let path = try await Compiler.build("Tests/EndToEndTests/Storm/storm.c", in: folder)
        return (folder: folder, path: path)
    }

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A collector and an agent that has looked once.
    private func watch(
        _ arguments: [String] = []
    ) async throws -> (collector: RunningCollector, agent: Program) {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "storm",
                "--interval", "200ms", "--report-interval", "200ms",
                "--state-dir", folder.path + "/state",
            ] + arguments)
        try await eventually("the agent's first look is reported") {
            let rows = try await collector.rows(["ps", "--top", "100000"])
            return rows.contains { ($0["pid"] as? NSNumber)?.int32Value == agent.pid }
        }
        return (collector, agent)
    }

    /// Runs a storm to its end.
    private func run(_ arguments: [String], seconds: Double) async throws -> StormRecord {
        let path = try await Self.compiled.value.path
        let answer = try await Program.run(path, arguments, seconds: seconds)
        #expect(answer.status == 0, "\(answer.errors)")
        return try StormRecord(answer.output)
    }

    /// Waits until the collector has of all processes what the agent will ever tell.
    private func account(
        _ storm: StormRecord, _ collector: RunningCollector, startToleranceTicks: Int = 2
    ) async throws -> StormAccount {
        func look() async throws -> StormAccount {
            try await StormAccount(
                storm, host: "storm", startToleranceTicks: startToleranceTicks, in: collector)
        }
        var account = try await look()
        let end = ContinuousClock.now + .seconds(20)
        while account.missedCount > account.lostCount, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(500))
            account = try await look()
        }
        return account
    }

    private func stop(_ watching: (collector: RunningCollector, agent: Program)) async throws {
        for program in [watching.agent, watching.collector.program] {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
    }

    @Test(
        "each of thousands of processes is reported with the kernel's own mark and its end",
        .enabled(if: problem == nil, reason))
    func storm() async throws {
        let count =
            ProcessInfo.processInfo.environment["HIGHWATER_STORM_COUNT"].flatMap { Int($0) }
            ?? 5_000
        let seed = SeededGenerator()
        let watching = try await watch()
        let storm = try await run(
            ["run", "\(count)", "\(seed.seed)", "8"], seconds: 120 + Double(count) / 25)
        #expect(storm.childCount == count)
        let account = try await account(storm, watching.collector)
        print(account.text)
        print(seed)
        #expect(account.missedCount <= account.lostCount, "\(account.text)\n\(seed)")
        #expect(
            account.complaintCount == 0,
            "\(account.complaints.joined(separator: "\n"))\n\(seed)")
        #expect(account.inherited.flagged > 0 && account.oldImages.made > 0)
        try await stop(watching)
    }

    @Test(
        "where the kernel drops exit records, those that came and those that are missed are all",
        .enabled(if: problem == nil, reason))
    func losses() async throws {
        let seed = SeededGenerator()
        let before = try HostExits()
        let watching = try await watch(["--event-buffer", "4K"])
        let storm = try await run(["run", "600", "\(seed.seed)", "8"], seconds: 120)
        let account = try await account(storm, watching.collector, startToleranceTicks: 12)
        let exits = try HostExits().count(since: before)
        print(account.text)
        print("threads of the whole host that ended meanwhile: \(exits)")
        // Without any loss this would prove nothing.
        #expect(account.lostCount > 0, "\(account.text)\n\(seed)")
        #expect(account.missedCount <= account.lostCount, "\(account.text)\n\(seed)")
        #expect(account.confirmedCount + account.lostCount <= exits, "\(account.text)\n\(seed)")
        #expect(
            account.complaintCount == 0,
            "\(account.complaints.joined(separator: "\n"))\n\(seed)")
        try await stop(watching)
    }

    /// Whether this program may say which pid comes next.
    private static let canChoosePid = access("/proc/sys/kernel/ns_last_pid", W_OK) == 0

    @Test(
        "two processes with the same pid, one after the other, are two runs with two peaks",
        .enabled(if: problem == nil, reason),
        .enabled(if: canChoosePid, "needs root to write /proc/sys/kernel/ns_last_pid"))
    func pidReuse() async throws {
        let watching = try await watch()
        let storm = try await run(["reuse", "10"], seconds: 60)
        let pids = storm.processes.map(\.pid)
        #expect(pids.count == 20 && Set(pids).count <= 10)
        let account = try await account(storm, watching.collector)
        print(account.text)
        #expect(account.missedCount <= account.lostCount, "\(account.text)")
        #expect(account.complaintCount == 0, "\(account.complaints.joined(separator: "\n"))")
        try await stop(watching)
    }
}

/// The kernel's own count of threads that ended on this host.
private struct HostExits {
    private let begun: Int
    private let alive: Int

    /// Reads how many threads were ever made, and how many there are (`proc_stat(5)`,
    /// `proc_loadavg(5)`).
    init() throws {
        func words(_ path: String) throws -> [[Substring]] {
            try String(contentsOfFile: path, encoding: .utf8)
                .split(separator: "\n").map { $0.split { " /".contains($0) } }
        }
        let made = try words("/proc/stat").first { $0.first == "processes" }?.last
        let there = try words("/proc/loadavg").first?.dropFirst(4).first
        guard let made, let there, let begun = Int(made), let alive = Int(there) else {
            throw Program.Failure(description: "the kernel does not count threads")
        }
        self.begun = begun
        self.alive = alive
    }

    /// How many ended since then; one that nobody has waited for yet counts as alive.
    func count(since earlier: HostExits) -> Int {
        (begun - earlier.begun) - (alive - earlier.alive)
    }
}
