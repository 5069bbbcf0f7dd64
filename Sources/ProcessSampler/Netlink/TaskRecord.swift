/// A message of the family `TASKSTATS`: one thread's statistics, as an answer or at its end.
struct TaskRecord {
    /// The family's name (`TASKSTATS_GENL_NAME`).
    static let familyName: StaticString = "TASKSTATS"

    /// The commands and attributes that this program sends (`TASKSTATS_CMD_...`).
    enum Request {
        /// `TASKSTATS_CMD_GET`, which also begins and ends listening.
        static let command: UInt8 = 1
        /// `TASKSTATS_CMD_ATTR_PID`.
        static let pid: UInt16 = 1
        /// `TASKSTATS_CMD_ATTR_REGISTER_CPUMASK`.
        static let register: UInt16 = 3
        /// `TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK`.
        static let deregister: UInt16 = 4
    }

    /// The thread's statistics.
    var statistics: TaskStatistics
    /// The thread.
    var pid: Int32
    /// The process, if the message has its sums as well: then it has just ended.
    var endedGroupID: Int32?

    /// Takes the records out of a message's payload; nil if it is not as documented.
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= GenericNetlink.headerBytes, payload[0] == 2 else { return nil }
        var statistics: TaskStatistics?
        var endedGroupID: Int32?
        let attributes = payload.part(GenericNetlink.headerBytes..<payload.count)
        for (type, nested) in NetlinkAttributes(attributes) {
            if type == 4, statistics == nil {
                statistics = TaskRecord.statistics(in: nested)
            } else if type == 5 {
                for (inner, value) in NetlinkAttributes(nested) where inner == 2 {
                    endedGroupID = value.integer(at: 0, Int32.self)
                }
            }
        }
        guard let statistics, let pid = statistics.pid else { return nil }
        self.statistics = statistics
        self.pid = pid
        self.endedGroupID = endedGroupID
    }

    /// Takes a record from its parts.
    init(statistics: TaskStatistics, pid: Int32, endedGroupID: Int32?) {
        self.statistics = statistics
        self.pid = pid
        self.endedGroupID = endedGroupID
    }

    /// The statistics in `TASKSTATS_TYPE_AGGR_PID`, which names the thread first.
    private static func statistics(in nested: UnsafeRawBufferPointer) -> TaskStatistics? {
        var pid: Int32?
        for (type, value) in NetlinkAttributes(nested) {
            if type == 1 { pid = value.integer(at: 0, Int32.self) }
            if type == 3, let pid { return TaskStatistics(value, pid: pid) }
        }
        return nil
    }
}
