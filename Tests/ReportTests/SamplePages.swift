import MemoryModel
import Report

/// Pages about the subjects of the sample fleets.
enum SamplePages {
    /// The pages of the largest run, its host and its program; none for a fleet without runs.
    static func of(_ fleet: SampleFleet) -> [(name: String, view: any FleetView)] {
        guard let run = fleet.largestRun,
            let host = fleet.hosts.first(where: { $0.id == run.host })
        else { return [] }
        return [
            ("show-run", page(of: run, in: fleet)), ("show-host", page(of: host, in: fleet)),
            ("show-program", page(ofProgram: run.record.description.program, in: fleet)),
        ]
    }

    /// The page of a host with all that the fleet tells of it.
    static func page(
        of host: ReportedHost, in fleet: SampleFleet, watched: WatchedTime? = nil
    ) -> HostPage {
        var facts = HostPage.Facts()
        facts.watched = watched
        facts.runs = fleet.runs.filter { $0.host == host.id }
        facts.folds = fleet.folds.filter { $0.host == host.id }
        facts.hourly = fleet.totals.filter {
            $0.host == host.id && $0.subject.kind == .hostUsed
        }
        facts.moment = facts.hourly.max { $0.peak < $1.peak }
        facts.momentRuns = Dictionary(
            facts.runs.map { ($0.key, $0.record) }, uniquingKeysWith: { $1 })
        facts.cgroups = fleet.cgroups.filter { $0.host == host.id }
        facts.kills = fleet.kills.filter { $0.host == host.id }
        facts.gaps = fleet.gapSummary
        return HostPage(
            host: host, facts: facts, query: SubjectQuery(host.id.text),
            nowMilliseconds: SampleFleet.now)
    }

    /// The page of a program with all that the fleet tells of it.
    static func page(
        ofProgram program: RawText, in fleet: SampleFleet, history: [HistoryPoint]? = nil
    ) -> ProgramPage {
        var facts = ProgramPage.Facts(hosts: fleet.hosts)
        facts.runs = fleet.runs.filter { $0.record.description.program == program }
        facts.folds = fleet.folds.filter { $0.fold.subject.program == program }
        facts.kills = fleet.kills.filter { $0.run?.description.program == program }
        facts.history = history
        facts.gaps = fleet.gapSummary
        return ProgramPage(
            program: program, facts: facts, query: SubjectQuery("", kind: .program),
            nowMilliseconds: SampleFleet.now)
    }

    /// The page of a run with all that the fleet tells of it.
    static func page(of run: ReportedRun, in fleet: SampleFleet) -> RunPage {
        var facts = RunPage.Facts(hosts: fleet.hosts)
        var run = run
        let program = run.record.description.program
        facts.siblings = fleet.runs.filter { $0.record.description.program == program }
        facts.parent = fleet.runs.first { $0.host == run.host && $0.key != run.key }
        run.record.description.parentPid = facts.parent?.record.key.pid
        facts.kills = fleet.kills.filter { $0.runKey == run.key }
        facts.cgroups = fleet.cgroups.filter {
            $0.host == run.host && $0.record.key.path == run.record.description.cgroup
        }
        facts.hostMoment = fleet.totals.first {
            $0.host == run.host && $0.subject.kind == .hostUsed
        }
        facts.gaps = fleet.gapSummary
        let query = SubjectQuery(run.key.shortID, kind: .run)
        facts.history = history(
            of: run.record.peak?.bytes ?? 0,
            in: run.shownRange(query, nowMilliseconds: SampleFleet.now))
        return RunPage(
            run: run, facts: facts, query: query, nowMilliseconds: SampleFleet.now)
    }

    /// Minutes that rise in two steps up to `bytes`; a tenth of them was not watched, and of
    /// another tenth only bounds are known.
    static func history(of bytes: UInt64, in range: ClosedRange<Int64>) -> [HistoryPoint] {
        let minute = WindowLength.minute
        let first = minute.start(of: range.lowerBound)
        let count = min(max((range.upperBound - first) / minute.milliseconds, 1), 2_000)
        return (0...count).map { index in
            let part = index * 20 / (count + 1)
            let isWatched = part / 2 != 3
            let share: UInt64 = part < 3 ? 2 : part < 14 ? 10 : 18
            let least = bytes / 20 * share
            let most = [16, 17].contains(part) ? bytes : least
            return HistoryPoint(
                startsAtMilliseconds: first + index * minute.milliseconds, length: minute,
                window: isWatched
                    ? Window(
                        atLeastBytes: part == 19 ? bytes : least,
                        atMostBytes: part == 19 ? bytes : most) : nil,
                isWatched: isWatched)
        }
    }
}

extension SampleFleet {
    /// The run with the largest peak; nil without runs.
    var largestRun: ReportedRun? {
        runs.max { ($0.record.peak?.bytes ?? 0) < ($1.record.peak?.bytes ?? 0) }
    }
}
