import MemoryModel

// HOST (0x10): what the host is. `HostDescription` of the model says all that the frame does.
extension HostDescription {
    private static let processorCounts: ClosedRange<UInt64> = 0...1_048_576
    private static let tickRates: ClosedRange<UInt64> = 1...1_000_000
    private static let intervals: ClosedRange<UInt64> = 1...86_400_000
    private static let knownRestrictions: ViewRestrictions = [
        .hiddenProcesses, .pidNamespace, .foreignTree, .withoutExitRecords, .commandsOnly,
        .withoutPython,
    ]

    init(payload reader: inout PayloadReader) throws(WireError) {
        let wallMinusBootMilliseconds = try reader.int("wallMinusBootMilliseconds")
        let memoryTotalBytes = try reader.uint("memoryTotalBytes")
        let swapTotalBytes = try reader.uint("swapTotalBytes")
        let processorCount = try reader.uint(
            "processorCount", in: HostDescription.processorCounts)
        let ticksPerSecond = try reader.uint("ticksPerSecond", in: HostDescription.tickRates)
        let intervalMilliseconds = try reader.uint(
            "intervalMilliseconds", in: HostDescription.intervals)
        let restrictions = ViewRestrictions(
            rawValue: UInt32(truncatingIfNeeded: try reader.uint("restrictions")))
        let kernelRelease = try reader.text("kernelRelease", atMost: 128)
        self.init(
            name: try reader.text("name", atMost: 255), kernelRelease: kernelRelease,
            memoryTotalBytes: memoryTotalBytes, swapTotalBytes: swapTotalBytes,
            processorCount: UInt32(processorCount), ticksPerSecond: UInt32(ticksPerSecond),
            wallMinusBootMilliseconds: wallMinusBootMilliseconds,
            intervalMilliseconds: UInt32(intervalMilliseconds),
            restrictions: restrictions.intersection(HostDescription.knownRestrictions),
            labels: try HostDescription.labels(payload: &reader))
    }

    private static func labels(
        payload reader: inout PayloadReader
    ) throws(WireError) -> [HostLabel] {
        let count = try reader.count("labels", in: 0...WireLimits.maximumLabels, smallestBytes: 2)
        var labels: [HostLabel] = []
        labels.reserveCapacity(count)
        for _ in 0..<count {
            let start = reader.position
            let key = try reader.text("label key", atMost: 64)
            if let last = labels.last, last.key >= key {
                throw reader.failure("label key", at: start, "keys do not ascend")
            }
            labels.append(
                HostLabel(key: key, value: try reader.text("label value", atMost: 256)))
        }
        return labels
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        writer.int(wallMinusBootMilliseconds)
        writer.uint(memoryTotalBytes)
        writer.uint(swapTotalBytes)
        try writer.uint(
            UInt64(processorCount), "processorCount", in: HostDescription.processorCounts)
        try writer.uint(UInt64(ticksPerSecond), "ticksPerSecond", in: HostDescription.tickRates)
        try writer.uint(
            UInt64(intervalMilliseconds), "intervalMilliseconds", in: HostDescription.intervals)
        writer.uint(UInt64(restrictions.rawValue))
        writer.label(kernelRelease, atMost: 128)
        writer.label(name, atMost: 255)
        try writer.count(labels.count, "labels", in: 0...WireLimits.maximumLabels)
        var last: RawText?
        for label in labels {
            if let last, last >= label.key {
                throw PayloadWriter.failure("label key", "keys do not ascend")
            }
            last = label.key
            try writer.text(label.key, "label key", atMost: 64)
            try writer.text(label.value, "label value", atMost: 256)
        }
    }
}
