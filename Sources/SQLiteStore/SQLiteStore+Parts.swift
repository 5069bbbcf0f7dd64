import GRDB
public import MemoryModel
public import PeakStore
public import Report

// What a store keeps of parts of runs.

extension SQLiteStore {
    /// The sections of these runs, the largest peak first.
    public func sections(of runs: [RunKey]) throws -> [RunKey: [SectionRecord]] {
        try read { database in
            var reader = try SectionReader(database)
            var sections: [RunKey: [SectionRecord]] = [:]
            for run in runs where sections[run] == nil {
                let own = try reader.sections(of: run)
                if !own.isEmpty { sections[run] = own }
            }
            return sections
        }
    }

    /// Which lines of these runs ran while they grew, and where asked for the stacks.
    public func growth(
        of runs: [RunKey], hasStacks: Bool, limitBytes: Int
    ) throws -> GrowthSelection {
        try read { database in
            var reader = try GrowthReader(database)
            var selection = GrowthSelection()
            var bytes = 0
            for run in runs where selection.growth[run] == nil {
                guard bytes < limitBytes else {
                    selection.isCut = true
                    break
                }
                guard let growth = try reader.growth(of: run, hasStack: hasStacks) else { continue }
                bytes += growth.textBytes
                selection.growth[run] = growth
            }
            return selection
        }
    }

    /// The runs that have such parts and that `query` asks for, in no order.
    public func runs(
        having part: RunPart, matching query: ReportQuery, limit: Int
    ) throws -> [StoredRun] {
        try read { database in
            let keys = try PreparedStatement(
                """
                SELECT DISTINCT boot, pid, start_ticks, image FROM \(part.table)
                ORDER BY boot DESC, pid, start_ticks, image
                """, on: database)
            defer { keys.reset() }
            let row = try PreparedStatement(
                """
                SELECT \(RunReader.columns) FROM run
                WHERE boot = ?1 AND pid = ?2 AND start_ticks = ?3 AND image = ?4
                """, on: database)
            defer { row.reset() }
            var hosts = try HostReader(database)
            let matching = Set(
                try hosts.hosts().filter {
                    query.matches(
                        host: $0.id, name: $0.description.name, labels: $0.description.labels)
                }.map(\.id))
            var reader = try RunReader(database)
            var runs: [StoredRun] = []
            while runs.count < limit, try keys.step() {
                let place = RunPlace(
                    boot: try keys.required(0, as: Int64.self), key: try RunReader.key(keys))
                try place.bind(to: row)
                defer { row.reset() }
                guard try row.step() else { continue }
                let run = try reader.run(row)
                let isOnHost = !query.isRestrictedToHosts || matching.contains(run.host)
                if isOnHost, query.matches(run.record) { runs.append(run) }
            }
            return runs
        }
    }

    static func writeParts(
        _ batch: CommitBatch, to database: Database, names: NameWriter, hosts: HostKeys,
        _ caches: inout WriterCaches
    ) throws {
        if !batch.sections.isEmpty {
            let sections = try SectionWriter(database, names: names, hosts: hosts)
            for section in batch.sections { try sections.merge(section, &caches) }
        }
        guard !batch.growth.isEmpty else { return }
        var growth = try GrowthWriter(database, names: names, hosts: hosts)
        for seen in batch.growth { try growth.merge(seen, &caches) }
    }
}

extension RunPart {
    /// The table that has a row for each.
    fileprivate var table: String {
        switch self {
        case .sections: "section"
        case .lines: "growth"
        }
    }
}
