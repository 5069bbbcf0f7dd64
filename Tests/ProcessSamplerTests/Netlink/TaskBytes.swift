@testable import ProcessSampler

/// A `struct taskstats` and the messages around it, as bytes of a kernel's making.
struct TaskBytes {
    var version: UInt16 = 13
    var exitStatus: UInt32 = 0
    var flags: UInt8 = 0
    var name = "a name"
    var userID: UInt32 = 1_000
    var pid: Int32 = 300
    var parentPid: Int32 = 7
    var groupID: Int32 = 300
    var elapsedMicroseconds: UInt64 = 2_000_000
    var groupElapsedMicroseconds: UInt64 = 2_000_000
    var userMicroseconds: UInt64 = 1_500
    var systemMicroseconds: UInt64 = 500
    var minorFaults: UInt64 = 10
    var majorFaults: UInt64 = 1
    var markKibibytes: UInt64 = 4_096
    /// Fields that a kernel has in the middle, for each group of delays.
    var extraFields = 0

    /// The lengths that the struct had in released kernels.
    static func length(ofVersion version: UInt16) -> Int {
        switch version {
        case ...8: 328
        case 9: 344
        case 10: 352
        case 11: 368
        case 12: 400
        case 13: 416
        case 14: 432
        default: 560
        }
    }

    /// The struct, as long as its version has it.
    var bytes: [UInt8] {
        var bytes = [UInt8](
            repeating: 0, count: TaskBytes.length(ofVersion: version) + extraFields * 8 * 8)
        let basic = extraFields * 24
        let tail = extraFields * 48
        func put(_ value: some FixedWidthInteger, _ offset: Int) {
            withUnsafeBytes(of: value) { source in
                for (index, byte) in source.enumerated() where offset + index < bytes.count {
                    bytes[offset + index] = byte
                }
            }
        }
        put(version, 0)
        put(exitStatus, 4)
        put(flags, 8)
        for (index, byte) in name.utf8.enumerated() { put(byte, 80 + basic + index) }
        put(userID, 120 + basic)
        put(pid, 128 + basic)
        put(parentPid, 132 + basic)
        put(UInt32(1_700_000_000), 136 + basic)
        put(elapsedMicroseconds, 144 + basic)
        put(userMicroseconds, 152 + basic)
        put(systemMicroseconds, 160 + basic)
        put(minorFaults, 168 + basic)
        put(majorFaults, 176 + basic)
        put(markKibibytes, 200 + basic)
        if version >= 10 { put(UInt64(1_800_000_000), 344 + extraFields * 40) }
        if version >= 12 {
            put(groupID, 368 + tail)
            put(groupElapsedMicroseconds, 376 + tail)
        }
        return bytes
    }

    /// The payload of a message with it, and with the process's sums if one is named.
    func payload(endedGroupID: Int32? = nil) -> [UInt8] {
        var payload: [UInt8] = [2, 1, 0, 0]
        payload += TaskBytes.attribute(
            4, TaskBytes.attribute(1, TaskBytes.number(pid)) + TaskBytes.attribute(3, bytes))
        if let endedGroupID {
            payload += TaskBytes.attribute(
                5,
                TaskBytes.attribute(2, TaskBytes.number(endedGroupID))
                    + TaskBytes.attribute(3, bytes))
        }
        return payload
    }

    /// The record as it is taken out of a message.
    func record(endedGroupID: Int32? = nil) -> TaskRecord? {
        withBytes(payload(endedGroupID: endedGroupID)) { TaskRecord($0) }
    }

    static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }

    static func attribute(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
        number(UInt16(payload.count + 4)) + number(type) + payload
            + Array(repeating: 0, count: -payload.count & 3)
    }

    static func message(_ type: UInt16, sequence: UInt32, _ payload: [UInt8]) -> [UInt8] {
        number(UInt32(payload.count + 16)) + number(type) + number(UInt16(0)) + number(sequence)
            + number(UInt32(0)) + payload + Array(repeating: 0, count: -payload.count & 3)
    }
}
