/// The fourth version: windows of minutes, hours and days, and which time was watched.
///
/// Minutes come in as rows and are packed by the hour, one block for each boot; what hours and days
/// held at most by program, user and cgroup stands in blocks of a day and of 32 days. Blocks have a
/// number of their own as key, and those of minutes are cut in parts, because rows that hold much
/// fill their pages only then.
enum SchemaVersion4 {
    static let sql = window + blocks + purged + views

    private static let window = """
        CREATE TABLE window (
            boot INTEGER NOT NULL REFERENCES boot (id),
            starts_at_ms INTEGER NOT NULL,
            length INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            at_least_bytes INTEGER NOT NULL,
            at_most_bytes INTEGER,
            PRIMARY KEY (boot, starts_at_ms, length, pid, start_ticks, image)
        ) WITHOUT ROWID;
        CREATE TABLE window_hour (
            boot INTEGER NOT NULL REFERENCES boot (id),
            hour_at_ms INTEGER NOT NULL,
            covered INTEGER NOT NULL,
            live_count INTEGER NOT NULL,
            is_due INTEGER NOT NULL,
            block_bytes INTEGER NOT NULL,
            PRIMARY KEY (boot, hour_at_ms)
        ) WITHOUT ROWID;
        CREATE INDEX window_hour_by_time ON window_hour (hour_at_ms);
        CREATE INDEX window_hour_due ON window_hour (hour_at_ms) WHERE is_due <> 0;

        """

    private static let blocks = """
        CREATE TABLE window_block (
            id INTEGER PRIMARY KEY,
            boot INTEGER NOT NULL REFERENCES boot (id),
            hour_at_ms INTEGER NOT NULL,
            part INTEGER NOT NULL,
            block BLOB NOT NULL
        );
        CREATE UNIQUE INDEX window_block_by_hour ON window_block (boot, hour_at_ms, part);
        CREATE TABLE subject_block (
            id INTEGER PRIMARY KEY,
            host INTEGER NOT NULL REFERENCES host (id),
            length INTEGER NOT NULL,
            starts_at_ms INTEGER NOT NULL,
            covered INTEGER NOT NULL,
            block_bytes INTEGER NOT NULL,
            block BLOB NOT NULL
        );
        CREATE UNIQUE INDEX subject_block_by_time ON subject_block (length, host, starts_at_ms);
        CREATE INDEX subject_block_size ON subject_block (host, length, block_bytes);

        """

    private static let purged = """
        CREATE TABLE purged_window (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            starts_at_ms INTEGER NOT NULL,
            length INTEGER NOT NULL,
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            at_least_bytes INTEGER NOT NULL,
            at_most_bytes INTEGER,
            PRIMARY KEY (tombstone, boot, starts_at_ms, length, pid, start_ticks, image)
        ) WITHOUT ROWID;
        CREATE TABLE purged_window_hour (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
            boot INTEGER NOT NULL REFERENCES boot (id),
            hour_at_ms INTEGER NOT NULL,
            covered INTEGER NOT NULL,
            PRIMARY KEY (tombstone, boot, hour_at_ms)
        ) WITHOUT ROWID;

        """

    private static let views = """
        CREATE VIEW windows AS
        SELECT
            host.host_id,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            run.run_id,
            window.pid,
            CAST(program.bytes AS TEXT) AS program,
            CASE window.length WHEN 1 THEN 'minute' WHEN 2 THEN 'hour' END AS length,
            \(SchemaText.time("window.starts_at_ms")) AS starts_at,
            window.at_least_bytes,
            window.at_most_bytes,
            coalesce(window.at_least_bytes = window.at_most_bytes, 0) AS is_exact
        FROM window
        JOIN boot ON boot.id = window.boot
        JOIN host ON host.id = boot.host
        LEFT JOIN run ON run.boot = window.boot AND run.pid = window.pid
            AND run.start_ticks = window.start_ticks AND run.image = window.image
        LEFT JOIN name AS program ON program.id = run.program;

        """
}
