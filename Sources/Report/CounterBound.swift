import MemoryModel

/// How far the kernel's counts of resident pages can be off.
///
/// Since Linux 6.2 they are kept for each processor and added up now and then (`mm/` and
/// `lib/percpu_counter.c`): four kinds of pages, each with up to `max(32, 2 x processors)` pages
/// on each processor that were not added yet. Before, each thread kept up to 64 pages for itself.
struct CounterBound: Equatable {
    /// The most by which a rough sum is too small or too great, in bytes; nil where the kernel
    /// counts by thread.
    var bytes: UInt64?
    /// The processors of the host.
    var processorCount: UInt32

    private static let kinds: UInt64 = 4
    private static let pageBytes: UInt64 = 4_096

    /// nil for a kernel whose version cannot be read.
    init?(_ host: HostDescription) {
        let parts = host.kernelRelease.bytes.split(
            omittingEmptySubsequences: false
        ) { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard parts.count >= 2, let major = CounterBound.number(parts[0]),
            let minor = CounterBound.number(parts[1])
        else { return nil }
        processorCount = host.processorCount
        guard (major, minor) >= (6, 2) else { return }
        let processors = UInt64(host.processorCount)
        bytes = CounterBound.kinds * CounterBound.pageBytes * processors * max(32, 2 * processors)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.count > 4 ? nil : Int(String(decoding: digits, as: UTF8.self))
    }

    /// The bound in words.
    func words(source: PeakSource) -> String {
        guard let bytes else {
            return "up to 256 KiB off for each thread: before Linux 6.2 each counts for itself"
        }
        let processors =
            processorCount == 1 ? "1 processor" : "\(processorCount) processors"
        let reason =
            "Linux 6.2 and later count pages on each of \(processors) and add them up now and then"
        return switch source {
        case .exit: "up to \(ByteSize(bytes).text) low: \(reason)"
        case .hwm, .sampled, .cgroup:
            "up to \(ByteSize(bytes).text) off where the kernel did not add up: \(reason)"
        }
    }
}
