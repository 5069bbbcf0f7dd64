/// `/proc/meminfo`: the host's memory (`proc_meminfo(5)`).
///
/// Every field is nil where its line is missing or not as documented.
struct MeminfoFile: Equatable {
    /// `MemTotal` in bytes.
    var memoryTotalBytes: UInt64?
    /// `MemAvailable` in bytes (since Linux 3.14).
    var memoryAvailableBytes: UInt64?
    /// `SwapTotal` in bytes.
    var swapTotalBytes: UInt64?

    /// Takes from `bytes` what is there.
    init(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            if line.starts(withText: "MemTotal:") {
                memoryTotalBytes = MeminfoFile.bytes(line, from: 9)
            } else if line.starts(withText: "MemAvailable:") {
                memoryAvailableBytes = MeminfoFile.bytes(line, from: 13)
            } else if line.starts(withText: "SwapTotal:") {
                swapTotalBytes = MeminfoFile.bytes(line, from: 10)
                return
            }
        }
    }

    private static func bytes(_ line: UnsafeRawBufferPointer, from offset: Int) -> UInt64? {
        var words = ByteScanner(line, from: offset)
        return words.kibibytes()
    }
}
