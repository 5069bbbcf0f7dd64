import MemoryModel

/// A histogram of peaks in few rows of equal ratio.
struct SizeBars {
    /// How many peaks are above one size and not above another.
    struct Row: Equatable {
        /// The greatest size that is not in the row; nil for the first.
        var aboveBytes: UInt64?
        /// The greatest size that is.
        var upToBytes: UInt64
        var count: UInt64
    }

    /// From the smallest size with a peak to the largest, those without one in between included.
    private(set) var rows: [Row] = []

    private static let maximumRows = 10

    /// Puts neighbouring steps together until there are few enough.
    init(_ histogram: PeakHistogram) {
        let steps = histogram.counts.keys.map { Int($0) }
        guard let first = steps.min(), let last = steps.max() else { return }
        var width = 1
        while last / width - first / width >= SizeBars.maximumRows { width *= 2 }
        var counts: [Int: UInt64] = [:]
        for (step, count) in histogram.counts {
            counts[Int(step) / width] = (counts[Int(step) / width] ?? 0).addingClamped(count)
        }
        rows = (first / width...last / width).map { row in
            let end = min((row + 1) * width, Int(PeakHistogram.stepLimit)) - 1
            return Row(
                aboveBytes: row == 0 ? nil : SizeBars.bytes(row * width - 1),
                upToBytes: SizeBars.bytes(end), count: counts[row] ?? 0)
        }
    }

    private static func bytes(_ step: Int) -> UInt64 {
        PeakHistogram.greatestBytes(ofStep: UInt16(clamping: step))
    }

    func table(_ style: TextStyle) -> TextTable {
        typealias Column = TextTable.Column
        typealias Cell = TextTable.Cell
        var table = TextTable(columns: [
            Column(title: "ABOVE", isRightAligned: true, importance: 90),
            Column(title: "UP TO", isRightAligned: true, importance: 100),
            Column(title: "RUNS", isRightAligned: true, importance: 95),
            Column(title: "", minimumWidth: 8, comfortableWidth: 8, importance: 80),
        ])
        let largest = rows.map(\.count).max() ?? 0
        table.rows = rows.map { row in
            [
                Cell(row.aboveBytes.map { ByteSize($0).text } ?? "0 B"),
                Cell(ByteSize(row.upToBytes).text),
                Cell(DecimalText.grouped(Int(clamping: row.count))),
                Cell(style.bar(row.count, of: largest, columns: 40), .bar),
            ]
        }
        return table
    }

    var json: JSONValue {
        .array(
            rows.map { row in
                .object([
                    JSONValue.Member("above_bytes", .optional(row.aboveBytes)),
                    JSONValue.Member("up_to_bytes", .unsigned(row.upToBytes)),
                    JSONValue.Member("runs", .unsigned(row.count)),
                ])
            })
    }
}
