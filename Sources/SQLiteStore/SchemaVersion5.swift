/// The fifth version: what sections of runs needed.
enum SchemaVersion5 {
    static let sql = section + purged + view

    private static let columns = """
            boot INTEGER NOT NULL REFERENCES boot (id),
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
            name INTEGER NOT NULL REFERENCES name (id),
            epoch INTEGER NOT NULL,
            flags INTEGER NOT NULL,
            peak_bytes INTEGER NOT NULL,
            peak_not_before_ms INTEGER,
            peak_not_after_ms INTEGER,
            peak_source INTEGER NOT NULL,
            growth_bytes INTEGER NOT NULL,
            call_count INTEGER NOT NULL,
            total_us INTEGER NOT NULL,
            longest_us INTEGER NOT NULL,
        """

    private static let section = """
        CREATE TABLE section (
        \(columns)
            PRIMARY KEY (boot, pid, start_ticks, image, name, epoch)
        ) WITHOUT ROWID;
        CREATE INDEX section_by_time ON section (peak_not_after_ms);

        """

    private static let purged = """
        CREATE TABLE purged_section (
            tombstone INTEGER NOT NULL REFERENCES tombstone (id),
        \(columns)
            PRIMARY KEY (tombstone, boot, pid, start_ticks, image, name, epoch)
        ) WITHOUT ROWID;

        """

    private static let view = """
        CREATE VIEW sections AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            run.run_id,
            section.pid,
            CAST(program.bytes AS TEXT) AS program,
            CAST(name.bytes AS TEXT) AS section,
            max(section.peak_bytes) AS peak_bytes,
            max(section.growth_bytes) AS growth_bytes,
            sum(section.call_count) AS calls,
            sum(section.total_us) / 1000000.0 AS total_seconds,
            max(section.longest_us) / 1000000.0 AS longest_seconds,
            max(section.flags & 1 <> 0) AS is_sampled,
            max(section.flags & 2 <> 0) AS is_inexact,
            max(section.flags & 4 <> 0) AS is_shared
        FROM section
        JOIN boot ON boot.id = section.boot
        JOIN host ON host.id = boot.host
        JOIN name ON name.id = section.name
        LEFT JOIN run ON run.boot = section.boot AND run.pid = section.pid
            AND run.start_ticks = section.start_ticks AND run.image = section.image
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS program ON program.id = run.program
        GROUP BY section.boot, section.pid, section.start_ticks, section.image, section.name;

        """
}
