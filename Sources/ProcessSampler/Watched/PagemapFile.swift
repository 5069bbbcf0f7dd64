import CLinux
import Glibc

/// One page as `/proc/PID/pagemap` has it (Documentation/admin-guide/mm/pagemap.rst).
///
///     bit 63      present
///     bit 62      swapped out
///     bits 0-54   the number of its frame, if present; 0 without CAP_SYS_ADMIN
public struct PagemapEntry: Hashable, Sendable {
    /// The 64 bits.
    public var bits: UInt64

    /// Takes them.
    public init(bits: UInt64) {
        self.bits = bits
    }

    /// Whether it is in memory.
    public var isPresent: Bool { bits >> 63 == 1 }
    /// Whether it is swapped out.
    public var isSwapped: Bool { bits >> 62 & 1 == 1 }
    /// The number of its frame; nil if it is not told.
    public var frame: UInt64? {
        let frame = bits & (1 << 55 - 1)
        return isPresent && frame != 0 ? frame : nil
    }
}

/// Which pages of a process are in memory (`/proc/PID/pagemap`).
public final class PagemapFile {
    private let file: Int32

    /// Takes an open file, and closes it in the end.
    init(_ file: Int32) {
        self.file = file
    }

    deinit { close(file) }

    /// Pages that follow each other, from the one with number `page` on; fewer at the end of the
    /// address space, and nil if none can be read.
    public func entries(from page: UInt64, count: Int) -> [PagemapEntry]? {
        let size = MemoryLayout<PagemapEntry>.stride
        guard count > 0, let offset = off_t(exactly: page.multipliedReportingOverflow(by: 8).0),
            page <= UInt64(Int64.max) / 8
        else { return nil }
        let entries = [PagemapEntry](unsafeUninitializedCapacity: count) { buffer, filled in
            var read = pread(file, buffer.baseAddress, count * size, offset)
            while read < 0, errno == EINTR {
                read = pread(file, buffer.baseAddress, count * size, offset)
            }
            filled = max(0, read) / size
        }
        return entries.isEmpty ? nil : entries
    }
}
