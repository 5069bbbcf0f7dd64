import MemoryModel
import NIOPosix
import PeakStore
import Report

/// Carries out what a collector is asked to change.
struct PurgeDesk: Sendable {
    let fleet: Fleet
    let store: any PeakStoring
    let committer: Committer
    /// The one thread that writes to the store.
    let thread: NIOThreadPool
    /// What removes old things; nil where the store cannot.
    var prune: PruneDesk?
    /// What removes hosts; nil where the store cannot.
    var forget: ForgetDesk?

    /// How often a long prune lets a commit in.
    private static let commitMilliseconds: Int64 = 1_000
    /// How often a long prune says how far it is.
    private static let progressMilliseconds: Int64 = 200
    /// The most runs that a dry run looks through.
    private static let maximumRuns = 200_000
    /// The most of everything else.
    private static let maximumFacts = 100_000

    /// Does what is asked; what fails changes nothing.
    ///
    /// What takes long says by `progress`, now and then, how far it is.
    func answer(
        _ request: ControlRequest, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async -> ControlAnswer {
        do {
            return try await thread.runIfActive {
                try carryOut(request, at: WallClock.now(), progress)
            }
        } catch let error as PeakStoreError {
            return .failed("\(CollectorProblem.store(error))")
        } catch {
            return .failed("the collector stops; ask again when it runs")
        }
    }

    private func carryOut(
        _ request: ControlRequest, at now: Moment, _ progress: (String) -> Void
    ) throws -> ControlAnswer {
        switch request {
        case .purge(let name, let since, let until, let isDryRun):
            guard since <= until else { return .failed("the end is before the beginning") }
            let host: HostLabel
            switch find(name) {
            case .failure(let problem): return .failed(problem.text)
            case .success(let found): host = found
            }
            let purge = PurgeRequest(
                host: host.id, sinceMilliseconds: since, untilMilliseconds: until)
            return isDryRun
                ? .done(try preview(purge, of: host)) : .done(try carryOut(purge, of: host, now))
        case .undo(let tombstone): return try undo(tombstone)
        case .list: return .done(try list())
        case .forget(let name, let isDryRun):
            switch find(name) {
            case .failure(let problem): return .failed(problem.text)
            case .success(let host): return try forget(host, isDryRun: isDryRun)
            }
        case .prune(let retention, let isDryRun):
            return try prune(
                retention.retention, isDryRun: isDryRun, at: now.utcMilliseconds, progress)
        }
    }

    // MARK: Hosts

    /// A host as people know it.
    private struct HostLabel {
        var id: HostID
        var name: RawText

        var text: String { "\(DisplayText.escaped(name)) (\(id))" }
    }

    private struct Problem: Error {
        var text: String
    }

    /// The host with that id, or else the only one with that name.
    private func find(_ name: String) -> Result<HostLabel, Problem> {
        let found = fleet.read { fleet in
            fleet.hosts.values.filter {
                $0.id.text == name || $0.description?.name == RawText(name)
            }.map { HostLabel(id: $0.id, name: $0.description?.name ?? RawText($0.id.text)) }
        }
        if let exact = found.first(where: { $0.id.text == name }) { return .success(exact) }
        let shown = DisplayText.escaped(RawText(name))
        guard let first = found.first else {
            return .failure(
                Problem(
                    text: "no host has the id or name '\(shown)'; 'memcollector hosts' lists them"))
        }
        guard found.count == 1 else {
            let ids = found.prefix(10).map(\.id.text).sorted().joined(separator: ", ")
            return .failure(
                Problem(
                    text: "\(found.count) hosts have the name '\(shown)'; give the id of one: "
                        + ids))
        }
        return .success(first)
    }

    private func label(_ id: HostID) -> HostLabel {
        let name = fleet.read { $0.hosts[id]?.description?.name }
        return HostLabel(id: id, name: name ?? RawText(id.text))
    }

    // MARK: Purging

    private func carryOut(
        _ purge: PurgeRequest, of host: HostLabel, _ now: Moment
    ) throws -> String {
        // What was told before goes to the disk first: an undo brings it back, too.
        try committer.commitHere()
        guard fleet.health.0 == .working else {
            throw PeakStoreError.refused(
                reason: "nothing can be written now; see 'memcollector summary'")
        }
        let outcome = try store.purge(purge, nowMilliseconds: now.utcMilliseconds)
        fleet.purge(outcome.tombstone)
        fleet.statistics.purged()
        let id = outcome.tombstone.id
        return """
            Purged of host \(host.text), \(PurgeDesk.range(purge)):
            \(PurgeDesk.counts(outcome)).
            The agent is told to forget it, too. To take this back:
              memcollector purge --undo \(id)

            """
    }

    private func prune(
        _ retention: Retention, isDryRun: Bool, at now: Int64, _ progress: (String) -> Void
    ) throws -> ControlAnswer {
        guard let prune else { return .failed("this store keeps everything") }
        guard !isDryRun else { return .done(try prune.preview(retention, at: now)) }
        var committedAt = WallClock.monotonicMilliseconds()
        var saidAt = committedAt
        progress("looking for what is old")
        return .done(
            try prune.prune(retention, at: now, onHosts: fleet.forget) { counts in
                let now = WallClock.monotonicMilliseconds()
                if now - saidAt >= PurgeDesk.progressMilliseconds {
                    progress("so far \(PruneDesk.words(counts))")
                    saidAt = now
                }
                // Agents wait for their acknowledgements meanwhile.
                guard fleet.isCommitDue || now - committedAt >= PurgeDesk.commitMilliseconds
                else { return }
                try committer.commitHere()
                committedAt = now
            })
    }

    private func forget(_ host: HostLabel, isDryRun: Bool) throws -> ControlAnswer {
        guard let forget else { return .failed("this store keeps every host") }
        // What was told before goes with the rest.
        try committer.commitHere()
        guard fleet.health.0 == .working else {
            throw PeakStoreError.refused(
                reason: "nothing can be written now; see 'memcollector summary'")
        }
        guard isDryRun ? !fleet.isToldOf(host.id) : fleet.forgetUnlessToldOf(host.id) else {
            return .failed(
                "host \(host.text) is connected, or a command on it is told of; stop its agent "
                    + "first")
        }
        return .done(
            isDryRun
                ? try forget.preview(host.id, called: host.text)
                : try forget.forget(host.id, called: host.text, in: fleet))
    }

    private func undo(_ id: Int64) throws -> ControlAnswer {
        guard let outcome = try store.undoPurge(id) else {
            return .failed(
                "there is no tombstone \(id); 'memcollector purge --list' shows those that stand")
        }
        let purge = outcome.tombstone.request
        fleet.undoPurge(outcome.tombstone, bringingBack: try store.openRuns(of: purge.host))
        return .done(
            """
            Brought back of host \(label(purge.host).text), \(PurgeDesk.range(purge)):
            \(PurgeDesk.counts(outcome)).

            """)
    }

    private func list() throws -> String {
        let tombstones = try store.tombstones()
        guard !tombstones.isEmpty else { return "Nothing is purged.\n" }
        return tombstones.map { tombstone in
            let request = tombstone.request
            let made = Timestamp.text(tombstone.createdAtMilliseconds) ?? "an unknown time"
            return "\(tombstone.id)  \(label(request.host).text)  \(PurgeDesk.range(request))  "
                + "purged at \(made)\n"
        }.joined()
    }

    // MARK: Words

    /// What a purge would take away, as far as it is on the disk.
    private func preview(_ purge: PurgeRequest, of host: HostLabel) throws -> String {
        try committer.commitHere()
        var query = ReportQuery()
        query.host = Glob(purge.host.text)
        query.includesInherited = true
        query.sinceMilliseconds = purge.sinceMilliseconds
        query.untilMilliseconds = purge.untilMilliseconds
        let runs = try store.runs(matching: query, limit: PurgeDesk.maximumRuns).runs
            .filter { $0.host == purge.host && purge.covers($0.record.peak?.bracket) }
        let totals = try store.totals(
            of: Set(TotalKind.allCases), sinceMilliseconds: purge.sinceMilliseconds,
            untilMilliseconds: purge.untilMilliseconds, limit: PurgeDesk.maximumFacts
        ).filter {
            $0.host == purge.host && purge.covers(atMilliseconds: $0.peak.atMilliseconds)
        }
        var text = """
            Of host \(host.text), \(PurgeDesk.range(purge)), this takes away the peaks of
            \(PurgeDesk.counted(runs.count, "run")) and \(PurgeDesk.counted(totals.count, "hourly sum")), and those of cgroups, folds,
            sections and minutes in that time.

            """
        let largest = runs.sorted { $0.record.peak?.bytes ?? 0 > $1.record.peak?.bytes ?? 0 }
        for run in largest.prefix(5) {
            let size = ByteSize(run.record.peak?.bytes ?? 0).text
            let program = DisplayText.escaped(run.record.description.program)
            text += "  \(size)  \(program)  pid \(run.record.key.pid)\n"
        }
        return text
    }

    private static func range(_ purge: PurgeRequest) -> String {
        let since = Timestamp.text(purge.sinceMilliseconds) ?? "the beginning"
        let until = Timestamp.text(purge.untilMilliseconds) ?? "the end"
        return "\(since) to \(until)"
    }

    private static func counts(_ outcome: PurgeOutcome) -> String {
        [
            counted(outcome.runs, "run"), counted(outcome.totals, "hourly sum"),
            counted(outcome.cgroups, "cgroup"), counted(outcome.folds, "fold"),
            counted(outcome.sections, "section"), counted(outcome.windows, "process's minute"),
        ].joined(separator: ", ")
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
