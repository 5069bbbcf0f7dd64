/// Which lines of a run's Python program ran while its memory grew, as one start of an agent saw.
///
/// It is not what allocated. Amounts are absolute, so that two copies become one by the greater;
/// those of several starts of an agent add up.
public struct GrowthRecord: Hashable, Sendable {
    /// The lines that ran at the highest peak for which a stack was read.
    public struct PeakStack: Hashable, Sendable {
        /// What was resident then, in bytes.
        public var residentBytes: UInt64
        /// The lines, the innermost first.
        public var lines: [PythonLine]

        /// Takes both.
        public init(residentBytes: UInt64, lines: [PythonLine]) {
            self.residentBytes = residentBytes
            self.lines = lines
        }
    }

    /// The run.
    public let run: ProcessKey
    /// All growth that was seen, in bytes.
    public var grownBytes: UInt64 = 0
    /// The part of it that no line is named for, in bytes: it grew before it was watched, its stack
    /// could not be read, its thread slept when it was found, or looks were too far apart.
    public var unattributedBytes: UInt64 = 0
    /// How much memory grew while each line ran, the innermost of its stack, in bytes; the largest
    /// only.
    public var lines: [PythonLine: UInt64] = [:]
    /// The stack at the greatest peak; nil where none was read.
    public var peakStack: PeakStack?

    /// Nothing yet.
    public init(run: ProcessKey) {
        self.run = run
    }

    /// Takes in another copy of what the same start of an agent saw.
    ///
    /// Returns whether anything became different.
    @discardableResult
    public mutating func merge(_ other: GrowthRecord) -> Bool {
        let before = self
        grownBytes = max(grownBytes, other.grownBytes)
        unattributedBytes = max(unattributedBytes, other.unattributedBytes)
        lines.merge(other.lines) { max($0, $1) }
        raise(other.peakStack)
        return self != before
    }

    /// Takes in what another start of an agent saw of the run.
    public mutating func addGrowth(of other: GrowthRecord) {
        grownBytes = grownBytes.saturatingSum(other.grownBytes)
        unattributedBytes = unattributedBytes.saturatingSum(other.unattributedBytes)
        lines.merge(other.lines) { $0.saturatingSum($1) }
        raise(other.peakStack)
    }

    /// Keeps the greater stack, whole.
    private mutating func raise(_ candidate: PeakStack?) {
        guard let candidate else { return }
        peakStack = peakStack.map { $0 < candidate ? candidate : $0 } ?? candidate
    }

    /// The lines, the largest growth first.
    public var ranked: [(line: PythonLine, grownBytes: UInt64)] {
        lines.map { (line: $0.key, grownBytes: $0.value) }
            .sorted {
                $0.grownBytes == $1.grownBytes
                    ? $0.line < $1.line : $0.grownBytes > $1.grownBytes
            }
    }
}

extension GrowthRecord.PeakStack: Comparable {
    /// The order of the merge table: more resident; then more lines; then the lines themselves, the
    /// innermost first.
    public static func < (left: Self, right: Self) -> Bool {
        if left.residentBytes != right.residentBytes {
            return left.residentBytes < right.residentBytes
        }
        if left.lines.count != right.lines.count { return left.lines.count < right.lines.count }
        return left.lines.lexicographicallyPrecedes(right.lines)
    }
}

extension PythonLine: Comparable {
    /// Orders by file, then line, then function.
    public static func < (left: PythonLine, right: PythonLine) -> Bool {
        (left.file, left.line, left.function) < (right.file, right.line, right.function)
    }
}
