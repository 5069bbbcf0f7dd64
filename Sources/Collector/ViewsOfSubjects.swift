import MemoryModel
import NIOPosix
import PeakStore
import Report

/// Pages about one run, host or program.
extension Views {
    /// The most runs of one program that a page reads.
    private static let maximumSiblings = 20_000
    /// The most runs that are looked through for names like the one that was typed.
    private static let maximumNameSources = 2_000
    /// The most runs with one beginning of an id that are told apart.
    private static let maximumNamedRuns = 20
    /// The most hours of hosts that one view reads.
    private static let maximumHours = 200_000
    /// The most windows of a plot.
    private static let maximumPoints = 3_000
    /// After this an agent that reports has told of a window, in milliseconds.
    private static let untoldMilliseconds: Int64 = 120_000
    /// How far back the hour with the host's greatest use is looked for, in milliseconds: 90 days.
    private static let momentMilliseconds: Int64 = 90 * 86_400_000

    /// The page that is asked for; throws a `SubjectProblem` where it is not clear of what.
    func page(
        about query: SubjectQuery, nowMilliseconds now: Int64
    ) async throws -> any FleetView {
        try await threads.runIfActive {
            let hosts = try hosts(nowMilliseconds: now)
            let choice = try choice(for: query, hosts: hosts, now)
            switch try choice.chosen() {
            case .run(let key): return try page(of: key, query, hosts, now)
            case .host(let id): return try page(of: id, query, hosts, now)
            case .program(let name): return try page(of: name, query, hosts, now)
            }
        }
    }

    // MARK: What is meant

    private func choice(
        for query: SubjectQuery, hosts: [ReportedHost], _ now: Int64
    ) throws -> SubjectChoice {
        var choice = SubjectChoice(query, hosts: hosts)
        if query.kind == nil || query.kind == .run, let name = ShortRunID(query.word) {
            choice.runs = try runs(named: name, of: hosts)
        }
        guard query.kind == nil || query.kind == .program else { return choice }
        choice.programs = try programs(matching: Glob(exactly: RawText(query.word)))
        let isClear = !choice.runs.isEmpty || !choice.programs.isEmpty || choice.namesHost
        if !isClear {
            choice.programs = try programs(matching: SubjectChoice.programPattern(query.word))
        }
        return choice
    }

    private func runs(named name: ShortRunID, of hosts: [ReportedHost]) throws -> [ReportedRun] {
        // The fleet is read first: what it forgets meanwhile is in the store by then.
        let live = liveRuns().filter { name.matches($0.key) }
        var runs = Dictionary(live.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        for stored in try store.runs(named: name, limit: Views.maximumNamedRuns)
        where runs[stored.key] == nil {
            runs[stored.key] = reported(stored, hosts)
        }
        return Array(runs.values)
    }

    /// Programs that match, as far as few enough runs of theirs are there.
    private func programs(matching glob: Glob) throws -> Set<RawText> {
        var query = ReportQuery()
        query.program = glob
        query.includesInherited = true
        let stored = try store.runs(matching: query, limit: Views.maximumNameSources)
        let live = liveRuns().map(\.record.description.program).filter(glob.matches)
        let known = Set(stored.runs.map(\.record.description.program) + live)
        // Only where nothing else has the name is it worth to look at all folds.
        guard known.isEmpty else { return known }
        return try store.foldedPrograms(
            matching: glob, user: nil, limit: Views.maximumNameSources)
    }

    func reported(_ stored: StoredRun, _ hosts: [ReportedHost]) -> ReportedRun {
        let host = hosts.first { $0.id == stored.host }?.description
        return ReportedRun(
            host: stored.host, hostName: host?.name ?? RawText(stored.host.text),
            labels: host?.labels ?? [], boot: stored.boot, record: stored.record)
    }

    // MARK: A run

    private func page(
        of key: RunKey, _ query: SubjectQuery, _ hosts: [ReportedHost], _ now: Int64
    ) throws -> RunPage {
        guard let record = try records(of: [key])[key] else {
            throw PeakStoreError.failed(reason: "run \(key.shortID) went while it was read")
        }
        let run = reported(StoredRun(host: key.host, boot: key.boot, record: record), hosts)
        let life = run.shownRange(SubjectQuery(key.shortID), nowMilliseconds: now)
        let range = run.shownRange(query, nowMilliseconds: now)
        var facts = RunPage.Facts(hosts: hosts)
        (facts.siblings, facts.unreadSiblingCount) = try siblings(of: run, hosts)
        facts.parent = parent(of: run)
        facts.kills = try kills(of: run, in: life)
        facts.cgroups = try cgroups(of: run, in: life)
        facts.hostMoment = try hostMoment(of: run, in: life, hosts)
        facts.sections = try store.sections(of: [key])[key] ?? []
        facts.growth = try store.growth(of: [key], hasStacks: true)[key]?
            .believed(beside: record.peak)
        facts.history = try history(of: .run(key), in: range, now)
        facts.gaps = try gaps(
            of: hosts.filter { $0.id == key.host }, since: life.lowerBound,
            until: life.upperBound, now)
        return RunPage(run: run, facts: facts, query: query, nowMilliseconds: now)
    }

    /// Runs of its program: all of its own host that can be read, and the largest of all hosts.
    private func siblings(
        of run: ReportedRun, _ hosts: [ReportedHost]
    ) throws -> (runs: [ReportedRun], unreadCount: Int) {
        var query = ReportQuery()
        query.program = Glob(exactly: run.record.description.program)
        query.includesInherited = true
        let all = try runs(matching: query, of: hosts, limit: Views.maximumSiblings)
        guard all.unreadCount > 0 else { return all }
        query.host = Glob(exactly: RawText(run.host.text))
        let own = try runs(matching: query, of: hosts, limit: Views.maximumSiblings)
        return (own.runs + all.runs.filter { $0.host != run.host }, all.unreadCount)
    }

    /// The run that lives in its parent's process; nil where that began after it, as another.
    private func parent(of run: ReportedRun) -> ReportedRun? {
        guard let pid = run.record.description.parentPid else { return nil }
        return liveRuns().first { other in
            other.host == run.host && other.boot == run.boot && other.record.key.pid == pid
                && other.record.end == nil
                && other.record.key.startTicks <= run.record.key.startTicks
        }
    }

    private func kills(
        of run: ReportedRun, in life: ClosedRange<Int64>
    ) throws -> [ReportedKill] {
        guard run.record.flags.contains(.killedForMemory) else { return [] }
        // A line of the kernel's log may come a moment after the end.
        return try store.kills(
            sinceMilliseconds: life.lowerBound,
            untilMilliseconds: life.upperBound.addingReportingOverflow(60_000).partialValue,
            limit: Views.maximumFacts
        ).filter { $0.runKey == run.key }.map { kill in
            ReportedKill(
                host: kill.host, hostName: run.hostName, boot: kill.boot, kill: kill.kill,
                atMilliseconds: kill.atMilliseconds, run: run.record)
        }
    }

    private func cgroups(
        of run: ReportedRun, in life: ClosedRange<Int64>
    ) throws -> [ReportedCgroup] {
        guard let path = run.record.description.cgroup else { return [] }
        return try store.cgroups(
            sinceMilliseconds: life.lowerBound, untilMilliseconds: nil,
            limit: Views.maximumFacts
        ).filter { $0.host == run.host && $0.boot == run.boot && $0.record.key.path == path }
            .map { cgroup in
                ReportedCgroup(
                    host: cgroup.host, hostName: run.hostName, boot: cgroup.boot,
                    record: cgroup.record, unit: run.record.description.unit,
                    container: run.record.description.container)
            }
    }

    /// The greatest used memory of the run's host in its life.
    private func hostMoment(
        of run: ReportedRun, in life: ClosedRange<Int64>, _ hosts: [ReportedHost]
    ) throws -> ReportedTotal? {
        let since = max(life.lowerBound, life.upperBound - Views.momentMilliseconds)
        let range = since...life.upperBound
        let hourly = try hourlyTotals(of: .hostUsed, on: run.host, in: range)
        let moment = try moment(of: run.host, hourly, in: range, hosts)
        return moment?.boot == run.boot ? moment : nil
    }

    /// The greatest of `hourly`, with what it was made of, which is read for its hour alone.
    private func moment(
        of host: HostID, _ hourly: [ReportedTotal], in range: ClosedRange<Int64>,
        _ hosts: [ReportedHost]
    ) throws -> ReportedTotal? {
        var query = RangeQuery()
        query.sinceMilliseconds = range.lowerBound
        query.untilMilliseconds = range.upperBound
        query.host = Glob(exactly: RawText(host.text))
        guard let best = CompositionView.selected(hourly, hosts: hosts, query: query).first
        else { return nil }
        return try totals(
            of: [.hostUsed], since: best.hourMilliseconds, until: best.hourMilliseconds)?
            .first { $0.host == host && $0.hourMilliseconds == best.hourMilliseconds }
    }

    // MARK: A host

    private func page(
        of id: HostID, _ query: SubjectQuery, _ hosts: [ReportedHost], _ now: Int64
    ) throws -> HostPage {
        guard let host = hosts.first(where: { $0.id == id }) else {
            throw PeakStoreError.failed(reason: "host \(id.text) went while it was read")
        }
        let range = query.range(
            usualMilliseconds: SubjectQuery.usualHostMilliseconds, nowMilliseconds: now)
        var asked = ReportQuery()
        asked.sinceMilliseconds = range.lowerBound
        asked.untilMilliseconds = range.upperBound
        asked.host = Glob(exactly: RawText(id.text))
        var facts = HostPage.Facts()
        (facts.runs, facts.unreadRunCount) = try runs(
            matching: asked, of: hosts, limit: Views.maximumSiblings)
        facts.runs = facts.runs.filter { $0.host == id }
        facts.folds = try folds(matching: asked, of: hosts).folds.filter { $0.host == id }
        facts.hourly = try hourlyTotals(of: .hostUsed, on: id, in: range)
        facts.moment = try moment(of: id, facts.hourly, in: range, hosts)
        facts.momentRuns = try records(of: Set(facts.moment?.runKeys.map(\.key) ?? []))
        facts.cgroups = try cgroups(of: host, in: range)
        facts.kills = try kills(in: range, hosts).filter { $0.host == id }
        facts.gaps = try gaps(
            of: [host], since: range.lowerBound, until: range.upperBound, now)
        facts.watched = try (store as? any HistoryStoring)?.watchedTime(
            sinceMilliseconds: range.lowerBound, untilMilliseconds: range.upperBound)[id]
        return HostPage(host: host, facts: facts, query: query, nowMilliseconds: now)
    }

    private func cgroups(
        of host: ReportedHost, in range: ClosedRange<Int64>
    ) throws -> [ReportedCgroup] {
        let owners = cgroupOwners()
        return try store.cgroups(
            sinceMilliseconds: range.lowerBound, untilMilliseconds: range.upperBound,
            limit: Views.maximumFacts
        ).filter { $0.host == host.id }.map { cgroup in
            let owner = owners[CgroupPlace(host: host.id, path: cgroup.record.key.path)]
            return ReportedCgroup(
                host: host.id, hostName: host.description.name, boot: cgroup.boot,
                record: cgroup.record, unit: owner?.unit, container: owner?.container)
        }
    }

    private func kills(
        in range: ClosedRange<Int64>, _ hosts: [ReportedHost]
    ) throws -> [ReportedKill] {
        let names = names(of: hosts)
        let stored = try store.kills(
            sinceMilliseconds: range.lowerBound, untilMilliseconds: range.upperBound,
            limit: Views.maximumFacts)
        let runs = try records(of: Set(stored.compactMap(\.runKey)))
        return stored.map { kill in
            ReportedKill(
                host: kill.host, hostName: names[kill.host] ?? RawText(kill.host.text),
                boot: kill.boot, kill: kill.kill, atMilliseconds: kill.atMilliseconds,
                run: kill.runKey.flatMap { runs[$0] })
        }
    }

    // MARK: A program

    private func page(
        of program: RawText, _ query: SubjectQuery, _ hosts: [ReportedHost], _ now: Int64
    ) throws -> ProgramPage {
        let range = query.range(
            usualMilliseconds: SubjectQuery.usualProgramMilliseconds, nowMilliseconds: now)
        var asked = ReportQuery()
        asked.sinceMilliseconds = range.lowerBound
        asked.untilMilliseconds = range.upperBound
        asked.program = Glob(exactly: program)
        var facts = ProgramPage.Facts(hosts: hosts)
        (facts.runs, facts.unreadRunCount) = try runs(
            matching: asked, of: hosts, limit: Views.maximumRuns)
        facts.folds = try folds(matching: asked, of: hosts).folds.filter {
            $0.fold.subject.program == program
        }
        facts.kills = try kills(in: range, hosts).filter {
            $0.run?.description.program == program
        }
        facts.history = try history(of: .program(program, on: nil), in: range, now)
        facts.gaps = try gaps(
            of: hosts, since: range.lowerBound, until: range.upperBound, now)
        return ProgramPage(program: program, facts: facts, query: query, nowMilliseconds: now)
    }

    // MARK: Time

    /// The greatest figures of a host by hour, without what they were made of.
    func hourlyTotals(
        of kind: TotalKind, on host: HostID?, in range: ClosedRange<Int64>
    ) throws -> [ReportedTotal] {
        try store.hourlyTotals(
            of: kind, on: host, sinceMilliseconds: range.lowerBound,
            untilMilliseconds: range.upperBound, limit: Views.maximumHours
        ).map {
            ReportedTotal(
                host: $0.host, boot: $0.boot, subject: $0.subject,
                hourMilliseconds: $0.hourMilliseconds, peak: $0.peak)
        }
    }

    /// What `subject` held over time; nil where the store keeps no windows.
    private func history(
        of subject: HistorySubject, in range: ClosedRange<Int64>, _ now: Int64
    ) throws -> [HistoryPoint]? {
        guard let store = store as? any HistoryStoring else { return nil }
        var points = try store.history(
            of: subject, sinceMilliseconds: range.lowerBound,
            untilMilliseconds: range.upperBound.addingReportingOverflow(1).partialValue,
            length: .fitting(range, count: Views.maximumPoints), limit: Views.maximumPoints)
        // A window is told once it is over, so that the last ones are not missed but to come.
        while let last = points.last, last.window == nil, !last.isWatched,
            last.startsAtMilliseconds + last.length.milliseconds > now - Views.untoldMilliseconds
        {
            points.removeLast()
        }
        return points
    }
}

extension WindowLength {
    /// The shortest of which at most about `count` make up the range; days where none is.
    fileprivate static func fitting(_ range: ClosedRange<Int64>, count: Int) -> WindowLength {
        let (length, isTooLong) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
        guard !isTooLong else { return .day }
        return allCases.first { length / $0.milliseconds < Int64(count) } ?? .day
    }
}
