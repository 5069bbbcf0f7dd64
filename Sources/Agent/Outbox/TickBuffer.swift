import MemoryModel

/// Changes of one look at all processes that wait for the next report.
struct BufferedTick {
    var atMilliseconds: Int64
    var availableBytes: UInt64?
    var samples: [BufferedSample] = []
}

/// What changed of a run, and its figures then.
struct BufferedSample {
    var key: ProcessKey
    var change: RunChange
    var use: RunUse
}

/// The figures of a run at one tick.
struct RunUse {
    var residentBytes: UInt64?
    var swapBytes: UInt64?
    var fileBytes: UInt64?
    var proportionalBytes: UInt64?
    var processorMilliseconds: UInt64?

    init(_ record: RunRecord) {
        residentBytes = record.current?.residentBytes
        swapBytes = record.current?.swapBytes
        fileBytes = record.current?.fileBytes
        proportionalBytes = record.current?.proportionalBytes
        processorMilliseconds = record.processorMilliseconds
    }
}

extension RunChange {
    /// What is told tick by tick.
    static let sampled: RunChange = [.resident, .swap, .processorTime]
    /// What describes the present of a run.
    static let present: RunChange = [.resident, .swap, .processorTime, .composition]
}
