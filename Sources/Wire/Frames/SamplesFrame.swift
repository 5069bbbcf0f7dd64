/// SAMPLES (0x13): what changed at one or more ticks.
public struct SamplesFrame: Hashable, Sendable {
    /// 1 to 60 ticks, strictly ascending by time.
    public var ticks: [Tick]

    /// Takes the fields as they are.
    public init(ticks: [Tick]) {
        self.ticks = ticks
    }
}

extension SamplesFrame {
    /// What changed at one look at all processes.
    public struct Tick: Hashable, Sendable {
        /// When, in milliseconds of boot time.
        public var atMilliseconds: Int64
        /// `MemAvailable` in bytes; nil where the kernel does not say.
        public var availableBytes: UInt64?
        /// The runs that changed, strictly ascending by slot.
        public var samples: [Sample]

        /// Takes the fields as they are.
        public init(atMilliseconds: Int64, availableBytes: UInt64?, samples: [Sample]) {
            self.atMilliseconds = atMilliseconds
            self.availableBytes = availableBytes
            self.samples = samples
        }
    }

    /// What changed of one run; at least one field says something.
    public struct Sample: Hashable, Sendable {
        /// The slot of the run.
        public var slot: UInt32
        /// Resident memory in bytes.
        public var resident: Change
        /// Memory in swap in bytes.
        public var swap: Change
        /// Processor time in milliseconds; nil if it did not change.
        public var processorMilliseconds: UInt64?
        /// What of the resident memory is file-backed or shared, in bytes.
        public var file: Change
        /// The proportional share of resident memory in bytes.
        public var proportional: Change

        /// Takes the fields as they are.
        public init(
            slot: UInt32, resident: Change, swap: Change, processorMilliseconds: UInt64?,
            file: Change = .unchanged, proportional: Change = .unchanged
        ) {
            self.slot = slot
            self.resident = resident
            self.swap = swap
            self.processorMilliseconds = processorMilliseconds
            self.file = file
            self.proportional = proportional
        }
    }

    /// How a figure changed since it was last sent.
    public enum Change: Hashable, Sendable {
        /// It is as it was.
        case unchanged
        /// It can no longer be read.
        case unreadable
        /// It is this many bytes, a whole number of KiB.
        case bytes(UInt64)
    }
}

// MARK: - Payload

/// Which figures of a run a tick mentions.
private enum SampleMask {
    static let resident: UInt8 = 1 << 0
    static let swap: UInt8 = 1 << 1
    static let processorTime: UInt8 = 1 << 2
    static let file: UInt8 = 1 << 3
    static let proportional: UInt8 = 1 << 4
    static let composition = file | proportional
    static let all: UInt8 = 0b1_1111
}

extension SamplesFrame {
    private static let tickCounts = 1...WireLimits.maximumTicksPerFrame
    private static let sampleCounts = 0...WireLimits.maximumSlots

    init(payload reader: inout PayloadReader) throws(WireError) {
        let count = try reader.count(
            "tickCount", in: SamplesFrame.tickCounts, smallestBytes: 3)
        var ticks: [Tick] = []
        ticks.reserveCapacity(count)
        var time = try reader.time("firstTick")
        ticks.append(Tick(atMilliseconds: time, availableBytes: nil, samples: []))
        for _ in 1..<count {
            let start = reader.position
            let step = try reader.uint("tickSteps")
            guard step >= 1, step <= UInt64(Int64.max - time) else {
                throw reader.failure("tickSteps", at: start, "\(step) after \(time)")
            }
            time += Int64(step)
            ticks.append(Tick(atMilliseconds: time, availableBytes: nil, samples: []))
        }
        for index in 0..<count {
            ticks[index].availableBytes = try reader.optKibibytes("availableKiB")
        }
        for index in 0..<count {
            ticks[index].samples = try SamplesFrame.samples(payload: &reader)
        }
        self.init(ticks: ticks)
    }

    private static func samples(payload reader: inout PayloadReader) throws(WireError) -> [Sample] {
        let count = try reader.count("count", in: sampleCounts, smallestBytes: 3)
        let empty = Sample(
            slot: 0, resident: .unchanged, swap: .unchanged, processorMilliseconds: nil)
        var samples = [Sample](repeating: empty, count: count)
        var span = samples.mutableSpan
        var lowest: UInt32 = 0
        for index in 0..<count {
            let slot = try reader.slot("slot", lowest: lowest)
            lowest = slot + 1
            span[index].slot = slot
        }
        let masks = try reader.masks("mask", count: count, allowed: SampleMask.all)
        for index in 0..<count where masks[index] & SampleMask.resident != 0 {
            span[index].resident = try change("residentKiB", payload: &reader)
        }
        for index in 0..<count where masks[index] & SampleMask.swap != 0 {
            span[index].swap = try change("swapKiB", payload: &reader)
        }
        for index in 0..<count where masks[index] & SampleMask.processorTime != 0 {
            span[index].processorMilliseconds = try reader.uint("processorMilliseconds")
        }
        // Most ticks say nothing of how memory is made up.
        if masks.contains(where: { $0 & SampleMask.composition != 0 }) {
            for index in 0..<count where masks[index] & SampleMask.file != 0 {
                span[index].file = try change("fileKiB", payload: &reader)
            }
            for index in 0..<count where masks[index] & SampleMask.proportional != 0 {
                span[index].proportional = try change("proportionalKiB", payload: &reader)
            }
        }
        return samples
    }

    @inline(__always)
    private static func change(
        _ field: StaticString, payload reader: inout PayloadReader
    ) throws(WireError) -> Change {
        guard let bytes = try reader.optKibibytes(field) else { return .unreadable }
        return .bytes(bytes)
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        try writer.count(ticks.count, "tickCount", in: SamplesFrame.tickCounts)
        var last: Int64?
        for tick in ticks {
            guard let previous = last else {
                try writer.time(tick.atMilliseconds, "firstTick")
                last = tick.atMilliseconds
                continue
            }
            guard tick.atMilliseconds > previous else {
                throw PayloadWriter.failure("tickSteps", "times do not ascend")
            }
            writer.uint(UInt64(tick.atMilliseconds - previous))
            last = tick.atMilliseconds
        }
        for tick in ticks { writer.optKibibytes(tick.availableBytes) }
        for tick in ticks { try SamplesFrame.encode(tick.samples, to: &writer) }
    }

    private static func encode(
        _ samples: [Sample], to writer: inout PayloadWriter
    ) throws(WireError) {
        try writer.count(samples.count, "count", in: sampleCounts)
        var lowest: UInt32 = 0
        for sample in samples { lowest = try writer.slot(sample.slot, lowest: lowest) }
        var union: UInt8 = 0
        for sample in samples {
            let mask = sample.mask
            union |= mask
            guard mask != 0 else {
                throw PayloadWriter.failure("mask", "a sample says nothing")
            }
            writer.byte(mask)
        }
        for sample in samples { encode(sample.resident, to: &writer) }
        for sample in samples { encode(sample.swap, to: &writer) }
        for sample in samples {
            if let time = sample.processorMilliseconds { writer.uint(time) }
        }
        guard union & SampleMask.composition != 0 else { return }
        for sample in samples { encode(sample.file, to: &writer) }
        for sample in samples { encode(sample.proportional, to: &writer) }
    }

    @inline(__always)
    private static func encode(_ change: Change, to writer: inout PayloadWriter) {
        switch change {
        case .unchanged: break
        case .unreadable: writer.uint(0)
        case .bytes(let bytes): writer.optKibibytes(bytes)
        }
    }
}

extension SamplesFrame.Sample {
    @inline(__always)
    fileprivate var mask: UInt8 {
        (resident == .unchanged ? 0 : SampleMask.resident)
            | (swap == .unchanged ? 0 : SampleMask.swap)
            | (processorMilliseconds == nil ? 0 : SampleMask.processorTime)
            | (file == .unchanged ? 0 : SampleMask.file)
            | (proportional == .unchanged ? 0 : SampleMask.proportional)
    }
}
