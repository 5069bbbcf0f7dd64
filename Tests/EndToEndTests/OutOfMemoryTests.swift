import Foundation
import MemoryModel
import ProcessSampler
import TestSupport
import Testing

/// What the kernel's out-of-memory killer does to a real process in a real cgroup.
@Suite("Kills for want of memory", .serialized)
struct OutOfMemoryTests {
    /// Where cgroups can be made and the kernel tells of kills and exits; nil elsewhere.
    private static let usableTree: CgroupTree? = {
        do {
            let tree = try CgroupTree.find()
            guard tree.top == "/", KernelEventSource.start().exitRecordProblem == nil,
                LimitedCgroup.canBeMade(below: folder(of: tree), version: tree.version)
            else { return nil }
            return tree
        } catch {
            return nil
        }
    }()

    private static func folder(of tree: CgroupTree) -> String {
        String(decoding: tree.path.bytes, as: UTF8.self)
    }

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A probe in `cgroup` that holds 16 MiB and more page cache than there is room for.
    private func fill(_ cgroup: LimitedCgroup) async throws -> Probe {
        let eater = try await Probe.start("eat", mebibytes: 16, as: "eater")
        try cgroup.add(eater.pid)
        try eater.goOn()
        try await eater.awaitReport()
        return eater
    }

    private func cgroup(_ path: String, of collector: RunningCollector) async throws -> Row? {
        try await Row.all(["cgroups", "--since", "10m", "--cgroup", path], of: collector).first
    }

    private func kills(of cgroup: LimitedCgroup, in collector: RunningCollector) async throws
        -> [Row]
    {
        try await Row.all(["oom", "--since", "10m", "--top", "1000"], of: collector)
            .filter { $0.text("limit_cgroup") == cgroup.path }
    }

    private func report(of pid: Int32, in collector: RunningCollector) async throws -> Row? {
        try await Row.all(
            ["report", "--since", "10m", "--program", "eater", "--top", "1000"], of: collector
        ).first { $0.bytes("pid") == UInt64(pid) }
    }

    @Test(
        "a kill at a cgroup's limit is told once, with its proof, whoever is restarted",
        .enabled(
            if: usableTree != nil,
            "needs root, a memory controller that lets cgroups be made, /dev/kmsg, exit records"))
    func kill() async throws {
        let tree = try #require(Self.usableTree)
        let cgroup = try LimitedCgroup(below: Self.folder(of: tree), version: tree.version)
        let eater = try await fill(cgroup)
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let state = ["--state-dir", folder.path + "/state"]
        let agent = try Program.agent(port: collector.port, hostID: "oom", arguments: state)

        try await eventually("the cgroup's peak is reported") {
            try await self.cgroup(cgroup.path, of: collector)?.bytes("peak_bytes") != nil
        }
        let saturated = try #require(try await self.cgroup(cgroup.path, of: collector))
        expectSaturated(saturated)
        try await eventually("the run is reported") {
            try await report(of: eater.pid, in: collector)?.bytes("peak_rss_bytes") ?? 0 > 16 << 20
        }
        // Before the kill: the mark may rise a little with it, and be noticed when all is free.
        try await expectReadable("cgroups", ["at limit", "16 MiB", "32 MiB"], collector)

        try eater.goOn()
        #expect(try await eater.waitForExit() == SIGKILL)
        try await eventually("the kill and the end of the run are reported") {
            let kill = try await kills(of: cgroup, in: collector).first
            return kill?.bytes("final_peak_rss_bytes") != nil
        }
        let kill = try #require(try await kills(of: cgroup, in: collector).first)
        let run = try #require(try await report(of: eater.pid, in: collector))
        expectProof(kill, of: eater.pid, in: cgroup)
        #expect(kill.text("run_id") == run.text("run_id") && run.text("run_id") != nil)
        #expect(kill.bytes("final_peak_rss_bytes") == run.bytes("peak_rss_bytes"))
        #expect(run.boolean("oom_killed") == true)
        #expect(run.bytes("exit_signal") == UInt64(SIGKILL) && run.isNull("exit_code"))
        // A look may have seen all of it before; then the record has confirmed that.
        #expect(run.boolean("peak_is_lower_bound") == false)
        try await expectReadable("oom", ["eater", "32 MiB", "highwater-test"], collector)

        // The agent cannot tell it again: what is there comes from the disk.
        agent.signal(SIGSTOP)
        defer { agent.signal(SIGCONT) }
        try await eventually("all that was told is on the disk") {
            try await collector.metrics().contains("\nhighwater_collector_uncommitted_bytes 0\n")
        }
        let before = try await shown(cgroup, eater.pid, in: collector)
        collector.program.signal(SIGKILL)
        try await collector.program.waitForExit()
        let second = try await RunningCollector.start(
            folder: folder.path + "/data", port: collector.port, httpPort: collector.httpPort)
        let after = try await shown(cgroup, eater.pid, in: second)
        for (view, rows) in before { #expect(after[view] == rows, "\(view)") }
        agent.signal(SIGCONT)

        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
        let again = try await fill(cgroup)
        let successor = try Program.agent(port: second.port, hostID: "oom", arguments: state)
        try await eventually("the second run is reported") {
            try await report(of: again.pid, in: second) != nil
        }
        try again.goOn()
        // The log is read from its beginning: whoever knows of this kill has read of the first.
        try await eventually("the second kill is reported") {
            try await kills(of: cgroup, in: second)
                .contains {
                    $0.bytes("pid") == UInt64(again.pid)
                        && $0.bytes("final_peak_rss_bytes") != nil
                }
        }
        let all = try await kills(of: cgroup, in: second)
        #expect(all.count == 2 && all.last == kill, "\(all)")
        successor.signal(SIGTERM)
        #expect(try await successor.waitForExit() == 0)
        try await eventually("the cgroup's own count is on the disk") {
            try await self.cgroup(cgroup.inner, of: second)?.bytes("oom_kills") == 2
        }
    }

    private func expectSaturated(_ row: Row) {
        let limit = LimitedCgroup.limitBytes
        #expect(row.bytes("limit_bytes") == limit && row.bytes("peak_limit_bytes") == limit)
        #expect(row.boolean("peak_is_at_limit") == true)
        #expect(row.text("peak_source") == "cgroup")
        let peak = row.bytes("peak_bytes") ?? 0
        #expect(peak <= limit && peak > limit - (1 << 20))
        let (anonymous, cache) = (
            row.bytes("peak_anonymous_bytes") ?? 0, row.bytes("peak_page_cache_bytes") ?? 0
        )
        #expect((16 << 20..<20 << 20).contains(anonymous), "\(row)")
        #expect(cache > 8 << 20 && anonymous + cache <= limit, "\(row)")
    }

    private func expectProof(_ kill: Row, of pid: Int32, in cgroup: LimitedCgroup) {
        let limit = LimitedCgroup.limitBytes
        #expect(kill.text("program") == "eater" && kill.bytes("pid") == UInt64(pid))
        #expect(kill.text("limit_owner") == "cgroup" && kill.bytes("limit_bytes") == limit)
        #expect(kill.text("limit_cgroup") == cgroup.path && kill.text("cgroup") == cgroup.inner)
        let evidence = kill.words("evidence")
        #expect(evidence.contains("kernel_log") && evidence.contains("exit_record"))
        // The code of the C library, which others have in memory already, is charged to them.
        let possible = 16 << 20..<limit + 4 << 20
        for key in ["last_peak_rss_bytes", "final_peak_rss_bytes", "held_bytes"] {
            #expect(possible.contains(kill.bytes(key) ?? 0), "\(key): \(kill)")
        }
        let last = kill.bytes("last_peak_rss_bytes") ?? .max
        #expect(last <= kill.bytes("final_peak_rss_bytes") ?? 0)
        #expect(kill.text("killed_at") != nil && kill.text("host_id") == "oom")
    }

    /// Everything that was shown of a kill, by the view that shows it.
    private func shown(
        _ cgroup: LimitedCgroup, _ pid: Int32, in collector: RunningCollector
    ) async throws -> [String: [Row]] {
        [
            "oom": try await kills(of: cgroup, in: collector),
            "run": [try await report(of: pid, in: collector)].compactMap { $0 },
            "cgroups": [try await self.cgroup(cgroup.path, of: collector)].compactMap { $0 },
            // What a host uses now counts for its peak while its agent tells of it, and is nowhere.
            "sums": try await Row.all(["report", "--since", "10m", "--by", "host"], of: collector)
                .map { $0.only(["host_id", "peak_of_sum_bytes"]) },
            "health": try await Row.all(["hosts"], of: collector)
                .map { $0.only(["host_id", "agent_rss_bytes", "agent_sources"]) },
        ]
    }

    /// The text of a view in a terminal of 80 columns has these words, and no line too long.
    private func expectReadable(
        _ view: String, _ words: [String], _ collector: RunningCollector
    ) async throws {
        let shown = try await TerminalProgram.run(
            "memcollector", [view, "--since", "10m", "--url", collector.url], columns: 80,
            environment: ["NO_COLOR": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"])
        #expect(shown.status == 0)
        for word in words { #expect(shown.output.contains(word), "\(shown.output)") }
        for line in shown.output.components(separatedBy: "\r\n") {
            #expect(line.count <= 80, "\(line)")
        }
    }
}
