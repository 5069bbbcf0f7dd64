public import MemoryModel

/// FOLD (0x18): many small ended runs of one program, user and cgroup as one.
public struct FoldFrame: Hashable, Sendable {
    /// The folds, strictly ascending by ordinal; at least one.
    ///
    /// Brackets are boot time; that of a fold is never nil, nor is that of a known peak. Memory is
    /// whole KiB.
    public var folds: [Fold]

    /// Takes the fields as they are.
    public init(folds: [Fold]) {
        self.folds = folds
    }
}

// MARK: - Payload

extension FoldFrame {
    private static let counts = 1...WireLimits.maximumFoldsPerFrame
    private static let smallestFoldBytes = 13
    private static let stepCounts: ClosedRange<UInt64> = 0...UInt64(WireLimits.maximumStepsPerFold)

    init(payload reader: inout PayloadReader) throws(WireError) {
        let baseTime = try reader.time("baseTime")
        let count = try reader.count(
            "count", in: FoldFrame.counts, smallestBytes: FoldFrame.smallestFoldBytes)
        let strings = try reader.strings()
        var folds: [Fold] = []
        folds.reserveCapacity(count)
        for _ in 0..<count {
            let ordinal = try reader.ordinal(after: folds.last?.ordinal)
            let subject = FoldSubject(program: RawText([]), user: nil, cgroup: nil)
            folds.append(Fold(ordinal: ordinal, subject: subject))
        }
        try FoldFrame.readSubjects(into: &folds, of: strings, payload: &reader)
        for index in folds.indices {
            folds[index].runCount = try reader.uint("runCount", in: 1...UInt64.max)
        }
        try FoldFrame.readPeaks(into: &folds, before: baseTime, payload: &reader)
        for index in folds.indices {
            folds[index].sumOfPeaksBytes = try reader.kibibytes("sumKiB")
        }
        let ends = try reader.bracketEnds(count: count, before: baseTime)
        for index in folds.indices {
            folds[index].bracket = try reader.bracket(endingAt: ends[index])
        }
        for index in folds.indices {
            folds[index].processorMilliseconds = try reader.uint("processorMilliseconds")
        }
        for index in folds.indices {
            folds[index].failureCount = try reader.uint(
                "failureCount", in: 0...folds[index].runCount)
        }
        for index in folds.indices {
            folds[index].killCount = try reader.uint("killCount", in: 0...folds[index].runCount)
        }
        try FoldFrame.readHistograms(into: &folds, payload: &reader)
        self.init(folds: folds)
    }

    private static func readSubjects(
        into folds: inout [Fold], of strings: [RawText], payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in folds.indices {
            folds[index].subject.program = try reader.name("program", of: strings)
        }
        for index in folds.indices {
            folds[index].subject.user = try reader.optName("user", of: strings)
        }
        for index in folds.indices {
            folds[index].subject.cgroup = try reader.optName("cgroup", of: strings)
        }
    }

    private static func readPeaks(
        into folds: inout [Fold], before baseTime: Int64, payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in folds.indices {
            folds[index].peak = try PeakSource(foldPayload: &reader)
                .map { Peak(bytes: 0, bracket: nil, source: $0) }
        }
        let known = folds.indices.filter { folds[$0].peak != nil }
        for index in known { folds[index].peak?.bytes = try reader.kibibytes("peakKiB") }
        let ends = try reader.bracketEnds(count: known.count, before: baseTime)
        for (index, end) in zip(known, ends) {
            folds[index].peak?.bracket = try reader.bracket(endingAt: end)
        }
    }

    /// Takes how many steps each histogram has, then the steps of all, then their counts.
    private static func readHistograms(
        into folds: inout [Fold], payload reader: inout PayloadReader
    ) throws(WireError) {
        var stepCounts: [Int] = []
        stepCounts.reserveCapacity(folds.count)
        for _ in folds {
            stepCounts.append(Int(try reader.uint("stepCount", in: FoldFrame.stepCounts)))
        }
        var steps: [UInt16] = []
        for count in stepCounts {
            var lowest: UInt32 = 0
            for _ in 0..<count {
                let step = try reader.slot(
                    "step", lowest: lowest, below: UInt32(PeakHistogram.stepLimit))
                steps.append(UInt16(step))
                lowest = step + 1
            }
        }
        var place = 0
        for index in folds.indices {
            var left = folds[index].runCount
            for _ in 0..<stepCounts[index] {
                let start = reader.position
                let count = try reader.uint("stepRunCount")
                guard count >= 1, count <= left else {
                    throw reader.failure(
                        "stepRunCount", at: start, "\(count) is not in 1...\(left)")
                }
                left -= count
                folds[index].histogram.add(count: count, atStep: steps[place])
                place += 1
            }
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        let brackets = folds.compactMap(\.bracket)
        let peaks = folds.compactMap(\.peak)
        let peakBrackets = peaks.compactMap(\.bracket)
        guard brackets.count == folds.count, peakBrackets.count == peaks.count else {
            throw PayloadWriter.failure("age", "a fold has no bracket")
        }
        let baseTime = try PayloadWriter.baseTime(of: brackets + peakBrackets)
        writer.uint(UInt64(baseTime))
        try writer.count(folds.count, "count", in: FoldFrame.counts)
        var table = StringTable()
        let names = folds.map { fold in
            (
                table.number(of: fold.subject.program), table.number(of: fold.subject.user),
                table.number(of: fold.subject.cgroup)
            )
        }
        try writer.strings(of: table)
        var last: UInt64?
        for fold in folds {
            try writer.ordinal(fold.ordinal, after: last)
            last = fold.ordinal
        }
        for name in names { writer.uint(name.0) }
        for name in names { writer.uint(name.1) }
        for name in names { writer.uint(name.2) }
        for fold in folds { try writer.uint(fold.runCount, "runCount", in: 1...UInt64.max) }
        for fold in folds { writer.byte(fold.peak?.source.rawValue ?? 0) }
        for peak in peaks { writer.kibibytes(peak.bytes) }
        writer.column(ages: peakBrackets, before: baseTime)
        writer.column(widths: peakBrackets)
        for fold in folds { writer.kibibytes(fold.sumOfPeaksBytes) }
        writer.column(ages: brackets, before: baseTime)
        writer.column(widths: brackets)
        for fold in folds { writer.uint(fold.processorMilliseconds) }
        for fold in folds {
            try writer.uint(fold.failureCount, "failureCount", in: 0...fold.runCount)
        }
        for fold in folds { try writer.uint(fold.killCount, "killCount", in: 0...fold.runCount) }
        try encodeHistograms(to: &writer)
    }

    private func encodeHistograms(to writer: inout PayloadWriter) throws(WireError) {
        for fold in folds {
            guard fold.histogram.total <= fold.runCount else {
                throw PayloadWriter.failure("stepRunCount", "counts more runs than there are")
            }
            writer.uint(UInt64(fold.histogram.counts.count))
        }
        let histograms = folds.map { $0.histogram.counts.sorted { $0.key < $1.key } }
        for histogram in histograms {
            var lowest: UInt16 = 0
            for (step, _) in histogram {
                writer.uint(UInt64(step - lowest))
                lowest = step + 1
            }
        }
        for histogram in histograms {
            for (_, count) in histogram { writer.uint(count) }
        }
    }
}

extension PeakSource {
    /// Takes the source of a fold's peak; nil where it has none.
    fileprivate init?(foldPayload reader: inout PayloadReader) throws(WireError) {
        let start = reader.position
        let number = try reader.byte("source")
        guard number != 0 else { return nil }
        guard let source = PeakSource(rawValue: number) else {
            throw reader.failure("source", at: start, "\(number) is no source")
        }
        self = source
    }
}
