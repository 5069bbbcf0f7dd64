import Foundation
import ProcessSampler
import TestSupport
import Testing

/// What `memagent run` says of memory.
@Suite("Peaks of a command", .serialized)
struct RunPeakTests {
    /// Why the kernel tells this program of no exits; nil if it does.
    static let problem = KernelEventSource.start().exitRecordProblem
    static let reason: Comment = "\(problem.map { "\($0)" } ?? "")"

    /// How far the kernel's sums may be off, on this number of processors.
    private static let toleranceBytes: UInt64 = 4 << 20

    private func holder(_ steps: String...) async throws -> [String] {
        [try await CommandRunner.holder.value.path] + steps
    }

    private func isNear(_ bytes: UInt64?, mebibytes: UInt64) -> Bool {
        guard let bytes else { return false }
        // A program of C takes some MiB by itself.
        return bytes >= mebibytes << 20
            && bytes <= mebibytes << 20 + Self.toleranceBytes
    }

    @Test(
        "with the kernel's word a peak of a moment is exact, for sizes from nothing on",
        .enabled(if: problem == nil, reason), arguments: [1, 7, 40, 300] as [UInt64])
    func exact(_ mebibytes: UInt64) async throws {
        let runner = try CommandRunner()
        let result = try await runner.run(try await holder("+\(mebibytes)"))
        #expect(isNear(result.number("largest_process", "bytes"), mebibytes: mebibytes))
        #expect(result.text("largest_process", "bound") == "exact")
        #expect(result.text("largest_process", "program") == "holder")
        let row = try #require(result.processes.first)
        #expect(
            row["bound"] as? String == "exact" && (row["exit_code"] as? NSNumber)?.intValue == 0)
        #expect(["exit", "hwm"].contains(row["source"] as? String ?? ""))
    }

    @Test(
        "hundreds of short-lived children are each counted, with their exit statuses",
        .enabled(if: problem == nil, reason))
    func shortLived() async throws {
        let runner = try CommandRunner()
        let script = "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done; /bin/false; exit 3"
        let result = try await runner.run(["sh", "-c", script], options: ["--top", "1000"])
        #expect(result.status == 3)
        let ends = result.processes.filter {
            $0["program"] as? String == "true" && $0["end"] as? String == "exited"
        }
        #expect(ends.count == 300)
        #expect(ends.allSatisfy { ($0["exit_code"] as? NSNumber)?.intValue == 0 })
        #expect(result.processes.filter { $0["program"] as? String == "false" }.count == 1)
        #expect(result.number("records_lost") == 0)
        let few = try await runner.run(["sh", "-c", script], options: ["--top", "5"])
        #expect(few.processes.count == 5)
        #expect((few.number("processes_not_shown") ?? 0) >= 297)
    }

    @Test(
        "an image that went with an exec is in the largest, by the answer to waiting",
        .enabled(if: problem == nil, reason))
    func executed() async throws {
        let path = try await CommandRunner.holder.value.path
        let script = "import os\nx = bytearray(120 << 20)\nos.execv('\(path)', ['\(path)', '+1'])"
        let runner = try CommandRunner()
        let result = try await runner.run(
            ["python3", "-c", script], options: ["--top", "1000"])
        let largest = try #require(result.number("largest_process", "bytes"))
        #expect(largest >= 120 << 20 && largest < 150 << 20)
        #expect(result.processes.contains { $0["program"] as? String == "holder" })
    }

    @Test(
        "without any right the largest is exact above the launcher's own size, else at most that",
        .enabled(if: geteuid() == 0, "only root can become another user"))
    func unprivileged() async throws {
        let runner = try CommandRunner(unprivileged: try await UnprivilegedPrograms())
        let large = try await runner.run(try await holder("+90"))
        #expect(!large.hasExitRecords)
        #expect(isNear(large.number("largest_process", "bytes"), mebibytes: 90))
        #expect(large.text("largest_process", "bound") == "exact")
        let short = try await runner.run(["sh", "-c", "\(try await holder("+70")[0]) +70; exit 4"])
        #expect(short.status == 4)
        #expect(isNear(short.number("largest_process", "bytes"), mebibytes: 70))
        let row = try #require(large.processes.first)
        let least = (row["peak_bytes"] as? NSNumber)?.uint64Value ?? 0
        let most = (row["at_most_bytes"] as? NSNumber)?.uint64Value ?? least
        #expect(most >= 90 << 20 && most >= least)
        let small = try await runner.run(["true"])
        #expect(small.status == 0)
        #expect(small.text("largest_process", "bound") != "exact")
        let floor = try #require(small.number("wait_floor_bytes"))
        #expect(floor < 16 << 20)
        #expect(small.errors.contains("at most, by the answer to waiting"))
    }

    @Test(
        "without any right the mark of what lives for a while is read, and orphans are waited for",
        .enabled(if: geteuid() == 0, "only root can become another user"))
    func unprivilegedLong() async throws {
        let runner = try CommandRunner(unprivileged: try await UnprivilegedPrograms())
        let result = try await runner.run(
            try await holder("d+40,a4", "+30", "a4"), options: ["--wait-all", "--interval", "20ms"])
        #expect(result.status == 0)
        let peaks = result.processes.compactMap { ($0["peak_bytes"] as? NSNumber)?.uint64Value }
        #expect(peaks.contains { isNear($0, mebibytes: 40) })
        #expect(peaks.contains { isNear($0, mebibytes: 30) })
        #expect((result.number("peak_of_sum", "bytes") ?? 0) >= 70 << 20)
    }

    @Test(
        "a limit ends what wants more, the kill is told, and nothing of the cgroup stays",
        .enabled(if: isCgroupPermitted, "needs a cgroup of version 1 or 2 that may be made"))
    func limit() async throws {
        let runner = try CommandRunner()
        let result = try await runner.run(
            try await holder("+20", "a1", "+200", "a1"), options: ["--limit", "64M"])
        #expect(result.status == 9)
        #expect(result.number("exit_signal") == 9)
        #expect(result.number("cgroup", "limit_bytes") == 64 << 20)
        #expect(result.number("cgroup", "oom_kill_count") == 1)
        #expect(result.errors.contains("OOM"))
        let mark = try #require(result.number("cgroup", "peak_bytes"))
        #expect(mark > 20 << 20 && mark <= 64 << 20)
        let fine = try await runner.run(try await holder("+20"), options: ["--limit", "64M"])
        #expect(fine.status == 0 && fine.number("cgroup", "oom_kill_count") == 0)
        #expect((fine.number("cgroup", "peak_bytes") ?? 0) >= 20 << 20)
        #expect(leftCgroups() == [])
    }

    @Test(
        "a command that leaves processes behind leaves them in the cgroup that it came from",
        .enabled(if: isCgroupPermitted, "needs a cgroup of version 1 or 2 that may be made"))
    func cgroupOfLeftBehind() async throws {
        let runner = try CommandRunner()
        let result = try await runner.run(try await holder("d+1,a600"), options: ["--limit", "1G"])
        let pid = try #require(result.leftBehind.first)
        let own = try String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)
        #expect(try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8) == own)
        #expect(kill(pid, SIGKILL) == 0)
        #expect(leftCgroups() == [])
    }

    @Test(
        "where no cgroup may be made, a limit is refused and all else runs",
        .enabled(if: geteuid() == 0, "only root can become another user"))
    func refusedLimit() async throws {
        let runner = try CommandRunner(unprivileged: try await UnprivilegedPrograms())
        let refused = try await runner.run(["echo", "ran"], options: ["--limit", "64M"])
        #expect(refused.status == 125 && refused.output == "")
        #expect(refused.errors.contains("--limit needs a cgroup"))
        let plain = try await runner.run(["echo", "ran"])
        #expect(plain.status == 0 && plain.output == "ran\n")
        #expect(plain.errors.contains("none of its own"))
        #expect(plain.text("cgroup_problem") != nil)
    }

    /// Whether this user may make a memory cgroup.
    private static let isCgroupPermitted: Bool = {
        do {
            let cgroup = try TransientCgroup.make(limitBytes: 1 << 30)
            cgroup.remove()
            return true
        } catch {
            return false
        }
    }()

    /// The cgroups of commands that are there and whose launcher is not.
    private func leftCgroups() -> [String] {
        let own = FileManager.default.contents(atPath: "/proc/self/cgroup") ?? Data()
        let path =
            String(decoding: own, as: UTF8.self).split(separator: "\n")
            .first { $0.contains(":memory:") }?.split(separator: ":").last.map(String.init) ?? ""
        var names: [String] = []
        do {
            names = try FileManager.default.contentsOfDirectory(
                atPath: "/sys/fs/cgroup/memory" + path)
        } catch {
            return []
        }
        return names.filter { name in
            guard name.hasPrefix("memagent-run-"), let pid = Int32(name.dropFirst(13)) else {
                return false
            }
            return kill(pid, 0) != 0
        }
    }
}
