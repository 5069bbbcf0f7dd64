import Foundation
import TestSupport
import Testing

/// What an agent without any rights sees, beside one that has them all.
@Suite("Without privilege")
struct UnprivilegedTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The state directory of an agent of another user.
    private func openState() throws -> String {
        let state = folder.path + "/state"
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        chmod(folder.path, 0o755)
        let user = uid_t(UnprivilegedPrograms.userID)
        guard chmod(state, 0o700) == 0, chown(state, user, user) == 0 else {
            throw Program.Failure(description: "cannot give \(state) to another user")
        }
        return state
    }

    private func row(
        _ pid: Int32, of host: String, in collector: RunningCollector
    ) async throws -> [String: Any]? {
        try await collector.rows(
            ["report", "--top", "100000", "--inherited", "--host", host]
        ).first { ($0["pid"] as? NSNumber)?.int32Value == pid }
    }

    private func peak(_ row: [String: Any]?) -> Int? {
        (row?["peak_rss_bytes"] as? NSNumber)?.intValue
    }

    @Test(
        "it finds the same peaks of what outlives a look, and says once what it lacks",
        .enabled(if: geteuid() == 0, "needs root, to start it as another user"))
    func samePeaks() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let unprivileged = try await UnprivilegedPrograms().start(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "nobody",
                "--interval", "200ms", "--report-interval", "200ms",
                "--state-dir", try openState(),
            ])
        let privileged = try Program.agent(port: collector.port, hostID: "root")

        var probes: [Probe] = []
        for mebibytes in [3, 20, 90] {
            probes.append(try await Probe.start("hold", mebibytes: mebibytes))
            probes.append(try await Probe.start("release", mebibytes: mebibytes))
        }
        probes.append(try await Probe.start("leaderless", mebibytes: 30))
        for host in ["nobody", "root"] {
            for probe in probes {
                try await eventually("\(host) knows the mark of \(probe.pid)") {
                    peak(try await row(probe.pid, of: host, in: collector)) ?? 0 > 3 << 20
                }
            }
        }
        for probe in probes { try await probe.killAndWait() }
        // The kernel's count is rough by some pages for each processor.
        let slack = 1 << 20 * max(sysconf(Int32(_SC_NPROCESSORS_CONF)), 1)
        for probe in probes {
            for host in ["nobody", "root"] {
                try await eventually("\(host) tells that \(probe.pid) has ended") {
                    try await row(probe.pid, of: host, in: collector)?["ended_at"] is String
                }
            }
            let theirs = try #require(try await row(probe.pid, of: "nobody", in: collector))
            let ours = try #require(try await row(probe.pid, of: "root", in: collector))
            #expect(theirs["peak_source"] as? String == "hwm")
            #expect(theirs["peak_is_lower_bound"] as? Bool == true)
            let difference = try #require(peak(theirs)) - (try #require(peak(ours)))
            #expect(abs(difference) <= slack)
        }
        let told = unprivileged.errors.split(separator: "\n")
            .filter { $0.contains("CAP_NET_ADMIN") }
        #expect(told.count == 1, "\(unprivileged.errors)")
        let coverage = try #require(
            try await collector.ask(["hosts"])["coverage"] as? [String: Any])
        let without = coverage["hosts_without_exit_records"] as? NSNumber
        #expect(without?.intValue == (StormTests.problem == nil ? 1 : 2))
        for program in [unprivileged, privileged, collector.program] {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
    }

    /// Whether a procfs with options of its own can be mounted where nobody else sees it.
    private static let mayMount: Bool = {
        guard geteuid() == 0 else { return false }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "unshare -m mount -t proc -o hidepid=2 proc /proc 2>/dev/null"]
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    @Test(
        "a host whose procfs hides processes (hidepid) is a restricted view, not an empty host",
        .enabled(if: mayMount, "needs root, to mount a procfs that hides processes"))
    func hiddenProcesses() async throws {
        let collector = try await RunningCollector.start(folder: folder.path + "/data")
        let hidden = try Program("/bin/sleep", ["600"])
        let programs = try await UnprivilegedPrograms()
        let agent = try programs.command(
            "memagent",
            [
                "--collector", "127.0.0.1:\(collector.port)", "--host-id", "hides",
                "--hostname", "hides", "--interval", "200ms", "--report-interval", "200ms",
                "--state-dir", try openState(),
            ])
        // Over /proc itself: this is what the agent finds on such a host.
        let script = "mount -t proc -o hidepid=2 proc /proc && exec \"$@\""
        let program = try Program(
            "/bin/sh",
            [
                "-c", "exec unshare -m --propagation private /bin/sh -c '\(script)' sh \"$@\"",
                "sh",
            ] + agent)
        func pids() async throws -> [Int32] {
            try await collector.rows(["ps", "--top", "100000", "--host", "hides"])
                .compactMap { ($0["pid"] as? NSNumber)?.int32Value }
        }
        try await eventually("the agent sees itself") { try await pids().contains(program.pid) }
        #expect(try await !pids().contains(hidden.pid))
        let coverage = try #require(
            try await collector.ask(["hosts"])["coverage"] as? [String: Any])
        #expect((coverage["restricted_views"] as? NSNumber)?.intValue == 1)
        #expect(coverage["restricted_view_names"] as? [String] == ["hides"])
        for program in [program, collector.program] {
            program.signal(SIGTERM)
            #expect(try await program.waitForExit() == 0)
        }
        hidden.signal(SIGKILL)
    }
}
