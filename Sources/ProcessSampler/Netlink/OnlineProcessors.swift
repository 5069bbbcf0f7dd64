import CLinux
import Glibc

/// The processors that are in use.
enum OnlineProcessors {
    /// The most that are listened to.
    static let maximumCount = 4_096

    /// Their numbers (`/sys/devices/system/cpu/online`); where that cannot be read, as many as the
    /// C library counts.
    static func read(_ reader: FileReader) -> [Int] {
        let path = "/sys/devices/system/cpu/online"
        if let bytes = reader.readToEnd(path, in: clinux_working_directory()).content {
            let found = parse(bytes)
            if !found.isEmpty { return found }
        }
        return Array(0..<max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1))
    }

    /// Parses a list such as `0-3,5`; what is not as documented is left out.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [Int] {
        var processors: [Int] = []
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        for range in line.split(separator: UInt8(ascii: ",")) {
            let ends = range.split(separator: UInt8(ascii: "-"))
                .map { Int(String(decoding: $0, as: UTF8.self)) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
                first >= 0, first <= last, last < maximumCount
            else { continue }
            processors += first...last
        }
        return processors
    }
}
