/// The second version: flags and faults of runs, sums by hour, cgroups, kills for want of memory,
/// gaps, and what agents say of themselves.
///
/// A sum's key begins with its kind and hour, so that a report of some hours reads one stretch for
/// each kind, and what is written now lies together.
enum SchemaVersion2 {
    static let sql = run + total + cgroup + kill + gap + health + SchemaVersion2Views.sql

    private static let run = """
        ALTER TABLE run ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE run ADD COLUMN minor_faults INTEGER;
        ALTER TABLE run ADD COLUMN major_faults INTEGER;

        """

    private static let total = """
        CREATE TABLE total (
            kind INTEGER NOT NULL,
            hour_at_ms INTEGER NOT NULL,
            host INTEGER NOT NULL REFERENCES host (id),
            name INTEGER NOT NULL REFERENCES name (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            bytes INTEGER NOT NULL,
            at_ms INTEGER,
            run_count INTEGER NOT NULL,
            PRIMARY KEY (kind, hour_at_ms, host, name)
        ) WITHOUT ROWID;
        CREATE TABLE total_share (
            hour_at_ms INTEGER NOT NULL,
            host INTEGER NOT NULL REFERENCES host (id),
            rank INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            resident_bytes INTEGER NOT NULL,
            PRIMARY KEY (hour_at_ms, host, rank)
        ) WITHOUT ROWID;

        """

    private static let cgroup = """
        CREATE TABLE cgroup (
            boot INTEGER NOT NULL REFERENCES boot (id),
            path INTEGER NOT NULL REFERENCES name (id),
            inode INTEGER NOT NULL,
            version INTEGER NOT NULL,
            peak_bytes INTEGER,
            peak_not_before_ms INTEGER,
            peak_not_after_ms INTEGER,
            peak_source INTEGER,
            peak_limit_bytes INTEGER,
            peak_anonymous_bytes INTEGER,
            peak_file_bytes INTEGER,
            swap_peak_bytes INTEGER,
            current_bytes INTEGER,
            limit_bytes INTEGER,
            kill_count INTEGER,
            seen_at_ms INTEGER,
            PRIMARY KEY (boot, path, inode)
        ) WITHOUT ROWID;

        """

    private static let kill = """
        CREATE TABLE oom_kill (
            boot INTEGER NOT NULL REFERENCES boot (id),
            at_boot_ms INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            at_ms INTEGER,
            run_pid INTEGER,
            run_start_ticks INTEGER,
            run_image INTEGER,
            comm INTEGER REFERENCES name (id),
            limited_by INTEGER,
            limit_cgroup INTEGER REFERENCES name (id),
            limit_bytes INTEGER,
            cgroup INTEGER REFERENCES name (id),
            resident_bytes INTEGER,
            last_peak_bytes INTEGER,
            evidence INTEGER NOT NULL,
            PRIMARY KEY (boot, at_boot_ms, pid)
        ) WITHOUT ROWID;
        CREATE INDEX oom_kill_by_run ON oom_kill (boot, run_pid, run_start_ticks, run_image)
            WHERE run_pid IS NOT NULL;

        """

    private static let gap = """
        CREATE TABLE gap (
            host INTEGER NOT NULL REFERENCES host (id),
            epoch INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            reason INTEGER NOT NULL,
            not_before_ms INTEGER,
            not_after_ms INTEGER,
            missed_count INTEGER,
            PRIMARY KEY (host, epoch, ordinal)
        ) WITHOUT ROWID;

        """

    private static let health = """
        CREATE TABLE agent_health (
            host INTEGER PRIMARY KEY REFERENCES host (id),
            epoch INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            started_at_ms INTEGER NOT NULL,
            processor_ms INTEGER NOT NULL,
            resident_bytes INTEGER,
            anonymous_bytes INTEGER,
            peak_bytes INTEGER,
            asked_interval_ms INTEGER NOT NULL,
            interval_ms INTEGER NOT NULL,
            look_us INTEGER NOT NULL,
            longest_look_us INTEGER NOT NULL,
            run_count INTEGER NOT NULL,
            sources INTEGER NOT NULL
        );

        """
}
