/// The files of the memory controller (`Documentation/admin-guide/cgroup-v2.rst` and
/// `cgroup-v1/memory.rst` of the kernel).
///
/// Every figure is nil where its line is missing or not as documented.
enum CgroupFigures {
    /// The only number of a file such as `memory.current`.
    static func number(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        var scanner = ByteScanner(bytes)
        return scanner.unsigned()
    }

    /// A limit in bytes; nil for none.
    ///
    /// Version 2 writes `max`; version 1 the largest number of whole pages, which depends on the
    /// size of a page (`PAGE_COUNTER_MAX`), or before Linux 3.19 of bytes. No limit that means
    /// anything reaches 2^62.
    static func limit(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        number(bytes).flatMap { $0 < 1 << 62 ? $0 : nil }
    }

    /// `oom_kill` of `memory.events` or `memory.oom_control`.
    static func killCount(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        value(of: "oom_kill ", in: bytes)
    }

    /// Anonymous memory and page cache of `memory.stat`, with the cgroups below.
    static func composition(
        _ bytes: UnsafeRawBufferPointer, version: UInt8
    ) -> (anonymousBytes: UInt64?, fileBytes: UInt64?) {
        version == 1
            ? (value(of: "total_rss ", in: bytes), value(of: "total_cache ", in: bytes))
            : (value(of: "anon ", in: bytes), value(of: "file ", in: bytes))
    }

    /// The number on the line that begins with `key`, which ends with its space.
    private static func value(
        of key: StaticString, in bytes: UnsafeRawBufferPointer
    ) -> UInt64? {
        var scanner = ByteScanner(bytes)
        while true {
            let start = scanner.position
            guard let line = scanner.line() else { return nil }
            guard line.starts(withText: key) else { continue }
            // From the whole, because a number must be followed by the end of its line.
            var words = ByteScanner(bytes, from: start + key.utf8CodeUnitCount)
            return words.unsigned()
        }
    }
}
