import MemoryModel
import Testing

@testable import ProcessSampler

/// Lines as several kernels write them; each kernel's, one after the other, are one kill.
enum KernelLogCorpus {
    static let linux3 = [
        "eater invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
        "eater cpuset=/ mems_allowed=0",
        "Task in /slurm/uid_7/job_9 killed as a result of limit of /slurm/uid_7",
        "memory: usage 10240kB, limit 10240kB, failcnt 1391",
        "memory+swap: usage 10240kB, limit 9007199254740991kB, failcnt 0",
        "kmem: usage 0kB, limit 9007199254740991kB, failcnt 0",
        "Memory cgroup stats for /slurm/uid_7: cache:0KB rss:10240KB",
        "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        "[ 4321]     7  4321    53571     2602      28        0             0 eater",
        "Memory cgroup out of memory: Kill process 4321 (eater) score 921 or sacrifice child",
        "Killed process 4321 (eater) total-vm:214284kB, anon-rss:9780kB, file-rss:628kB",
    ]
    static let redHat7 = [
        "Out of memory: Kill process 77 (java) score 500 or sacrifice child",
        "Killed process 78 (sh), UID 1000, total-vm:100kB, anon-rss:10kB, file-rss:2kB, "
            + "shmem-rss:1kB",
    ]
    static let linux5 = [
        "eater invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,"
            + "global_oom,task_memcg=/user.slice,task=eater,pid=99,uid=1000",
        "Out of memory: Killed process 99 (eater) total-vm:200kB, anon-rss:100kB, file-rss:0kB, "
            + "shmem-rss:4kB, UID:1000 pgtables:72kB oom_score_adj:0",
        "oom_reaper: reaped process 99 (eater), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
    ]
    static let linux6 = [
        "python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "CPU: 2 UID: 0 PID: 11067 Comm: python3 Not tainted 6.18.44 #1 PREEMPT(none) ",
        "memory: usage 32768kB, limit 32768kB, failcnt 76",
        "memory+swap: usage 32768kB, limit 9007199254740988kB, failcnt 0",
        "Memory cgroup stats for /a:",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
            + "oom_memcg=/a,task_memcg=/a/inner,task=python3,pid=11067,uid=0",
        "Memory cgroup out of memory: Killed process 11067 (python3) total-vm:222760kB, "
            + "anon-rss:40196kB, file-rss:3648kB, shmem-rss:0kB, UID:0 pgtables:144kB "
            + "oom_score_adj:0",
    ]

    /// A text as the log's reader hands it on.
    static func line(_ text: String) -> KernelLogLine? { KernelLogText.parse(Array(text.utf8)) }
}

@Suite struct KernelLogTextTests {
    @Test("Linux 3.10: cgroup, limit, choice and kill are on lines of their own")
    func linux3() {
        #expect(
            KernelLogCorpus.linux3.compactMap(KernelLogCorpus.line) == [
                .invoked,
                .limitReached(victimCgroup: "/slurm/uid_7/job_9", limitCgroup: "/slurm/uid_7"),
                .limit(bytes: 10_240 << 10), .chosen(pid: 4_321, constraint: .cgroup),
                .killed(
                    .init(
                        pid: 4_321, comm: "eater", residentBytes: 10_408 << 10, constraint: nil)),
            ])
    }

    @Test("A distribution's kernel: the user beside the name, and a child in its parent's stead")
    func redHat7() {
        #expect(
            KernelLogCorpus.redHat7.compactMap(KernelLogCorpus.line) == [
                .chosen(pid: 77, constraint: .host),
                .killed(
                    .init(pid: 78, comm: "sh", residentBytes: 13 << 10, constraint: nil)),
            ])
    }

    @Test("Linux 5: the summary of a kill for want of the host's memory")
    func linux5() {
        #expect(
            KernelLogCorpus.linux5.compactMap(KernelLogCorpus.line) == [
                .invoked,
                .summary(
                    .init(
                        constraint: .host, limitCgroup: nil, victimCgroup: "/user.slice", pid: 99,
                        userID: 1_000)),
                .killed(
                    .init(pid: 99, comm: "eater", residentBytes: 104 << 10, constraint: .host)),
            ])
    }

    @Test("Linux 6: the summary of a kill for a cgroup's limit")
    func linux6() {
        #expect(
            KernelLogCorpus.linux6.compactMap(KernelLogCorpus.line) == [
                .invoked, .limit(bytes: 32 << 20),
                .summary(
                    .init(
                        constraint: .cgroup, limitCgroup: "/a", victimCgroup: "/a/inner",
                        pid: 11_067, userID: 0)),
                .killed(
                    .init(
                        pid: 11_067, comm: "python3", residentBytes: 43_844 << 10,
                        constraint: .cgroup)),
            ])
    }

    @Test("Nodes that are used up, an allocating victim and a whole group are told")
    func others() {
        let nodes = KernelLogCorpus.line(
            "oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=0,cpuset=x,mems_allowed=0,"
                + "task_memcg=/,task=a,pid=5,uid=1")
        guard case .summary(let summary) = nodes else {
            Issue.record("no summary")
            return
        }
        #expect(summary.constraint == .nodes && summary.victimCgroup == "/")
        #expect(
            KernelLogCorpus.line(
                "Out of memory (oom_kill_allocating_task): Killed process 5 (a) total-vm:1kB, "
                    + "anon-rss:1kB, file-rss:1kB, shmem-rss:1kB, UID:0 pgtables:1kB "
                    + "oom_score_adj:0")
                == .killed(.init(pid: 5, comm: "a", residentBytes: 3_072, constraint: .host)))
        #expect(
            KernelLogCorpus.line("Tasks in /a are going to be killed due to memory.oom.group set")
                == .groupFollows)
    }

    @Test(
        "A name that imitates the kernel's words is taken as the name it is",
        arguments: [
            ") total-vm:1kB", "a) (b", " ", "),UID 0, x", "),  UID 1,", ",pid=1,uid=0", "", "()",
        ])
    func hostileNames(_ name: String) {
        let killed =
            "Memory cgroup out of memory: Killed process 5 (\(name)) total-vm:9kB, anon-rss:8kB, "
            + "file-rss:4kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0"
        #expect(
            KernelLogCorpus.line(killed)
                == .killed(
                    .init(
                        pid: 5, comm: RawText(name), residentBytes: 12 << 10, constraint: .cgroup)))
        let summary =
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
            + "oom_memcg=/a,task_memcg=/a/b,task=\(name),pid=5,uid=6"
        #expect(
            KernelLogCorpus.line(summary)
                == .summary(
                    .init(
                        constraint: .cgroup, limitCgroup: "/a", victimCgroup: "/a/b", pid: 5,
                        userID: 6)))
    }

    @Test(
        "Where a name makes a line ambiguous, its pid stays true and its paths are left out",
        arguments: [
            ("/a,task_memcg=/x", "eater"), ("/a,task=init", "eater"), ("/a", ",task=b"),
            ("/a,oom_memcg=/z", "eater"),
        ])
    func ambiguous(cgroup: String, name: String) {
        let line = KernelLogCorpus.line(
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
                + "oom_memcg=\(cgroup),task_memcg=\(cgroup),task=\(name),pid=5,uid=6")
        guard case .summary(let summary) = line else {
            Issue.record("no summary")
            return
        }
        #expect(summary.pid == 5 && summary.userID == 6)
        #expect(summary.limitCgroup == nil)
        #expect(summary.victimCgroup == nil || summary.victimCgroup == RawText(cgroup))
    }

    @Test(
        "Lines about something else, cut off or out of range are nothing",
        arguments: [
            "", "Killed process", "Killed process 5", "Killed process 5 (a)",
            "Killed process x (a) total-vm:1kB", "Killed process 0 (a) total-vm:1kB",
            "Killed process 99999999999 (a) total-vm:1kB",
            "usb 1-1: Killed process 5 (a) total-vm:1kB",
            "Killed process 5 (a name of more than 15) total-vm:1kB", "oom-kill:",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),pid=,uid=",
            "oom-kill:constraint=CONSTRAINT_NONE,pid=5,uid=-1",
            "Out of memory: OOM victim 5 (a) is already exiting. Skip killing the task",
            "Memory cgroup out of memory: OOM victim 5 (a) is already exiting.",
            "Task in a killed as a result of limit of b", "memory: usage 1kB, limit",
            "process '/x/oom-kill:constraint=CONSTRAINT_NONE,pid=1,uid=0' started",
            "Out of memory and no killable processes...",
            "Kill process 5 (a) score 1 or sacrifice child",
        ])
    func others(_ text: String) {
        #expect(KernelLogCorpus.line(text) == nil)
    }
}
