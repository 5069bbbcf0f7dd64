public import MemoryModel

/// PYTHON_GROWTH (0xA1): which lines ran while Python programs grew.
public struct PythonGrowthFrame: Hashable, Sendable {
    /// The runs in any order, at least one; memory is whole KiB, and no line is below zero.
    public var runs: [GrowthRecord]

    /// Takes the fields as they are.
    public init(runs: [GrowthRecord]) {
        self.runs = runs
    }
}

// MARK: - Payload

extension PythonGrowthFrame {
    private static let counts = 1...WireLimits.maximumGrowthRunsPerFrame
    private static let smallestRunBytes = 7
    private static let codeCounts = 0...WireLimits.maximumCodesPerFrame
    private static let smallestCodeBytes = 3
    private static let lineCounts: ClosedRange<UInt64> =
        0...UInt64(WireLimits.maximumLinesPerRun)

    init(payload reader: inout PayloadReader) throws(WireError) {
        let strings = try reader.strings()
        let codes = try reader.codes(
            count: try reader.count(
                "codeCount", in: Self.codeCounts, smallestBytes: Self.smallestCodeBytes),
            of: strings)
        let count = try reader.count(
            "count", in: Self.counts, smallestBytes: Self.smallestRunBytes)
        var runs = try reader.runKeys(count: count).map { GrowthRecord(run: $0) }
        for index in runs.indices { runs[index].grownBytes = try reader.kibibytes("grownKiB") }
        for index in runs.indices {
            runs[index].unattributedBytes = try reader.kibibytes("unattributedKiB")
        }
        let lineCounts = try reader.lineCounts("lineCount", count: count, in: Self.lineCounts)
        let frameCounts = try reader.lineCounts("frameCount", count: count, in: Self.lineCounts)
        try Self.readLines(into: &runs, lineCounts, codes, payload: &reader)
        try Self.readStacks(into: &runs, frameCounts, codes, payload: &reader)
        self.init(runs: runs)
    }

    /// Takes the lines of the first run, then those of the second, and so on, and then how much
    /// each grew.
    private static func readLines(
        into runs: inout [GrowthRecord], _ counts: [Int], _ codes: [PythonLine],
        payload reader: inout PayloadReader
    ) throws(WireError) {
        var lines: [[PythonLine]] = []
        for count in counts {
            var own: [PythonLine] = []
            for _ in 0..<count { own.append(try reader.code("line", of: codes)) }
            lines.append(own)
        }
        for index in runs.indices {
            for line in lines[index] {
                let bytes = try reader.kibibytes("lineKiB")
                runs[index].lines[line] = max(runs[index].lines[line] ?? 0, bytes)
            }
        }
    }

    private static func readStacks(
        into runs: inout [GrowthRecord], _ counts: [Int], _ codes: [PythonLine],
        payload reader: inout PayloadReader
    ) throws(WireError) {
        for index in runs.indices where counts[index] > 0 {
            let bytes = try reader.kibibytes("stackKiB")
            runs[index].peakStack = GrowthRecord.PeakStack(residentBytes: bytes, lines: [])
        }
        for index in runs.indices where counts[index] > 0 {
            var frames: [PythonLine] = []
            for _ in 0..<counts[index] { frames.append(try reader.code("frame", of: codes)) }
            runs[index].peakStack?.lines = frames
        }
    }

    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        var codes = CodeTable()
        var lines: [[(code: UInt64, bytes: UInt64)]] = []
        var frames: [[UInt64]] = []
        for run in runs {
            lines.append(run.ranked.map { (codes.number(of: $0.line), $0.grownBytes) })
            frames.append((run.peakStack?.lines ?? []).map { codes.number(of: $0) })
        }
        try codes.encode(to: &writer)
        try writer.count(runs.count, "count", in: Self.counts)
        try writer.runKeys(runs.map(\.run))
        for run in runs { writer.kibibytes(run.grownBytes) }
        for run in runs { writer.kibibytes(run.unattributedBytes) }
        for own in lines {
            try writer.uint(UInt64(own.count), "lineCount", in: Self.lineCounts)
        }
        for own in frames {
            try writer.uint(UInt64(own.count), "frameCount", in: Self.lineCounts)
        }
        for line in lines.joined() { writer.uint(line.code) }
        for line in lines.joined() { writer.kibibytes(line.bytes) }
        for (run, own) in zip(runs, frames) where !own.isEmpty {
            writer.kibibytes(run.peakStack?.residentBytes ?? 0)
        }
        for code in frames.joined() { writer.uint(code) }
    }
}

/// Each distinct line of a frame once, in the order in which the frame first mentions them.
private struct CodeTable {
    private var strings = StringTable()
    private var lines: [PythonLine] = []
    private var names: [(file: UInt64, function: UInt64)] = []
    private var numbers: [PythonLine: UInt64] = [:]

    /// The index of `line`, which is taken in if it is new.
    mutating func number(of line: PythonLine) -> UInt64 {
        if let number = numbers[line] { return number }
        let number = UInt64(lines.count)
        numbers[line] = number
        lines.append(line)
        names.append((strings.number(of: line.file), strings.number(of: line.function)))
        return number
    }

    func encode(to writer: inout PayloadWriter) throws(WireError) {
        try writer.strings(of: strings)
        try writer.count(lines.count, "codeCount", in: 0...WireLimits.maximumCodesPerFrame)
        for name in names { writer.uint(name.file) }
        for name in names { writer.uint(name.function) }
        for line in lines {
            guard let number = UInt64(exactly: line.line) else {
                throw PayloadWriter.failure("lineNumber", "\(line.line) is below zero")
            }
            writer.uint(number)
        }
    }
}

extension PayloadReader {
    /// Takes the lines of a frame; that each is there once is not checked.
    fileprivate mutating func codes(
        count: Int, of strings: [RawText]
    ) throws(WireError) -> [PythonLine] {
        var codes: [PythonLine] = []
        codes.reserveCapacity(count)
        for _ in 0..<count {
            codes.append(
                PythonLine(file: try name("file", of: strings), function: "", line: 0))
        }
        for index in codes.indices { codes[index].function = try name("function", of: strings) }
        for index in codes.indices {
            codes[index].line = Int32(try uint("lineNumber", in: 0...UInt64(Int32.max)))
        }
        return codes
    }

    /// Takes the index of a line.
    fileprivate mutating func code(
        _ field: StaticString, of codes: [PythonLine]
    ) throws(WireError) -> PythonLine {
        let start = position
        let number = try uint(field)
        guard number < UInt64(codes.count) else {
            throw failure(field, at: start, "\(number) is no line of the frame")
        }
        return codes[Int(number)]
    }

    /// Takes how many lines each run has; nothing is reserved for them.
    fileprivate mutating func lineCounts(
        _ field: StaticString, count: Int, in range: ClosedRange<UInt64>
    ) throws(WireError) -> [Int] {
        var counts: [Int] = []
        counts.reserveCapacity(count)
        for _ in 0..<count { counts.append(Int(try uint(field, in: range))) }
        return counts
    }
}
