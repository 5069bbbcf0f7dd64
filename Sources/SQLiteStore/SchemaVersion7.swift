/// The seventh version: blocks of minutes by their hour, so that those of an hour follow each other
/// and fill their pages.
///
/// They are copied in the order of an index: sorting them would take as much memory as they have.
enum SchemaVersion7 {
    static let sql = """
        ALTER TABLE window_block RENAME TO former_window_block;
        CREATE TABLE window_block (
            hour_at_ms INTEGER NOT NULL,
            boot INTEGER NOT NULL REFERENCES boot (id),
            part INTEGER NOT NULL,
            block BLOB NOT NULL,
            PRIMARY KEY (hour_at_ms, boot, part)
        ) WITHOUT ROWID;
        INSERT INTO window_block (hour_at_ms, boot, part, block)
            SELECT h.hour_at_ms, h.boot, b.part, b.block
            FROM window_hour h INDEXED BY window_hour_by_time
            CROSS JOIN former_window_block b ON b.boot = h.boot AND b.hour_at_ms = h.hour_at_ms
            ORDER BY h.hour_at_ms, h.boot, b.part;
        DROP TABLE former_window_block;

        """
}
