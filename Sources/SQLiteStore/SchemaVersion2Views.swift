/// The views of the second version: `runs` with flags and faults, and one for each new table.
enum SchemaVersion2Views {
    static let sql = runs + totals + totalShares + cgroups + kills + gaps + agents

    private static let runs = """
        DROP VIEW runs;
        CREATE VIEW runs AS
        SELECT
            run.run_id,
            CAST(host_name.bytes AS TEXT) AS host,
            host.host_id,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            run.pid,
            \(SchemaText.time("run.started_at_ms")) AS started_at,
            \(SchemaText.time("run.ended_not_after_ms")) AS ended_at,
            CAST(program.bytes AS TEXT) AS program,
            CAST(comm.bytes AS TEXT) AS comm,
            CAST(executable.bytes AS TEXT) AS executable,
            CAST(command.bytes AS TEXT) AS command,
            coalesce(CAST(user.bytes AS TEXT), CAST(run.user_id AS TEXT)) AS user,
            CAST(cgroup.bytes AS TEXT) AS cgroup,
            CAST(unit.bytes AS TEXT) AS unit,
            CAST(container.bytes AS TEXT) AS container,
            run.peak_bytes AS peak_rss_bytes,
            CASE run.peak_source
                WHEN 1 THEN 'sampled' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'hwm' WHEN 4 THEN 'exit'
            END AS peak_source,
            \(SchemaText.time("run.peak_not_before_ms")) AS peak_not_before,
            \(SchemaText.time("run.peak_not_after_ms")) AS peak_not_after,
            coalesce(run.peak_bytes <= run.inherited_bytes, 0) AS peak_is_inherited,
            run.swap_peak_bytes AS peak_swap_bytes,
            run.resident_bytes AS current_rss_bytes,
            \(SchemaText.time("run.seen_at_ms")) AS seen_at,
            run.processor_ms / 1000.0 AS cpu_seconds,
            CASE run.end_reason
                WHEN 1 THEN 'exited' WHEN 2 THEN 'executed' WHEN 3 THEN 'unobserved'
                WHEN 4 THEN 'rebooted'
            END AS end_reason,
            run.exit_code,
            run.exit_signal,
            run.flags & 1 <> 0 AS peak_is_final,
            run.flags & 2 <> 0 AS start_is_estimated,
            run.flags & 4 <> 0 AS first_seen_at_exit,
            run.flags & 8 <> 0 AS oom_killed,
            run.flags & 16 <> 0 AS mark_fell,
            run.minor_faults,
            run.major_faults
        FROM run
        JOIN boot ON boot.id = run.boot
        JOIN host ON host.id = boot.host
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS program ON program.id = run.program
        LEFT JOIN name AS comm ON comm.id = run.comm
        LEFT JOIN name AS executable ON executable.id = run.executable
        LEFT JOIN name AS command ON command.id = run.command
        LEFT JOIN name AS user ON user.id = run.user
        LEFT JOIN name AS cgroup ON cgroup.id = run.cgroup
        LEFT JOIN name AS unit ON unit.id = run.unit
        LEFT JOIN name AS container ON container.id = run.container;

        """

    private static let totals = """
        CREATE VIEW totals AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            CASE total.kind
                WHEN 1 THEN 'host' WHEN 2 THEN 'host_used' WHEN 3 THEN 'user'
                WHEN 4 THEN 'program' WHEN 5 THEN 'cgroup'
            END AS kind,
            CASE WHEN total.kind > 2 THEN CAST(name.bytes AS TEXT) END AS name,
            \(SchemaText.time("total.hour_at_ms")) AS hour,
            total.bytes AS peak_of_sum_bytes,
            \(SchemaText.time("total.at_ms")) AS peak_at,
            total.run_count AS runs
        FROM total
        JOIN host ON host.id = total.host
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name ON name.id = total.name;

        """

    private static let totalShares = """
        CREATE VIEW total_shares AS
        SELECT
            host.host_id,
            \(SchemaText.time("total.hour_at_ms")) AS hour,
            \(SchemaText.time("total.at_ms")) AS peak_at,
            total.bytes AS peak_of_sum_bytes,
            total_share.rank,
            run.run_id,
            total_share.pid,
            CAST(program.bytes AS TEXT) AS program,
            total_share.resident_bytes AS rss_bytes
        FROM total
        JOIN total_share
            ON total_share.hour_at_ms = total.hour_at_ms AND total_share.host = total.host
        JOIN host ON host.id = total.host
        LEFT JOIN run ON run.boot = total.boot AND run.pid = total_share.pid
            AND run.start_ticks = total_share.start_ticks AND run.image = total_share.image
        LEFT JOIN name AS program ON program.id = run.program
        WHERE total.kind = 2;

        """

    private static let cgroups = """
        CREATE VIEW cgroups AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            CAST(path.bytes AS TEXT) AS cgroup,
            cgroup.version,
            cgroup.peak_bytes,
            \(SchemaText.source("cgroup.peak_source")) AS peak_source,
            \(SchemaText.time("cgroup.peak_not_before_ms")) AS peak_not_before,
            \(SchemaText.time("cgroup.peak_not_after_ms")) AS peak_not_after,
            cgroup.peak_limit_bytes,
            coalesce(cgroup.peak_bytes >= cgroup.peak_limit_bytes
                - min(cgroup.peak_limit_bytes / 32, 2097152), 0) AS peak_is_at_limit,
            cgroup.peak_anonymous_bytes,
            cgroup.peak_file_bytes,
            cgroup.swap_peak_bytes AS peak_swap_bytes,
            cgroup.current_bytes,
            cgroup.limit_bytes,
            cgroup.kill_count AS oom_kills,
            \(SchemaText.time("cgroup.seen_at_ms")) AS seen_at
        FROM cgroup
        JOIN boot ON boot.id = cgroup.boot
        JOIN host ON host.id = boot.host
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS path ON path.id = cgroup.path;

        """

    private static let kills = """
        CREATE VIEW oom_kills AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            \(SchemaText.time("oom_kill.at_ms")) AS killed_at,
            nullif(oom_kill.pid, 0) AS pid,
            run.run_id,
            CAST(program.bytes AS TEXT) AS program,
            CAST(comm.bytes AS TEXT) AS comm,
            CASE oom_kill.limited_by
                WHEN 1 THEN 'host' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'nodes'
            END AS limited_by,
            CAST(limit_cgroup.bytes AS TEXT) AS limit_cgroup,
            oom_kill.limit_bytes,
            CAST(cgroup.bytes AS TEXT) AS cgroup,
            oom_kill.resident_bytes AS rss_bytes,
            oom_kill.last_peak_bytes AS last_peak_rss_bytes,
            run.peak_bytes AS peak_rss_bytes,
            oom_kill.evidence
        FROM oom_kill
        JOIN boot ON boot.id = oom_kill.boot
        JOIN host ON host.id = boot.host
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN run ON run.boot = oom_kill.boot AND run.pid = oom_kill.run_pid
            AND run.start_ticks = oom_kill.run_start_ticks AND run.image = oom_kill.run_image
        LEFT JOIN name AS program ON program.id = run.program
        LEFT JOIN name AS comm ON comm.id = oom_kill.comm
        LEFT JOIN name AS limit_cgroup ON limit_cgroup.id = oom_kill.limit_cgroup
        LEFT JOIN name AS cgroup ON cgroup.id = oom_kill.cgroup;

        """

    private static let gaps = """
        CREATE VIEW gaps AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            CASE gap.reason
                WHEN 1 THEN 'exit_records_lost' WHEN 2 THEN 'process_events_lost'
                WHEN 3 THEN 'agent_down' WHEN 4 THEN 'dropped'
            END AS reason,
            \(SchemaText.time("gap.not_before_ms")) AS not_before,
            \(SchemaText.time("gap.not_after_ms")) AS not_after,
            gap.missed_count AS missed
        FROM gap
        JOIN host ON host.id = gap.host
        LEFT JOIN name AS host_name ON host_name.id = host.name;

        """

    private static let agents = """
        CREATE VIEW agents AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.time("agent_health.at_ms")) AS said_at,
            \(SchemaText.time("agent_health.started_at_ms")) AS started_at,
            agent_health.processor_ms / 1000.0 AS cpu_seconds,
            agent_health.resident_bytes AS current_rss_bytes,
            agent_health.anonymous_bytes,
            agent_health.peak_bytes AS peak_rss_bytes,
            agent_health.asked_interval_ms / 1000.0 AS asked_interval_seconds,
            agent_health.interval_ms / 1000.0 AS interval_seconds,
            agent_health.look_us / 1000000.0 AS look_seconds,
            agent_health.longest_look_us / 1000000.0 AS longest_look_seconds,
            agent_health.run_count AS runs,
            agent_health.sources
        FROM agent_health
        JOIN host ON host.id = agent_health.host
        LEFT JOIN name AS host_name ON host_name.id = host.name;

        """
}
