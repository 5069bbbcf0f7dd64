/// `/proc/PID/status`: what this program needs of it (`proc_pid_status(5)`).
///
/// Every field is nil where its line is missing, cut off or not as documented. The lines of
/// memory are missing for whatever has no memory map.
struct StatusFile: Equatable {
    /// `Name`: the kernel's name of the task.
    var name: CommName?
    /// `Uid`: the real user id, the first of four.
    var userID: UInt32?
    /// `VmHWM` in bytes: the most memory that was ever resident.
    var markBytes: UInt64?
    /// `VmRSS` in bytes: what is resident now.
    var residentBytes: UInt64?
    /// `VmSwap` in bytes (since Linux 2.6.34).
    var swapBytes: UInt64?

    /// Nothing at all.
    init() {}

    /// Takes from `bytes` what is there.
    init(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            guard let first = line.first else { continue }
            if first == UInt8(ascii: "V") {
                if takeMemory(line) { return }
            } else if first == UInt8(ascii: "N"), name == nil, line.starts(withText: "Name:\t") {
                name = CommName(escaped: UnsafeRawBufferPointer(rebasing: line[6...]))
            } else if first == UInt8(ascii: "U"), line.starts(withText: "Uid:") {
                var words = ByteScanner(line, from: 4)
                userID = words.unsigned().flatMap(UInt32.init(exactly:))
            }
        }
    }

    /// Takes a line that begins with a V.
    ///
    /// Returns true for the last one of interest.
    private mutating func takeMemory(_ line: UnsafeRawBufferPointer) -> Bool {
        if line.starts(withText: "VmHWM:") {
            markBytes = StatusFile.bytes(line, from: 6)
        } else if line.starts(withText: "VmRSS:") {
            residentBytes = StatusFile.bytes(line, from: 6)
        } else if line.starts(withText: "VmSwap:") {
            swapBytes = StatusFile.bytes(line, from: 7)
            return true
        }
        return false
    }

    private static func bytes(_ line: UnsafeRawBufferPointer, from offset: Int) -> UInt64? {
        var words = ByteScanner(line, from: offset)
        return words.kibibytes()
    }
}

extension ByteScanner {
    /// Reads a number and its unit `kB`, which in the kernel's files is 1,024 bytes.
    ///
    /// Returns bytes; nil if it is not so or does not fit.
    mutating func kibibytes() -> UInt64? {
        guard let count = unsigned() else { return nil }
        skipBlanks()
        guard take() == UInt8(ascii: "k"), take() == UInt8(ascii: "B") else { return nil }
        let (bytes, isTooLarge) = count.multipliedReportingOverflow(by: 1024)
        return isTooLarge ? nil : bytes
    }
}
