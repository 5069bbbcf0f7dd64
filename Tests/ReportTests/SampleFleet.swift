import MemoryModel
import Report

/// Hosts and runs as a small company has them, always the same.
struct SampleFleet {
    var hosts: [ReportedHost] = []
    var runs: [ReportedRun] = []
    var totals: [ReportedTotal] = []
    var gaps: [ReportedGap] = []
    var kills: [ReportedKill] = []
    var cgroups: [ReportedCgroup] = []
    var folds: [ReportedFold] = []

    /// 2026-11-22T13:03:22Z, a Sunday.
    static let now: Int64 = 1_795_352_602_000
    static let boot = BootID(high: 0x1234_5678_9ABC_DEF0, low: 0x0FED_CBA9_8765_4321)

    /// What a sampled process is; everything not said is as with most processes.
    struct Sample {
        var pid: Int32
        var program: RawText
        var user: RawText = "root"
        var residentMebibytes: UInt64 = 0
        var peakMebibytes: UInt64
        var source = PeakSource.hwm
        /// Seconds before now.
        var startedAgo: Int64 = 86_400
        var peakAgo: Int64 = 3_600
        var endedAgo: Int64?
        var exitCode: Int32?
        var exitSignal: Int32?
        var inheritedMebibytes: UInt64?
        var cpuSeconds: UInt64 = 60
        var cgroup: RawText? = "/system.slice"
        var command: RawText?
        var flags: RunFlags = []
        var fileMebibytes: UInt64?
        var proportionalMebibytes: UInt64?
    }

    @discardableResult
    mutating func addHost(
        _ id: String, name: RawText? = nil, state: HostState = .up, silence: Int64 = 1_000,
        memoryGibibytes: UInt64 = 32, availableMebibytes: UInt64? = 9_700,
        labels: [HostLabel] = [], restrictions: ViewRestrictions = [],
        counters: [CounterReason: UInt64] = [:], health: AgentHealth? = nil
    ) -> HostID? {
        guard let host = HostID(id) else { return nil }
        let description = HostDescription(
            name: name ?? RawText(id), kernelRelease: "6.12.9-amd64",
            memoryTotalBytes: memoryGibibytes << 30, swapTotalBytes: 0, processorCount: 16,
            ticksPerSecond: 100, wallMinusBootMilliseconds: 0, intervalMilliseconds: 1_000,
            restrictions: restrictions, labels: labels)
        hosts.append(
            ReportedHost(
                id: host, description: description, agentVersion: "0.1.0", state: state,
                lastHeardAtMilliseconds: SampleFleet.now - silence,
                memoryAvailableBytes: availableMebibytes.map { $0 << 20 }, counters: counters,
                health: health))
        return host
    }

    /// A run on the host that was added last.
    mutating func addRun(_ sample: Sample) {
        guard let host = hosts.last else { return }
        runs.append(
            ReportedRun(
                host: host.id, hostName: host.description.name, labels: host.description.labels,
                boot: SampleFleet.boot,
                record: SampleFleet.record(sample)))
    }

    /// Folded runs on the host that was added last, one for each peak.
    mutating func addFold(
        _ program: RawText, user: RawText? = "root", cgroup: RawText? = "/system.slice",
        peaksMebibytes: [UInt64], endedAgo: Int64 = 600, killCount: UInt64 = 0
    ) {
        guard let host = hosts.last else { return }
        let end = SampleFleet.now - endedAgo * 1_000
        let bracket = TimeBracket(
            notBeforeMilliseconds: end - 60_000, notAfterMilliseconds: end)
        var fold = Fold(
            ordinal: UInt64(folds.count),
            subject: FoldSubject(program: program, user: user, cgroup: cgroup))
        fold.runCount = UInt64(peaksMebibytes.count)
        fold.bracket = bracket
        fold.processorMilliseconds = fold.runCount * 10
        fold.killCount = killCount
        for peak in peaksMebibytes {
            fold.histogram.add(bytes: peak << 20)
            fold.sumOfPeaksBytes += peak << 20
            fold.peak = Peak.merged(
                fold.peak, Peak(bytes: peak << 20, bracket: bracket, source: .exit))
        }
        folds.append(
            ReportedFold(
                host: host.id, hostName: host.description.name, labels: host.description.labels,
                boot: SampleFleet.boot, fold: fold))
    }

    static func record(_ sample: Sample) -> RunRecord {
        let comm = sample.program.clamped(toBytes: 15)
        var description = RunDescription(program: sample.program, comm: comm)
        description.user = sample.user
        description.cgroup = sample.cgroup
        description.command = sample.command
        if let file = sample.program.bytes.split(separator: UInt8(ascii: " ")).first {
            description.executable = RawText(Array("/usr/bin/".utf8) + file)
        }
        description.unit = sample.cgroup.flatMap { path in
            path.bytes.split(separator: UInt8(ascii: "/")).last.map { RawText(Array($0)) }
        }
        description.startedAtMilliseconds = now - sample.startedAgo * 1_000
        description.inheritedBytes = sample.inheritedMebibytes.map { $0 << 20 }
        var record = RunRecord(
            key: ProcessKey(pid: sample.pid, startTicks: UInt64(sample.pid) * 100),
            description: description)
        let at = now - sample.peakAgo * 1_000
        record.peak = Peak(
            bytes: sample.peakMebibytes << 20,
            bracket: TimeBracket(notBeforeMilliseconds: at - 1_000, notAfterMilliseconds: at),
            source: sample.source)
        record.processorMilliseconds = sample.cpuSeconds * 1_000
        record.flags = sample.flags
        if let endedAgo = sample.endedAgo {
            let end = now - endedAgo * 1_000
            record.end = RunEnd(
                bracket: TimeBracket(notBeforeMilliseconds: end, notAfterMilliseconds: end),
                reason: .exited, exitCode: sample.exitCode, exitSignal: sample.exitSignal)
        } else {
            record.current = CurrentUse(
                residentBytes: sample.residentMebibytes << 20, swapBytes: 0,
                fileBytes: sample.fileMebibytes.map { $0 << 20 },
                proportionalBytes: sample.proportionalMebibytes.map { $0 << 20 },
                atMilliseconds: now)
        }
        return record
    }

    /// Four hosts with their runs; one is late and one gone.
    static func usualRuns() -> SampleFleet {
        var fleet = SampleFleet()
        fleet.addHost(
            "db-01", memoryGibibytes: 128, availableMebibytes: 31_200,
            labels: [HostLabel(key: "rack", value: "b7")], counters: [.vanished: 1_204],
            health: health(
                cpuSeconds: 570, residentMebibytes: 14, runs: 310, sources: .privileged))
        fleet.addRun(
            Sample(
                pid: 811, program: "postgres", user: "postgres", residentMebibytes: 41_233,
                peakMebibytes: 44_871, startedAgo: 3_801_600, peakAgo: 41_000,
                cpuSeconds: 1_893_211, cgroup: "/system.slice/postgresql.service",
                command: "postgres -D /var/lib/postgresql/17/main"))
        fleet.addRun(
            Sample(
                pid: 20_114, program: "pg_dump", user: "backup", peakMebibytes: 912,
                startedAgo: 40_010, peakAgo: 38_220, endedAgo: 37_001, exitCode: 0,
                cpuSeconds: 1_212, cgroup: "/system.slice/pg-backup.service"))
        fleet.addRun(
            Sample(
                pid: 20_115, program: "postgres", user: "postgres", residentMebibytes: 38_020,
                peakMebibytes: 38_020, peakAgo: 8_000, inheritedMebibytes: 38_020))
        fleet.addHost(
            "ml-worker-07", memoryGibibytes: 64, availableMebibytes: 2_310,
            labels: [HostLabel(key: "gpu", value: "a100"), HostLabel(key: "rack", value: "c2")],
            counters: [.vanished: 88, .unreadable: 1, .exitRecordsLost: 31],
            health: health(
                cpuSeconds: 2_420, residentMebibytes: 19, runs: 1_205, sources: .privileged,
                intervalMilliseconds: 2_000))
        fleet.addRun(
            Sample(
                pid: 31_337, program: "python3 train.py", user: "mei", residentMebibytes: 51_400,
                peakMebibytes: 60_112, startedAgo: 8_120, peakAgo: 133, cpuSeconds: 95_112,
                cgroup: "/user.slice/user-1004.slice/session-12.scope",
                command: "python3 train.py --epochs 40 --data /srv/imagenet",
                fileMebibytes: 1_200, proportionalMebibytes: 50_912))
        fleet.addRun(
            Sample(
                pid: 30_902, program: "python3 train.py", user: "mei", peakMebibytes: 62_980,
                startedAgo: 20_500, peakAgo: 9_010, endedAgo: 9_005, exitSignal: 9,
                cpuSeconds: 81_002, cgroup: "/user.slice/user-1004.slice/session-12.scope",
                flags: [.peakIsFinal, .killedForMemory]))
        fleet.addRun(
            Sample(
                pid: 30_950, program: "python3 prepare.py", user: "mei", peakMebibytes: 4_211,
                source: .sampled, startedAgo: 7_300, peakAgo: 7_240, endedAgo: 7_101, exitCode: 1,
                cpuSeconds: 171))
        fleet.addHost(
            "web-01", state: .late, silence: 42_000, availableMebibytes: 24_812,
            restrictions: [.hiddenProcesses, .withoutExitRecords],
            health: health(cpuSeconds: 900, residentMebibytes: 13, runs: 150, sources: []))
        fleet.addRun(
            Sample(
                pid: 1_402, program: "java billing.jar", user: "billing",
                residentMebibytes: 5_210, peakMebibytes: 5_233, startedAgo: 950_400,
                peakAgo: 200_000, cpuSeconds: 41_121,
                cgroup: "/system.slice/billing.service", command: "java -jar billing.jar"))
        fleet.addRun(
            Sample(
                pid: 900, program: "nginx", user: "www-data", residentMebibytes: 64,
                peakMebibytes: 71, startedAgo: 950_401, peakAgo: 900_000, cpuSeconds: 8_113))
        fleet.addFold(
            "nginx", user: "www-data",
            peaksMebibytes: [3, 3, 4, 5, 5, 5, 6, 7, 8, 12])
        fleet.addFold(
            "logrotate", user: nil, cgroup: nil, peaksMebibytes: (0..<2_400).map { 1 + $0 % 3 })
        fleet.addHost(
            "web-02", state: .gone, silence: 93_600_000, availableMebibytes: 20_000,
            restrictions: [.withoutExitRecords])
        fleet.addRun(
            Sample(
                pid: 77, program: "nginx", user: "www-data", residentMebibytes: 60,
                peakMebibytes: 90, startedAgo: 1_950_401, peakAgo: 900_000, cpuSeconds: 11_113))
        return fleet
    }
}
