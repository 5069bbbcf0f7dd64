/// A mounted hierarchy of cgroups, as `/proc/self/mountinfo` lists it.
struct CgroupMount: Equatable {
    /// 1 for a hierarchy with the memory controller (`cgroup`), 2 for the unified one (`cgroup2`).
    var version: UInt8
    /// The cgroup that the mount shows at its top, as the reader's cgroup namespace names it.
    var root: [UInt8]
    /// Where it is mounted.
    var point: [UInt8]
    /// Whether counts of events leave out what happened below (`memory_localevents`).
    var countsLocally: Bool
}

/// The lines about cgroups of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).
///
///     ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE SUPEROPTIONS
enum CgroupMounts {
    /// The most mounts that are taken; containers' hosts have thousands of mounts, but of these
    /// few.
    static let maximumCount = 64

    /// The hierarchies that may have the memory controller, in the order of the file.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [CgroupMount] {
        var mounts: [CgroupMount] = []
        var scanner = ByteScanner(bytes)
        while mounts.count < maximumCount, let line = scanner.line() {
            if let mount = mount(line) { mounts.append(mount) }
        }
        return mounts
    }

    private static func mount(_ line: UnsafeRawBufferPointer) -> CgroupMount? {
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count > 6,
            let dash = words[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
            words.count > dash + 3
        else { return nil }
        let options = words[dash + 3].split(separator: UInt8(ascii: ","))
        func has(_ option: String) -> Bool {
            options.contains { $0.elementsEqual(option.utf8) }
        }
        let version: UInt8
        if words[dash + 1].elementsEqual("cgroup2".utf8) {
            version = 2
        } else if words[dash + 1].elementsEqual("cgroup".utf8), has("memory") {
            version = 1
        } else {
            return nil
        }
        return CgroupMount(
            version: version, root: unescaped(words[3]), point: unescaped(words[4]),
            countsLocally: version == 1 || has("memory_localevents"))
    }

    /// Bytes with the kernel's three octal digits after a backslash undone.
    static func unescaped(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3).map { $0 &- UInt8(ascii: "0") }
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits[0] < 4,
                digits.allSatisfy({ $0 < 8 })
            {
                result.append(digits[0] << 6 | digits[1] << 3 | digits[2])
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
