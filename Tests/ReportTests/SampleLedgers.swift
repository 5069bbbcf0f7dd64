import MemoryModel
import Report

/// Kills, cgroups and compositions of the sample fleets.
extension SampleFleet {
    /// What the runs of a host held, with one more that is not kept any more.
    func shares(ofHostAt index: Int) -> [TotalShare] {
        let shares = runs.filter { $0.host == hosts[index].id }.map {
            TotalShare(key: $0.record.key, residentBytes: $0.record.peak?.bytes ?? 0)
        }
        let lost = TotalShare(key: ProcessKey(pid: 99, startTicks: 1), residentBytes: 3 << 20)
        return shares.sorted { $0.residentBytes > $1.residentBytes } + [lost]
    }

    /// A kill on the host at `index`, `ago` seconds before now; nil where its time is not known.
    mutating func addKill(
        _ index: Int, ago: Int64?, evidence: KillEvidence,
        _ change: (inout OutOfMemoryKill) -> Void
    ) {
        var kill = OutOfMemoryKill(atMilliseconds: Int64(kills.count), evidence: evidence)
        change(&kill)
        let host = hosts[index]
        let run = runs.first { $0.host == host.id && $0.record.key == kill.run }
        kills.append(
            ReportedKill(
                host: host.id, hostName: host.description.name, boot: SampleFleet.boot, kill: kill,
                atMilliseconds: ago.map { SampleFleet.now - $0 * 1_000 }, run: run?.record))
    }

    mutating func addUsualKills() {
        let digits = String(repeating: "0123456789abcdef", count: 4)
        addKill(1, ago: 9_005, evidence: [.kernelLog, .killedByExitRecord]) { kill in
            kill.pid = 30_902
            kill.run = ProcessKey(pid: 30_902, startTicks: 3_090_200)
            kill.comm = "python3"
            kill.constraint = .host
            kill.limitBytes = 64 << 30
            kill.residentBytes = 62_901 << 20
            kill.lastPeakBytes = 62_400 << 20
        }
        addKill(0, ago: 80_000, evidence: [.kernelLog, .cgroupEvents]) { kill in
            kill.pid = 4_411
            kill.comm = "node"
            kill.constraint = .cgroup
            kill.limitCgroup = RawText("/system.slice/docker-\(digits).scope")
            kill.cgroup = kill.limitCgroup
            kill.limitBytes = 512 << 20
            kill.residentBytes = 511 << 20
            kill.lastPeakBytes = 498 << 20
        }
        addKill(2, ago: nil, evidence: .cgroupEvents) { kill in
            kill.cgroup = "/system.slice/billing.service"
        }
    }

    /// A cgroup of the host at `index`.
    mutating func addCgroup(
        _ index: Int, _ path: RawText, mebibytes: UInt64, _ change: (inout CgroupRecord) -> Void
    ) {
        var record = CgroupRecord(
            key: CgroupKey(path: path, inode: UInt64(cgroups.count)), version: 2)
        let at = SampleFleet.now - 7_000_000
        record.peak = CgroupPeak(
            peak: Peak(
                bytes: mebibytes << 20,
                bracket: TimeBracket(notBeforeMilliseconds: at - 5_000, notAfterMilliseconds: at),
                source: .cgroup),
            limitBytes: nil, anonymousBytes: nil, fileBytes: nil)
        record.seenAtMilliseconds = SampleFleet.now - 4_000
        change(&record)
        let host = hosts[index]
        cgroups.append(
            ReportedCgroup(
                host: host.id, hostName: host.description.name, boot: SampleFleet.boot,
                record: record, unit: nil, container: nil))
    }

    mutating func addUsualCgroups() {
        let digits = String(repeating: "0123456789abcdef", count: 4)
        addCgroup(0, "/system.slice/postgresql.service", mebibytes: 91_004) { record in
            record.peak?.anonymousBytes = 9_010 << 20
            record.peak?.fileBytes = 80_112 << 20
            record.swapPeakBytes = 12 << 20
            record.killCount = 0
        }
        addCgroup(0, RawText("/system.slice/docker-\(digits).scope"), mebibytes: 512) { record in
            record.peak?.anonymousBytes = 470 << 20
            record.peak?.fileBytes = 38 << 20
            record.peak?.limitBytes = 512 << 20
            record.limitBytes = 512 << 20
            record.killCount = 3
        }
        cgroups[1].container = RawText(digits)
        addCgroup(
            1, "/user.slice/user-1004.slice/session-12.scope", mebibytes: 63_400
        ) { record in
            record.peak?.anonymousBytes = 62_800 << 20
            record.peak?.fileBytes = 512 << 20
            record.killCount = 1
        }
        cgroups[2].unit = "session-12.scope"
        addCgroup(2, "/system.slice/billing.service", mebibytes: 5_300) { record in
            record.version = 1
            record.peak?.peak.source = .sampled
        }
        addCgroup(2, "/init.scope", mebibytes: 0) { record in record.peak = nil }
    }

    /// The names of the hosts once more, as what kills, cgroups and users are called.
    mutating func addHostileFacts() {
        for index in hosts.indices {
            let name = hosts[index].description.name
            let run = runs[index].record.key
            addKill(index, ago: Int64(index), evidence: .kernelLog) { kill in
                kill.run = run
                kill.comm = name
                kill.limitCgroup = name
                kill.cgroup = name
            }
            addCgroup(index, name, mebibytes: UInt64(index)) { _ in }
            cgroups[index].unit = name
            cgroups[index].container = name
            addTotal(
                index, .hostUsed, mebibytes: 9_000, ago: 100, shares: shares(ofHostAt: index))
        }
    }
}
