import CLinux
import Glibc

/// One process as the listing of the root shows it.
struct ListedProcess: Equatable {
    /// Its pid; in a listing of `task`, the thread's id.
    var pid: Int32
    /// The inode number of its directory.
    ///
    /// The kernel gives each directory of a process a number when it first makes it. A number
    /// that stayed means the same process; one that changed means another, or that the kernel
    /// had dropped the directory from its cache in between.
    var inode: UInt64
}

/// The numbered entries of a directory: the processes of a procfs, or the threads of a process.
struct ProcessListing {
    /// What the last listing found, ordered by pid.
    private(set) var entries: [ListedProcess] = []

    /// Lists the open `directory` anew.
    ///
    /// Returns false if the kernel did not give a whole listing; what it gave is in `entries`, and
    /// nothing may be made of what is missing there.
    mutating func refresh(_ directory: Int32, limit: Int = .max) -> Bool {
        entries.removeAll(keepingCapacity: true)
        guard lseek(directory, 0, SEEK_SET) == 0 else { return false }
        let isWhole = withUnsafeTemporaryAllocation(byteCount: 32_768, alignment: 8) { buffer in
            while entries.count < limit {
                let count = clinux_read_directory(directory, buffer.baseAddress, buffer.count)
                if count == 0 { return true }
                guard count > 0 else { return false }
                append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return true
        }
        let isOrdered = zip(entries, entries.dropFirst()).allSatisfy { $0.pid < $1.pid }
        if !isOrdered { entries.sort { $0.pid < $1.pid } }
        return isWhole
    }

    /// Takes `entries` as they are, ordered by pid.
    mutating func take(_ entries: [ListedProcess]) {
        self.entries = entries
    }

    /// Takes the entries out of what `getdents64(2)` filled in: an inode number (8 bytes), an
    /// offset (8), the record's length (2), a type (1), and a name that ends with a zero.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start + 20 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt16.self))
            guard length >= 20, start + length <= bytes.count else { return }
            let name = bytes[(start + 19)..<(start + length)]
            if let pid = ProcessListing.number(name) {
                let inode = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                entries.append(ListedProcess(pid: pid, inode: inode))
            }
            start += length
        }
    }

    /// The number that a name ending in a zero byte is; nil for anything else.
    private static func number(_ name: Slice<UnsafeRawBufferPointer>) -> Int32? {
        var value: Int32 = 0
        for byte in name {
            if byte == 0 { return value > 0 ? value : nil }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isStillTooLarge) = tens.addingReportingOverflow(Int32(digit))
            guard !isTooLarge, !isStillTooLarge else { return nil }
            value = sum
        }
        return nil
    }
}
