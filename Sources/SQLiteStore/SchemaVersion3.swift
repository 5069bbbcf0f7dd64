/// The third version: folds, which ordinals were applied, and what was purged.
///
/// What a purge took away stands in tables of its own, made like those that it was taken from with
/// the number of its tombstone before their keys, so that an undo finds it in one stretch.
enum SchemaVersion3 {
    static let sql = fold + applied + tombstone + purged + foldsView

    private static let foldColumns = """
            host INTEGER NOT NULL REFERENCES host (id),
            epoch INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            boot INTEGER NOT NULL REFERENCES boot (id),
            program INTEGER NOT NULL REFERENCES name (id),
            user INTEGER REFERENCES name (id),
            cgroup INTEGER REFERENCES name (id),
            run_count INTEGER NOT NULL,
            failure_count INTEGER NOT NULL,
            kill_count INTEGER NOT NULL,
            peak_bytes INTEGER,
            peak_not_before_ms INTEGER,
            peak_not_after_ms INTEGER,
            peak_source INTEGER,
            sum_of_peaks_bytes INTEGER NOT NULL,
            histogram BLOB NOT NULL,
            processor_ms INTEGER NOT NULL,
            ended_not_before_ms INTEGER,
            ended_not_after_ms INTEGER,
        """

    private static let fold = """
        CREATE TABLE fold (
        \(foldColumns)
            PRIMARY KEY (host, epoch, ordinal)
        ) WITHOUT ROWID;
        CREATE INDEX fold_by_end ON fold (ended_not_after_ms);

        """

    private static let applied = """
        CREATE TABLE applied (
            host INTEGER NOT NULL REFERENCES host (id),
            epoch INTEGER NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (host, epoch, first)
        ) WITHOUT ROWID;

        """

    private static let tombstone = """
        CREATE TABLE tombstone (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            host INTEGER NOT NULL REFERENCES host (id),
            since_at_ms INTEGER NOT NULL,
            until_at_ms INTEGER NOT NULL,
            created_at_ms INTEGER NOT NULL,
            state INTEGER NOT NULL
        );

        """

    private static let purged = """
        CREATE TABLE purged_run (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            peak_bytes INTEGER NOT NULL,
            peak_not_before_ms INTEGER NOT NULL,
            peak_not_after_ms INTEGER NOT NULL,
            peak_source INTEGER NOT NULL,
            PRIMARY KEY (tombstone, boot, pid, start_ticks, image)
        ) WITHOUT ROWID;
        CREATE TABLE purged_total (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            kind INTEGER NOT NULL,
            hour_at_ms INTEGER NOT NULL,
            host INTEGER NOT NULL REFERENCES host (id),
            name INTEGER NOT NULL REFERENCES name (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            bytes INTEGER NOT NULL,
            at_ms INTEGER,
            run_count INTEGER NOT NULL,
            PRIMARY KEY (tombstone, kind, hour_at_ms, host, name)
        ) WITHOUT ROWID;
        CREATE TABLE purged_total_share (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            hour_at_ms INTEGER NOT NULL,
            host INTEGER NOT NULL REFERENCES host (id),
            rank INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            resident_bytes INTEGER NOT NULL,
            PRIMARY KEY (tombstone, hour_at_ms, host, rank)
        ) WITHOUT ROWID;
        CREATE TABLE purged_cgroup (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            path INTEGER NOT NULL REFERENCES name (id),
            inode INTEGER NOT NULL,
            peak_bytes INTEGER NOT NULL,
            peak_not_before_ms INTEGER NOT NULL,
            peak_not_after_ms INTEGER NOT NULL,
            peak_source INTEGER NOT NULL,
            peak_limit_bytes INTEGER,
            peak_anonymous_bytes INTEGER,
            peak_file_bytes INTEGER,
            PRIMARY KEY (tombstone, boot, path, inode)
        ) WITHOUT ROWID;
        CREATE TABLE purged_fold (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
        \(foldColumns)
            PRIMARY KEY (tombstone, host, epoch, ordinal)
        ) WITHOUT ROWID;

        """

    private static let foldsView = """
        CREATE VIEW folds AS
        SELECT
            CAST(host_name.bytes AS TEXT) AS host,
            host.host_id,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            \(SchemaText.time("fold.ended_not_before_ms")) AS ended_not_before,
            \(SchemaText.time("fold.ended_not_after_ms")) AS ended_not_after,
            CAST(program.bytes AS TEXT) AS program,
            CAST(user.bytes AS TEXT) AS user,
            CAST(cgroup.bytes AS TEXT) AS cgroup,
            fold.run_count AS runs,
            fold.failure_count AS failures,
            fold.kill_count AS oom_killed,
            fold.peak_bytes AS peak_rss_bytes,
            \(SchemaText.source("fold.peak_source")) AS peak_source,
            \(SchemaText.time("fold.peak_not_before_ms")) AS peak_not_before,
            \(SchemaText.time("fold.peak_not_after_ms")) AS peak_not_after,
            fold.sum_of_peaks_bytes,
            fold.processor_ms / 1000.0 AS cpu_seconds
        FROM fold
        JOIN host ON host.id = fold.host
        JOIN boot ON boot.id = fold.boot
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS program ON program.id = fold.program
        LEFT JOIN name AS user ON user.id = fold.user
        LEFT JOIN name AS cgroup ON cgroup.id = fold.cgroup;

        """
}
