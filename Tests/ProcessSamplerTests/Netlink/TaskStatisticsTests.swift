import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct TaskStatisticsTests {
    @Test(
        "The fields of every version come from their places",
        arguments: [8, 9, 10, 11, 12, 13, 14, 16, 17] as [UInt16])
    func fields(version: UInt16) throws {
        let bytes = TaskBytes(version: version, exitStatus: 0x0300, flags: 0x21)
        let record = try #require(bytes.record())
        let statistics = record.statistics
        #expect(statistics.version == version)
        #expect(statistics.exitStatus == 0x0300)
        #expect(statistics.name?.text == "a name")
        #expect(statistics.userID == 1_000)
        #expect(record.pid == 300)
        #expect(statistics.parentPid == 7)
        #expect(statistics.elapsedMicroseconds == 2_000_000)
        #expect(statistics.processorMicroseconds == 2_000)
        #expect(statistics.minorFaults == 10)
        #expect(statistics.majorFaults == 1)
        #expect(statistics.markBytes == 4_096 << 10)
        #expect(statistics.startedWallSeconds == (version >= 10 ? 1_800_000_000 : 1_700_000_000))
        #expect(statistics.isForkWithoutExec)
        #expect(statistics.groupID == (version >= 12 ? 300 : nil))
        #expect(statistics.groupElapsedMicroseconds == (version >= 12 ? 2_000_000 : nil))
        #expect(statistics.isEndOfGroup == (version >= 12))
    }

    @Test(
        "Kernels with fields in the middle are told by the thread's number", arguments: [1, 2])
    func movedFields(count: Int) throws {
        var bytes = TaskBytes(version: 14)
        bytes.extraFields = count
        let statistics = try #require(bytes.record()).statistics
        #expect(statistics.name?.text == "a name")
        #expect(statistics.markBytes == 4_096 << 10)
        #expect(statistics.groupID == 300)
        #expect(statistics.groupElapsedMicroseconds == 2_000_000)
        #expect(statistics.startedWallSeconds == 1_800_000_000)
    }

    @Test("Another thread's struct, no memory and a mark that does not fit are not figures")
    func notFigures() throws {
        let other = withBytes(TaskBytes().bytes) { TaskStatistics($0, pid: 301) }
        #expect(other == nil)
        let kernelThread = try #require(TaskBytes(markKibibytes: 0).record())
        #expect(kernelThread.statistics.markBytes == nil)
        let huge = try #require(TaskBytes(markKibibytes: .max).record())
        #expect(huge.statistics.markBytes == nil)
    }

    @Test("Every prefix of a struct gives what is in it, and none is read beyond its end")
    func prefixes() {
        let whole = TaskBytes().bytes
        for count in 0...whole.count {
            let statistics = withBytes(whole.prefix(count)) { TaskStatistics($0, pid: 300) }
            #expect((statistics != nil) == (count >= 132))
            #expect((statistics?.markBytes != nil) == (count >= 208))
            #expect((statistics?.groupID != nil) == (count >= 372))
        }
    }

    @Test("Every prefix of a datagram and every value of each length byte is survived")
    func hostileLengths() {
        let whole = TaskBytes.message(
            30, sequence: 5, TaskBytes().payload(endedGroupID: 300))
        func records(_ bytes: [UInt8]) -> Int {
            withBytes(bytes) { bytes in
                NetlinkMessages(bytes).reduce(0) { $0 + (TaskRecord($1.payload) == nil ? 0 : 1) }
            }
        }
        #expect(records(whole + whole) == 2)
        for count in 0..<whole.count { #expect(records(Array(whole.prefix(count))) == 0) }
        // Where the message's, the attributes' and the nested attributes' lengths stand.
        for offset in [0, 1, 2, 3, 20, 21, 24, 25, 32, 33] {
            for value in UInt8.min...UInt8.max {
                var bytes = whole
                bytes[offset] = value
                #expect(records(bytes) <= 1)
            }
        }
    }

    @Test("An attribute's flags are no part of its type, and padding is gone past")
    func attributes() {
        let bytes =
            TaskBytes.attribute(0x8001, [1]) + TaskBytes.attribute(2, []) + [3, 0, 0, 0]
        let found = withBytes(bytes) { bytes in
            NetlinkAttributes(bytes).map { "\($0.type): \($0.payload.count)" }
        }
        #expect(found == ["1: 1", "2: 0"])
    }

    @Test("A request for a family is as the kernel reads it, and its answer is understood")
    func family() {
        var request: [UInt8] = []
        GenericNetlink.appendResolve("TASKSTATS", sequence: 9, to: &request)
        let message = withBytes(request) { bytes in
            NetlinkMessages(bytes).map { ($0.type, $0.sequence, Array($0.payload)) }
        }
        #expect(message.count == 1)
        #expect(message.first?.0 == 16)
        #expect(message.first?.1 == 9)
        let expected = [3, 1, 0, 0] + TaskBytes.attribute(2, Array("TASKSTATS\0".utf8))
        #expect(message.first?.2 == expected)
        let answer = TaskBytes.message(
            16, sequence: 9,
            [1, 2, 0, 0] + TaskBytes.attribute(2, Array("TASKSTATS\0".utf8))
                + TaskBytes.attribute(1, TaskBytes.number(UInt16(29))))
        let number = withBytes(answer) { bytes in
            NetlinkMessages(bytes).compactMap { GenericNetlink.family(in: $0) }
        }
        #expect(number == [29])
    }

    @Test("The kernel's error is its number, and success is zero")
    func errors() {
        let bytes =
            TaskBytes.message(2, sequence: 1, TaskBytes.number(Int32(-3)))
            + TaskBytes.message(2, sequence: 2, TaskBytes.number(Int32(0)))
            + TaskBytes.message(2, sequence: 3, [])
            + TaskBytes.message(2, sequence: 4, TaskBytes.number(Int32.min))
            + TaskBytes.message(30, sequence: 5, TaskBytes.number(Int32(-3)))
        let codes = withBytes(bytes) { NetlinkMessages($0).map(\.errorCode) }
        #expect(codes == [3, 0, nil, Int32.max, nil])
    }
}
