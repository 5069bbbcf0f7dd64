import MemoryModel
import Testing

@testable import ProcessSampler

/// A correlator with the words in which tests speak to it.
struct KillStory {
    var correlator: KillCorrelator
    private var sequence: UInt64 = 0

    init(local: Bool = false, maximumKills: Int = 1_024) {
        correlator = KillCorrelator(
            hostMemoryBytes: 8 << 30, countsAreLocal: local, maximumKills: maximumKills)
    }

    /// The lines of the log, all read at `now`, stamped `at`.
    mutating func log(
        _ lines: [String], _ now: Int64, at: Int64? = nil, backlog: Bool = false,
        process: (Int32) -> FollowedProcess? = { _ in nil }
    ) {
        for line in lines.compactMap(KernelLogCorpus.line) {
            sequence += 1
            correlator.log(
                KernelLogEvent(
                    sequence: sequence, atMilliseconds: at ?? now, readAtMilliseconds: now,
                    isBacklog: backlog, line: line),
                process: process)
        }
    }

    /// A look at cgroups with their counts.
    mutating func look(_ counts: [(String, UInt64)], _ now: Int64, inode: UInt64 = 1) {
        correlator.observed(
            counts.map {
                var seen = CgroupObservation(path: RawText($0.0), inode: inode, version: 2)
                seen.killCount = $0.1
                seen.limitBytes = 5_000
                return seen
            }, atMilliseconds: now)
    }

    mutating func end(_ pid: Int32, _ cgroup: String?, _ now: Int64, signal: Int32? = 9) {
        correlator.ended(Self.process(pid, cgroup), signal: signal, atMilliseconds: now)
    }

    mutating func take(_ now: Int64) -> [OutOfMemoryKill] {
        correlator.take(atMilliseconds: now)
    }

    static func process(_ pid: Int32, _ cgroup: String?) -> FollowedProcess {
        FollowedProcess(
            run: ProcessKey(pid: pid, startTicks: 7), cgroup: cgroup.map { RawText($0) },
            peakBytes: 1_000)
    }

    /// The lines of a kill in a cgroup, without the report that the kernel may leave out.
    static func killed(_ pid: Int32) -> String {
        "Memory cgroup out of memory: Killed process \(pid) (x) total-vm:9kB, anon-rss:4kB, "
            + "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0"
    }
}

@Suite struct KillCorrelatorTests {
    @Test("Log, count and exit of one kill are one kill, at once and with all that they say")
    func everything() throws {
        var story = KillStory()
        story.look([("/a", 4), ("/a/inner", 0)], 1_000)
        story.log(KernelLogCorpus.linux6, 2_000, at: 1_990)
        story.look([("/a", 5), ("/a/inner", 1)], 2_000)
        #expect(story.take(2_000).isEmpty)
        story.end(11_067, "/a/inner", 2_010)
        let kills = story.take(2_010)
        var expected = OutOfMemoryKill(
            atMilliseconds: 1_990, evidence: [.kernelLog, .cgroupEvents, .killedByExitRecord])
        expected.pid = 11_067
        expected.run = ProcessKey(pid: 11_067, startTicks: 7)
        expected.comm = "python3"
        expected.constraint = .cgroup
        expected.limitCgroup = "/a"
        expected.limitBytes = 32 << 20
        expected.cgroup = "/a/inner"
        expected.residentBytes = 43_844 << 10
        expected.lastPeakBytes = 1_000
        #expect(kills == [expected])
        #expect(story.take(60_000).isEmpty)
    }

    @Test("The order in which count, exit and line become known makes no difference")
    func orders() {
        let steps: [(inout KillStory) -> Void] = [
            { $0.log(KernelLogCorpus.linux6, 2_000) },
            { $0.look([("/a", 1), ("/a/inner", 1)], 2_000) },
            { $0.end(11_067, "/a/inner", 2_000) },
        ]
        var results: Set<[OutOfMemoryKill]> = []
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            var story = KillStory()
            story.look([("/a", 0), ("/a/inner", 0)], 1_000)
            for step in order { steps[step](&story) }
            let kills = story.take(2_100)
            #expect(kills.count == 1 && kills.first?.evidence.rawValue == 7, "\(order)")
            results.insert(kills)
            #expect(story.take(9_000).isEmpty, "\(order)")
        }
        #expect(results.count == 1)
    }

    @Test("Before Linux 5.0 the cgroups are those of the chosen process, not of its child")
    func linux3() {
        var story = KillStory()
        story.log(KernelLogCorpus.linux3, 1_000)
        story.log(KernelLogCorpus.redHat7, 1_000)
        let kills = story.take(4_000)
        #expect(kills.map(\.pid) == [78, 4_321])
        #expect(kills.map(\.constraint) == [.host, .cgroup])
        #expect(kills.map(\.limitBytes) == [8 << 30, 10_240 << 10])
        #expect(kills.map(\.limitCgroup) == [nil, "/slurm/uid_7"])
        #expect(kills.map(\.cgroup) == [nil, "/slurm/uid_7/job_9"])
    }

    @Test("A victim that ends late makes the same kill known again, with its run")
    func lateExit() {
        var story = KillStory()
        story.log(KernelLogCorpus.linux5, 1_000, at: 900)
        let first = story.take(4_000)
        #expect(first.count == 1 && first.first?.run == nil)
        story.end(99, "/user.slice", 30_000)
        let second = story.take(30_000)
        #expect(second.map(\.atMilliseconds) == [900] && second.map(\.pid) == [99])
        #expect(second.first?.run?.pid == 99)
        #expect(second.first?.evidence == [.kernelLog, .killedByExitRecord])
        #expect(story.take(31_000).isEmpty)
    }

    @Test("An exit by another signal, of another pid or long after is no evidence")
    func otherExits() {
        var story = KillStory()
        story.end(99, "/user.slice", 0)
        story.log(KernelLogCorpus.linux5, 20_000)
        story.end(99, "/user.slice", 20_100, signal: 11)
        story.end(98, "/user.slice", 20_100)
        story.end(99, "/user.slice", 90_000)
        #expect(story.take(90_000).map(\.evidence) == [.kernelLog])
    }

    @Test("A process that is followed lends its run to a new line, but not to one of long ago")
    func followed() {
        var story = KillStory()
        story.log(
            KernelLogCorpus.linux5, 50_000, at: 1_000, backlog: true,
            process: { KillStory.process($0, "/x") })
        let old = story.take(50_000)
        #expect(old.map(\.atMilliseconds) == [1_000] && old.first?.run == nil)
        story.log(KernelLogCorpus.linux6, 50_000, process: { KillStory.process($0, "/x") })
        let new = story.take(53_000)
        #expect(new.first?.run?.pid == 11_067 && new.first?.lastPeakBytes == 1_000)
        #expect(new.first?.cgroup == "/a/inner" && new.first?.evidence == .kernelLog)
    }

    @Test("The log read anew by another agent gives the same kills")
    func restart() {
        var first = KillStory()
        first.log(KernelLogCorpus.linux6, 2_000, at: 1_990)
        var second = KillStory()
        second.log(KernelLogCorpus.linux6, 900_000, at: 1_990, backlog: true)
        let kills = first.take(5_000)
        #expect(kills.count == 1 && kills == second.take(900_000))
    }

    @Test("Without a log, a count that rose and one SIGKILL in the cgroup are a kill")
    func countAlone() {
        var story = KillStory()
        story.look([("/a", 7), ("/b", 0)], 1_000)
        story.end(50, "/a/inner", 1_500)
        story.end(51, "/b", 1_500)
        story.end(52, "/a", 1_500, signal: 15)
        story.look([("/a", 8), ("/b", 0)], 2_000)
        #expect(story.take(4_999).isEmpty)
        let kills = story.take(5_000)
        #expect(kills.map(\.pid) == [50] && kills.first?.run?.pid == 50)
        #expect(kills.first?.evidence == [.cgroupEvents, .killedByExitRecord])
        #expect(kills.first?.cgroup == "/a/inner" && kills.first?.atMilliseconds == 2_000)
        #expect(kills.first?.constraint == nil && kills.first?.limitBytes == nil)
        #expect(story.take(9_000).isEmpty)
    }

    @Test("Of more SIGKILLs than kills none is taken for the victim; as many as kills are all")
    func severalExits() {
        var story = KillStory()
        story.look([("/a", 0), ("/b", 0)], 1_000)
        for pid in 1...3 { story.end(Int32(pid), "/a", 1_500) }
        for pid in 4...5 { story.end(Int32(pid), "/b", 1_500) }
        story.look([("/a", 1), ("/b", 2)], 2_000)
        let kills = story.take(5_000)
        #expect(kills.filter { $0.cgroup == "/a" }.map(\.run) == [nil])
        #expect(kills.filter { $0.cgroup == "/b" }.compactMap(\.pid).sorted() == [4, 5])
        #expect(kills.count == 3)
    }

    @Test("A count as first read, of a cgroup made anew, or one that fell is no kill")
    func bases() {
        var story = KillStory()
        story.look([("/a", 3)], 1_000)
        story.look([("/a", 2)], 2_000)
        story.look([("/a", 9)], 3_000, inode: 2)
        story.look([("/b", 9)], 3_000)
        #expect(story.take(9_000).isEmpty)
        story.look([("/a", 10)], 4_000, inode: 2)
        #expect(story.take(9_000).count == 1)
    }

    @Test("Counts of whole subtrees tell each kill once, though every level says it")
    func subtrees() {
        var story = KillStory()
        story.look([("/a", 0), ("/a/b", 0), ("/a/c", 0)], 1_000)
        story.look([("/a", 3), ("/a/b", 1), ("/a/c", 1)], 2_000)
        #expect(story.take(5_000).compactMap(\.cgroup).sorted() == ["/a", "/a/b", "/a/c"])
        // The levels are not read in one instant: what the upper one says first is not another.
        story.look([("/a", 4), ("/a/b", 1), ("/a/c", 1)], 6_000)
        story.look([("/a", 4), ("/a/b", 2), ("/a/c", 1)], 7_000)
        #expect(story.take(10_000).map(\.cgroup) == ["/a/b"])
        story.look([("/a", 4), ("/a/b", 3), ("/a/c", 1)], 11_000)
        story.look([("/a", 5), ("/a/b", 3), ("/a/c", 1)], 12_000)
        #expect(story.take(20_000).map(\.cgroup) == ["/a/b"])
    }

    @Test("Counts that leave out the cgroups below are kills of their own")
    func localCounts() {
        var story = KillStory(local: true)
        story.look([("/a", 0), ("/a/b", 0)], 1_000)
        story.end(50, "/a/b", 1_500)
        story.look([("/a", 1), ("/a/b", 1)], 2_000)
        let kills = story.take(5_000)
        #expect(kills.map(\.pid) == [nil, 50] && kills.map(\.cgroup) == ["/a", "/a/b"])
    }

    @Test("A cgroup that went with its victim is known by the count above it")
    func vanishedCgroup() {
        var story = KillStory()
        story.look([("/docker", 0), ("/docker/ab", 0)], 1_000)
        story.end(50, "/docker/ab", 1_500)
        story.look([("/docker", 1)], 2_000)
        #expect(story.take(5_000).map(\.pid) == [50])
    }

    @Test("A line that names no cgroup and a count that rose are one kill")
    func unplacedLine() {
        for isLineFirst in [true, false] {
            var story = KillStory()
            story.look([("/a", 0)], 1_000)
            if isLineFirst { story.log([KillStory.killed(5)], 2_000) }
            story.look([("/a", 1)], 2_000)
            if !isLineFirst { story.log([KillStory.killed(5)], 2_500) }
            let kills = story.take(6_000)
            #expect(kills.map(\.evidence) == [[.kernelLog, .cgroupEvents]])
            #expect(kills.map(\.pid) == [5])
        }
    }

    @Test(
        "A whole group that is killed: each once, all with the limit, the first though twice told")
    func group() {
        var story = KillStory()
        story.look([("/a", 0), ("/a/inner", 0)], 1_000)
        story.log(
            KernelLogCorpus.linux6
                + [
                    "Tasks in /a are going to be killed due to memory.oom.group set",
                    KernelLogCorpus.linux6.last ?? "", KillStory.killed(8), KillStory.killed(9),
                ], 2_000, process: { KillStory.process($0, $0 == 8 ? "/a/inner" : "/a") })
        story.look([("/a", 4), ("/a/inner", 3)], 2_000)
        let kills = story.take(5_000)
        #expect(kills.map(\.pid) == [8, 9, 11_067])
        #expect(kills.allSatisfy { $0.limitCgroup == "/a" && $0.limitBytes == 32 << 20 })
        #expect(kills.map(\.cgroup) == ["/a/inner", "/a", "/a/inner"])
        #expect(story.take(70_000).isEmpty)
    }

    @Test("A kill whose report the kernel left out does not take the one before for its own")
    func withoutReport() {
        var story = KillStory()
        story.log(KernelLogCorpus.linux6 + [KillStory.killed(8)], 2_000)
        let second = story.take(5_000).first { $0.pid == 8 }
        #expect(second?.constraint == .cgroup && second?.residentBytes == 4_096)
        #expect(second?.limitCgroup == nil && second?.limitBytes == nil && second?.cgroup == nil)
    }

    @Test("A victim whose leader has ended before is named by its thread group")
    func leaderless() {
        var story = KillStory()
        let lines = KernelLogCorpus.linux6.map {
            $0.hasPrefix("Memory cgroup out") ? KillStory.killed(11_070) : $0
        }
        story.log(lines, 2_000)
        #expect(story.take(5_000).map(\.pid) == [11_067])
    }

    @Test("Floods of lines, exits and counts stay bounded and are counted")
    func bounds() {
        var story = KillStory(maximumKills: 64)
        story.look([("/a", 0)], 1_000)
        for pid in 1...5_000 { story.end(Int32(pid), "/b", 1_500) }
        story.look([("/a", 1 << 40)], 2_000)
        #expect(story.correlator.droppedExitCount > 0)
        let dropped = story.correlator.droppedCount
        let kills = story.take(5_000).count
        #expect(kills > 0 && UInt64(kills) + dropped == 1 << 40)
        for pid in 1...200 { story.log([KillStory.killed(Int32(pid))], 6_000) }
        #expect(story.take(9_000).count + Int(story.correlator.droppedCount - dropped) == 200)
        for pid in 10_001...10_200 {
            story.log([KillStory.killed(Int32(pid))], 900_000, at: 10_000, backlog: true)
        }
        #expect(story.take(900_000).count == 200)
    }
}
