/// Expressions that the views of every version have in common.
///
/// They are part of steps that were taken, so they never change.
enum SchemaText {
    /// The column `milliseconds` as RFC 3339 in UTC.
    static func time(_ milliseconds: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%fZ', \(milliseconds) / 1000.0, 'unixepoch')"
    }

    /// The 16 bytes of the column `bytes` as a UUID, as `boot_id` of the kernel is written.
    static func uuid(_ bytes: String) -> String {
        [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)]
            .map { "substr(lower(hex(\(bytes))), \($0.0), \($0.1))" }
            .joined(separator: " || '-' || ")
    }

    /// The word for a number of the column `source` of a peak.
    static func source(_ source: String) -> String {
        """
        CASE \(source)
                WHEN 1 THEN 'sampled' WHEN 2 THEN 'cgroup' WHEN 3 THEN 'hwm' WHEN 4 THEN 'exit'
            END
        """
    }
}
