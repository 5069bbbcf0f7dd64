/// The seventh version: blocks of minutes by their hour, so that those of an hour follow each other
/// and fill their pages.
enum SchemaVersion7 {
    static let sql = """
        ALTER TABLE window_block RENAME TO former_window_block;
        DROP INDEX window_block_by_hour;
        CREATE TABLE window_block (
            hour_at_ms INTEGER NOT NULL,
            boot INTEGER NOT NULL REFERENCES boot (id),
            part INTEGER NOT NULL,
            block BLOB NOT NULL,
            PRIMARY KEY (hour_at_ms, boot, part)
        ) WITHOUT ROWID;
        INSERT INTO window_block (hour_at_ms, boot, part, block)
            SELECT hour_at_ms, boot, part, block FROM former_window_block
            ORDER BY hour_at_ms, boot, part;
        DROP TABLE former_window_block;

        """
}
