/// The first version of the database.
///
/// Units stand last in column names: `_bytes`, and `_ms` for milliseconds, which count from the
/// epoch in UTC where the name has `_at_` or `not_`. NULL is "not known". A run's key comes first,
/// so that the runs of a boot lie beside each other; an index never holds a column that changes
/// while a run merely lives on.
enum SchemaVersion1 {
    static let sql = tables + indices + runsView + hostsView

    private static let tables = """
        CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            store_id BLOB NOT NULL,
            created_at_ms INTEGER NOT NULL
        );
        CREATE TABLE name (
            id INTEGER PRIMARY KEY,
            bytes BLOB NOT NULL UNIQUE
        );
        CREATE TABLE host (
            id INTEGER PRIMARY KEY,
            host_id TEXT NOT NULL UNIQUE,
            boot_id BLOB,
            epoch INTEGER,
            name INTEGER REFERENCES name (id),
            kernel_release INTEGER REFERENCES name (id),
            agent_version INTEGER REFERENCES name (id),
            memory_total_bytes INTEGER,
            swap_total_bytes INTEGER,
            processor_count INTEGER,
            ticks_per_second INTEGER,
            wall_minus_boot_ms INTEGER,
            interval_ms INTEGER,
            restrictions INTEGER,
            first_heard_at_ms INTEGER,
            last_heard_at_ms INTEGER
        );
        CREATE TABLE host_label (
            host INTEGER NOT NULL REFERENCES host (id),
            ordinal INTEGER NOT NULL,
            key BLOB NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (host, ordinal)
        ) WITHOUT ROWID;
        CREATE TABLE boot (
            id INTEGER PRIMARY KEY,
            host INTEGER NOT NULL REFERENCES host (id),
            boot_id BLOB NOT NULL,
            UNIQUE (host, boot_id)
        );
        CREATE TABLE run (
            boot INTEGER NOT NULL REFERENCES boot (id),
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            run_id TEXT NOT NULL,
            program INTEGER NOT NULL REFERENCES name (id),
            comm INTEGER NOT NULL REFERENCES name (id),
            executable INTEGER REFERENCES name (id),
            command INTEGER REFERENCES name (id),
            user_id INTEGER,
            user INTEGER REFERENCES name (id),
            cgroup INTEGER REFERENCES name (id),
            unit INTEGER REFERENCES name (id),
            container INTEGER REFERENCES name (id),
            parent_pid INTEGER,
            started_at_ms INTEGER,
            inherited_bytes INTEGER,
            peak_bytes INTEGER,
            peak_not_before_ms INTEGER,
            peak_not_after_ms INTEGER,
            peak_source INTEGER,
            swap_peak_bytes INTEGER,
            resident_bytes INTEGER,
            swap_bytes INTEGER,
            seen_at_ms INTEGER,
            processor_ms INTEGER,
            end_reason INTEGER,
            ended_not_before_ms INTEGER,
            ended_not_after_ms INTEGER,
            exit_code INTEGER,
            exit_signal INTEGER,
            PRIMARY KEY (boot, pid, start_ticks, image)
        ) WITHOUT ROWID;
        CREATE TABLE counter (
            host INTEGER NOT NULL REFERENCES host (id),
            epoch INTEGER NOT NULL,
            reason INTEGER NOT NULL,
            value INTEGER NOT NULL,
            PRIMARY KEY (host, epoch, reason)
        ) WITHOUT ROWID;

        """

    private static let indices = """
        CREATE INDEX run_open ON run (boot) WHERE end_reason IS NULL;
        CREATE INDEX run_by_peak ON run (
            peak_bytes DESC, boot, pid, start_ticks, image,
            started_at_ms, ended_not_after_ms, inherited_bytes, program, user, user_id
        );
        CREATE INDEX run_by_end ON run (ended_not_after_ms);

        """

    private static let runsView = """
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
            run.exit_signal
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

    private static let hostsView = """
        CREATE VIEW hosts AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.uuid("host.boot_id")) AS boot_id,
            CAST(kernel.bytes AS TEXT) AS kernel_release,
            CAST(agent.bytes AS TEXT) AS agent_version,
            host.memory_total_bytes,
            host.swap_total_bytes,
            host.processor_count,
            host.interval_ms / 1000.0 AS interval_seconds,
            host.restrictions,
            (SELECT group_concat(CAST(key AS TEXT) || '=' || CAST(value AS TEXT), ' ')
                FROM host_label WHERE host_label.host = host.id) AS labels,
            \(SchemaText.time("host.first_heard_at_ms")) AS first_heard_at,
            \(SchemaText.time("host.last_heard_at_ms")) AS last_heard_at,
            (SELECT count(*) FROM boot CROSS JOIN run ON run.boot = boot.id
                WHERE boot.host = host.id AND run.end_reason IS NULL) AS open_runs
        FROM host
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS kernel ON kernel.id = host.kernel_release
        LEFT JOIN name AS agent ON agent.id = host.agent_version;

        """
}
