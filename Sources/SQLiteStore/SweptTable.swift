/// A table that a sweep walks through: what names it has, and how old a row is at least whose time
/// is not known.
struct SweptTable: Sendable {
    /// What of the counts a removed row is.
    enum Kind: Sendable {
        case run, fold, fact
    }

    /// The table.
    var name: String
    /// The columns of its key, all of them numbers.
    var key: [String]
    /// The columns that refer to names.
    var names: [String] = []
    /// Which column of the key is a host that has no index to find such rows by; nil for none.
    var host: Int?
    /// When what the row tells of was, at the latest, in milliseconds since the epoch in UTC; NULL
    /// where retention knows it anyhow, and where nobody knows.
    var latest = "NULL"
    /// What a row of it is.
    var kind = Kind.fact

    /// Some rows after a key, in its order: the key, the latest time and the names of each.
    var select: String {
        let parameters = key.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        return """
            SELECT \((key + [latest] + names).joined(separator: ", ")) FROM \(name)
            WHERE (\(key.joined(separator: ", "))) > (\(parameters))
            ORDER BY \(key.joined(separator: ", ")) LIMIT ?\(key.count + 1)
            """
    }

    /// Deletes a row.
    var delete: String {
        let same = key.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: " AND ")
        return "DELETE FROM \(name) WHERE \(same)"
    }

    /// Counts the rows whose latest time is before `?1`.
    var count: String { "SELECT count(*) FROM \(name) WHERE \(latest) < ?1" }

    /// All that refer to names, but for blocks of windows, and all of whose rows some have no time.
    static let all: [SweptTable] = [
        SweptTable(
            name: "run", key: ["boot", "pid", "start_ticks", "image"],
            names: [
                "program", "comm", "executable", "command", "user", "cgroup", "unit", "container",
            ], latest: latestOfRun, kind: .run),
        SweptTable(
            name: "cgroup", key: ["boot", "path", "inode"], names: ["path"],
            latest: """
                CASE WHEN seen_at_ms IS NULL
                    THEN coalesce(peak_not_after_ms, \(ofBoot(boundOfBoot, "cgroup"))) END
                """),
        SweptTable(
            name: "oom_kill", key: ["boot", "at_boot_ms", "pid"],
            names: ["comm", "limit_cgroup", "cgroup"],
            latest: "CASE WHEN at_ms IS NULL THEN \(ofBoot(boundOfKill, "oom_kill")) END"),
        SweptTable(
            name: "gap", key: ["host", "epoch", "ordinal"],
            latest: "CASE WHEN not_after_ms IS NULL THEN \(boundOfEpoch) END"),
        SweptTable(
            name: "section", key: ["boot", "pid", "start_ticks", "image", "name", "epoch"],
            names: ["name"],
            latest: """
                CASE WHEN peak_not_after_ms IS NULL AND \(SectionTable.hasNoRun)
                    THEN \(ofBoot(boundOfBoot, "section")) END
                """),
        SweptTable(
            name: "growth", key: ["boot", "pid", "start_ticks", "image", "epoch"],
            latest: "CASE WHEN \(GrowthTable.hasNoRun("growth")) THEN 0 END"),
        SweptTable(
            name: "growth_line",
            key: ["boot", "pid", "start_ticks", "image", "epoch", "file", "function", "line"],
            names: ["file", "function"],
            latest: "CASE WHEN \(GrowthTable.hasNoRun("growth_line")) THEN 0 END"),
        SweptTable(
            name: "growth_frame", key: ["boot", "pid", "start_ticks", "image", "epoch", "depth"],
            names: ["file", "function"],
            latest: "CASE WHEN \(GrowthTable.hasNoRun("growth_frame")) THEN 0 END"),
        SweptTable(
            name: "fold", key: ["host", "epoch", "ordinal"], names: ["program", "user", "cgroup"],
            latest: """
                CASE WHEN ended_not_after_ms IS NULL
                    THEN coalesce(peak_not_after_ms, \(ofBoot(boundOfBoot, "fold"))) END
                """, kind: .fold),
        SweptTable(
            name: "total", key: ["kind", "hour_at_ms", "host", "name"], names: ["name"], host: 2),
        SweptTable(
            name: "host", key: ["id"], names: ["name", "kernel_release", "agent_version"]),
        SweptTable(
            name: "purged_total", key: ["tombstone", "kind", "hour_at_ms", "host", "name"],
            names: ["name"]),
        SweptTable(
            name: "purged_cgroup", key: ["tombstone", "boot", "path", "inode"], names: ["path"]),
        SweptTable(
            name: "purged_fold", key: ["tombstone", "host", "epoch", "ordinal"],
            names: ["program", "user", "cgroup"]),
        SweptTable(
            name: "purged_section",
            key: ["tombstone", "boot", "pid", "start_ticks", "image", "name", "epoch"],
            names: ["name"]),
    ]

    // MARK: How old a row is at least

    /// A run that lives goes with its host; one whose end has no time by what else is known of it.
    private static let latestOfRun = """
        CASE WHEN end_reason IS NULL
            THEN coalesce(\(ofBoot("host.last_heard_at_ms", "run")), \(knownOfRun))
        WHEN ended_not_after_ms IS NULL
            THEN coalesce(\(knownOfRun), \(ofBoot(boundOfBoot, "run"))) END
        """

    private static let knownOfRun = """
        max(coalesce(seen_at_ms, peak_not_after_ms, started_at_ms), \
        coalesce(peak_not_after_ms, seen_at_ms, started_at_ms))
        """

    /// What happened in a boot that is over was before the newest one began, as its clock has it,
    /// and all else before its host was last heard.
    private static let boundOfBoot = """
        CASE WHEN host.boot_id IS boot.boot_id THEN host.last_heard_at_ms
        ELSE coalesce(
            min(host.wall_minus_boot_ms, host.last_heard_at_ms), host.last_heard_at_ms) END
        """

    /// Of a kill the time since boot is known.
    private static let boundOfKill = """
        CASE WHEN host.boot_id IS boot.boot_id
            THEN min(host.wall_minus_boot_ms + oom_kill.at_boot_ms, host.last_heard_at_ms)
        ELSE coalesce(
            min(host.wall_minus_boot_ms, host.last_heard_at_ms), host.last_heard_at_ms) END
        """

    /// What an agent told is older than the start of the one that came after it.
    private static let boundOfEpoch = """
        (SELECT CASE WHEN agent_health.epoch = host.epoch AND agent_health.epoch <> gap.epoch
            THEN min(agent_health.started_at_ms, host.last_heard_at_ms)
            ELSE host.last_heard_at_ms END
        FROM host LEFT JOIN agent_health ON agent_health.host = host.id WHERE host.id = gap.host)
        """

    private static func ofBoot(_ expression: String, _ table: String) -> String {
        """
        (SELECT \(expression) FROM boot JOIN host ON host.id = boot.host
        WHERE boot.id = \(table).boot)
        """
    }
}
