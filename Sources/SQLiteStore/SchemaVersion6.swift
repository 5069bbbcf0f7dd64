/// The sixth version: which lines of Python programs ran while their memory grew.
enum SchemaVersion6 {
    static let sql = tables + view

    private static let run = """
            boot INTEGER NOT NULL REFERENCES boot (id),
            pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,
            image INTEGER NOT NULL,
        """

    private static let line = """
            file INTEGER NOT NULL REFERENCES name (id),
            function INTEGER NOT NULL REFERENCES name (id),
            line INTEGER NOT NULL,
        """

    private static let tables = """
        CREATE TABLE growth (
        \(run)
            epoch INTEGER NOT NULL,
            grown_bytes INTEGER NOT NULL,
            unattributed_bytes INTEGER NOT NULL,
            stack_bytes INTEGER,
            PRIMARY KEY (boot, pid, start_ticks, image, epoch)
        ) WITHOUT ROWID;
        CREATE TABLE growth_line (
        \(run)
            epoch INTEGER NOT NULL,
        \(line)
            grown_bytes INTEGER NOT NULL,
            PRIMARY KEY (boot, pid, start_ticks, image, epoch, file, function, line)
        ) WITHOUT ROWID;
        CREATE TABLE growth_frame (
        \(run)
            epoch INTEGER NOT NULL,
            depth INTEGER NOT NULL,
        \(line)
            PRIMARY KEY (boot, pid, start_ticks, image, epoch, depth)
        ) WITHOUT ROWID;

        """

    private static let view = """
        CREATE VIEW growth_lines AS
        SELECT
            host.host_id,
            CAST(host_name.bytes AS TEXT) AS host,
            \(SchemaText.uuid("boot.boot_id")) AS boot_id,
            run.run_id,
            growth_line.pid,
            CAST(program.bytes AS TEXT) AS program,
            CAST(file.bytes AS TEXT) AS file,
            growth_line.line,
            CAST(function.bytes AS TEXT) AS function,
            CAST(total(growth_line.grown_bytes) AS INTEGER) AS grown_bytes
        FROM growth_line
        JOIN boot ON boot.id = growth_line.boot
        JOIN host ON host.id = boot.host
        JOIN name AS file ON file.id = growth_line.file
        JOIN name AS function ON function.id = growth_line.function
        LEFT JOIN run ON run.boot = growth_line.boot AND run.pid = growth_line.pid
            AND run.start_ticks = growth_line.start_ticks AND run.image = growth_line.image
        LEFT JOIN name AS host_name ON host_name.id = host.name
        LEFT JOIN name AS program ON program.id = run.program
        GROUP BY growth_line.boot, growth_line.pid, growth_line.start_ticks, growth_line.image,
            growth_line.file, growth_line.line, growth_line.function;

        """
}
