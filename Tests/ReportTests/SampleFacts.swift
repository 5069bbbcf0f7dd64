import MemoryModel
import Report

extension AgentSources {
    /// What an agent with privileges has.
    static let privileged: AgentSources = [
        .exitRecords, .processEvents, .batchedMarks, .kernelLog, .cgroupVersion2,
    ]
}

/// What is known of the usual fleet beside its runs.
extension SampleFleet {
    /// An agent that has run for a day.
    static func health(
        cpuSeconds: UInt64, residentMebibytes: UInt64, runs: UInt64, sources: AgentSources,
        intervalMilliseconds: UInt32 = 1_000
    ) -> AgentHealth {
        var health = AgentHealth(
            atMilliseconds: now - 2_000, startedAtMilliseconds: now - 86_402_000)
        health.processorMilliseconds = cpuSeconds * 1_000
        health.residentBytes = residentMebibytes << 20
        health.anonymousBytes = 3_355_443
        health.peakBytes = (residentMebibytes + 1) << 20
        health.askedIntervalMilliseconds = 1_000
        health.intervalMilliseconds = intervalMilliseconds
        health.lookMicroseconds = 4_812
        health.longestLookMicroseconds = 31_004
        health.runCount = runs
        health.sources = sources
        return health
    }

    /// What was missed in the last 24 hours.
    var gapSummary: GapSummary {
        GapSummary(
            gaps, sinceMilliseconds: SampleFleet.now - 86_400_000,
            untilMilliseconds: SampleFleet.now)
    }

    /// A total of the host at `index`, its peak `ago` seconds before now.
    mutating func addTotal(
        _ index: Int, _ kind: TotalKind, _ name: RawText = "", mebibytes: UInt64, ago: Int64,
        runs: UInt64 = 12, shares: [TotalShare] = []
    ) {
        let at = SampleFleet.now - ago * 1_000
        let hour = ReportedTotal.hourLengthMilliseconds
        totals.append(
            ReportedTotal(
                host: hosts[index].id, boot: SampleFleet.boot,
                subject: TotalSubject(kind: kind, name: name), hourMilliseconds: at / hour * hour,
                peak: TotalPeak(
                    bytes: mebibytes << 20, atMilliseconds: at, runCount: runs,
                    composition: shares)))
    }

    /// The usual fleet as agents without any of this report it.
    static func withoutFacts() -> SampleFleet {
        var fleet = usualRuns()
        for index in fleet.hosts.indices { fleet.hosts[index].health = nil }
        for index in fleet.runs.indices {
            fleet.runs[index].record.current?.proportionalBytes = nil
        }
        return fleet
    }

    /// The usual fleet with sums and gaps.
    static func usual() -> SampleFleet {
        var fleet = usualRuns()
        for index in fleet.hosts.indices {
            fleet.hosts[index].storeBytes = UInt64(4_000_000 - index * 1_100_000)
        }
        let train = "/user.slice/user-1004.slice/session-12.scope" as RawText
        for (index, used, resident, ago) in [
            (0, 99_800, 83_102, 8_000), (1, 65_011, 64_890, 9_006), (1, 40_001, 39_000, 400),
            (2, 9_100, 7_100, 85_000),
        ] as [(Int, UInt64, UInt64, Int64)] {
            fleet.addTotal(index, .host, mebibytes: resident, ago: ago)
            fleet.addTotal(
                index, .hostUsed, mebibytes: used, ago: ago, runs: 310,
                shares: fleet.shares(ofHostAt: index))
        }
        fleet.addTotal(0, .user, "postgres", mebibytes: 82_891, ago: 8_000)
        fleet.addTotal(0, .program, "postgres", mebibytes: 82_891, ago: 8_000)
        fleet.addTotal(0, .user, "backup", mebibytes: 912, ago: 38_220)
        fleet.addTotal(1, .user, "mei", mebibytes: 63_120, ago: 9_006)
        fleet.addTotal(1, .program, "python3 train.py", mebibytes: 63_002, ago: 9_006)
        fleet.addTotal(1, .cgroup, train, mebibytes: 63_002, ago: 9_006)
        fleet.addTotal(2, .user, "billing", mebibytes: 5_233, ago: 86_500)
        fleet.addUsualKills()
        fleet.addUsualCgroups()
        fleet.gaps = [
            ReportedGap(
                host: fleet.hosts[1].id,
                gap: Gap(
                    ordinal: 0, reason: .exitRecordsLost,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: now - 9_000_000,
                        notAfterMilliseconds: now - 8_999_000), missedCount: 14)),
            ReportedGap(
                host: fleet.hosts[2].id,
                gap: Gap(
                    ordinal: 0, reason: .agentDown,
                    bracket: TimeBracket(
                        notBeforeMilliseconds: now - 50_000_000,
                        notAfterMilliseconds: now - 42_800_000), missedCount: 4_031)),
        ]
        return fleet
    }
}
