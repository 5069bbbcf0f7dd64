/// `/proc/self/mountinfo`: what is mounted where (`proc_pid_mountinfo(5)`).
///
///     ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE SUPEROPTIONS
enum MountTable {
    /// Whether the procfs with this device number hides processes (`hidepid`).
    ///
    /// Each mount of a procfs has options and, since Linux 5.8, a device number of its own.
    static func hidesProcesses(
        _ bytes: UnsafeRawBufferPointer, deviceMajor: UInt32, deviceMinor: UInt32
    ) -> Bool {
        let device = Array("\(deviceMajor):\(deviceMinor)".utf8)
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count > 5, words[2].elementsEqual(device),
                let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }),
                words.count > dash + 3, words[dash + 1].elementsEqual("proc".utf8)
            else { continue }
            if hidesProcesses(options: words[5]) || hidesProcesses(options: words[dash + 3]) {
                return true
            }
        }
        return false
    }

    /// Whether options hold `hidepid` with a value that hides anything: by number, or since Linux
    /// 5.8 by name.
    private static func hidesProcesses(options: Slice<UnsafeRawBufferPointer>) -> Bool {
        let values = ["1", "2", "4", "noaccess", "invisible", "ptraceable"]
        return options.split(separator: UInt8(ascii: ",")).contains { option in
            values.contains { option.elementsEqual("hidepid=\($0)".utf8) }
        }
    }
}
