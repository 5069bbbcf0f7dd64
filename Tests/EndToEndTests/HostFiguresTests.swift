import Foundation
import TestSupport
import Testing

/// What stands beside the peaks of single processes: sums, shares, and the agent itself.
@Suite("Figures of hosts and programs", .serialized)
struct HostFiguresTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func rows(_ arguments: [String], of collector: RunningCollector) async throws -> [Row] {
        try await Row.all(arguments + ["--top", "100000"], of: collector)
    }

    /// Starts probes of one program and waits until one look found all of them.
    private func hold(
        _ count: Int, mebibytes: Int, as name: String, seenBy collector: RunningCollector
    ) async throws -> [Probe] {
        var probes: [Probe] = []
        for _ in 0..<count {
            probes.append(try await Probe.start("hold", mebibytes: mebibytes, as: name))
        }
        let pids = Set(probes.map { UInt64($0.pid) })
        try await eventually("all probes are shown") {
            let rows = try await rows(["ps", "--program", name], of: collector)
            let seen = rows.filter { $0.bytes("rss_bytes") ?? 0 >= UInt64(mebibytes) << 20 }
            return pids.isSubset(of: seen.compactMap { $0.bytes("pid") })
        }
        return probes
    }

    private func stop(_ programs: Program...) async throws {
        for program in programs {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
    }

    @Test("what a program's processes held together is told apart from the sum of their peaks")
    func sums() async throws {
        let name = "sum-of-\(UUID().uuidString.prefix(8))"
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "sums")
        let together = try await hold(2, mebibytes: 64, as: name, seenBy: collector)
        for probe in together { try await probe.killAndWait() }
        try await eventually("both are reported as ended") {
            let rows = try await rows(
                ["report", "--since", "10m", "--program", name], of: collector)
            return rows.count == 2 && rows.allSatisfy { $0.text("ended_at") != nil }
        }
        let alone = try await hold(1, mebibytes: 96, as: name, seenBy: collector)
        // At its end it tells what it has gathered, without waiting for its turn.
        try await stop(agent)
        for probe in alone { try await probe.killAndWait() }

        let query = ["report", "--since", "10m", "--by", "program", "--program", name]
        try await eventually("the sums are on the disk") {
            try await rows(query, of: collector).first?.bytes("peak_of_sum_bytes") ?? 0
                >= 128 << 20
        }
        let program = try #require(try await rows(query, of: collector).first)
        let (mebibyte, count) = (1_048_576.0, 3.0)
        let sum = try #require(program.number("peak_of_sum_bytes"))
        #expect(abs(sum - 128 * mebibyte) <= 128 * mebibyte * 0.02 + count * 2 * mebibyte)
        #expect(program.boolean("peak_of_sum_is_upper_bound") == false)
        let peaks = try #require(program.number("sum_of_peaks_bytes"))
        #expect(abs(peaks - 224 * mebibyte) <= 224 * mebibyte * 0.02 + count * 2 * mebibyte)
        #expect(program.bytes("runs") == 3)

        let host = try #require(
            try await rows(["report", "--since", "10m", "--by", "host"], of: collector).first)
        #expect(host.number("peak_of_sum_bytes") ?? 0 >= sum)
        #expect(host.number("sum_of_peaks_bytes") ?? 0 >= host.number("peak_of_sum_bytes") ?? .nan)
        #expect(host.number("host_used_peak_bytes") ?? 0 >= sum)
        try await stop(collector.program)
    }

    @Test("the composition of a host's fullest moment names the largest process")
    func composition() async throws {
        let name = "large-\(UUID().uuidString.prefix(8))"
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "full")
        let probe = try #require(
            try await hold(1, mebibytes: 512, as: name, seenBy: collector).first)
        try await eventually("the probe stands in the composition") {
            let row = try await rows(["composition", "--since", "10m"], of: collector).first
            let share = row?.rows("runs").first { $0.text("program") == name }
            return share?.bytes("rss_bytes") ?? 0 >= 512 << 20
        }
        let row = try #require(
            try await rows(["composition", "--since", "10m"], of: collector).first)
        let share = try #require(row.rows("runs").first { $0.text("program") == name })
        #expect(share.bytes("pid") == UInt64(probe.pid))
        let bytes = try #require(share.number("rss_bytes"))
        #expect(abs(bytes / 1_048_576 - 512) < 512 * 0.02)
        #expect(row.text("host_id") == "full" && row.boolean("is_in_range") == true)
        let used = try #require(row.number("used_bytes"))
        #expect(used >= bytes && used <= row.number("memory_total_bytes") ?? 0)
        try await stop(agent, collector.program)
    }

    @Test("soon after its start an agent has told what it costs and what it can see")
    func health() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(port: collector.port, hostID: "healthy")
        try await eventually("its cost is shown") {
            try await Row.all(["hosts"], of: collector).first?.number("agent_cpu_percent") != nil
        }
        let row = try #require(try await Row.all(["hosts"], of: collector).first)
        let cost = try #require(row.number("agent_cpu_percent"))
        #expect(cost > 0 && cost < 100)
        let resident = try #require(row.bytes("agent_rss_bytes"))
        #expect((1 << 20..<256 << 20).contains(resident))
        #expect(row.bytes("agent_anonymous_bytes") ?? .max <= resident)
        #expect(row.bytes("agent_peak_bytes") ?? 0 >= resident)
        #expect(
            row.bytes("agent_interval_ms") == 200 && row.bytes("agent_asked_interval_ms") == 200)
        if StormTests.problem == nil {
            let sources = row.words("agent_sources")
            for source in ["exit_records", "process_events", "batched_marks"] {
                #expect(sources.contains(source), "\(sources)")
            }
        }
        try await stop(agent, collector.program)
    }

    @Test("the largest process has its proportional share, and what of it is of files")
    func proportionalShare() async throws {
        let name = "shared-\(UUID().uuidString.prefix(8))"
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let probe = try await Probe.start("hold", mebibytes: 512, as: name)
        let agent = try Program.agent(
            port: collector.port, hostID: "pss", arguments: ["--pss", "top:3"])
        var row: Row?
        try await eventually("its share is shown") {
            row = try await rows(["ps", "--program", name], of: collector).first
            return row?.number("current_pss_bytes") != nil
                && row?.number("current_file_bytes") != nil
        }
        #expect(row?.bytes("pid") == UInt64(probe.pid))
        let wanted = 512.0 * 1_048_576
        let share = try #require(row?.number("current_pss_bytes"))
        #expect(abs(share - wanted) < wanted * 0.02)
        let anonymous = try #require(row?.number("current_anonymous_bytes"))
        #expect(abs(anonymous - wanted) < wanted * 0.02)
        let file = try #require(row?.number("current_file_bytes"))
        #expect(file > 0 && file < wanted * 0.02)
        #expect(anonymous + file == row?.number("rss_bytes"))
        try await stop(agent, collector.program)
    }
}

/// The budget is judged over whole minutes: this takes one, beside all other tests.
@Suite("An agent's budget of processor time")
struct CostBudgetEndToEndTests {
    @Test("an agent that costs more than it may looks less often, and says so")
    func stretched() async throws {
        let folder = try TemporaryFolder()
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let agent = try Program.agent(
            port: collector.port, hostID: "thrifty", arguments: ["--cpu-budget", "0.01%"])
        try await agent.waitForText("looking less often", seconds: 75)
        #expect(agent.errors.contains("--cpu-budget"))
        try await eventually("the host shows it") {
            let row = try await Row.all(["hosts"], of: collector).first
            return row?.bytes("agent_interval_ms") == 400
                && row?.bytes("agent_asked_interval_ms") == 200
                && row?.bytes("interval_ms") == 400
        }
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }
}
