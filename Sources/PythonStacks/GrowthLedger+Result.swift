internal import MemoryModel

extension GrowthLedger {
    /// The most stacks that a result has.
    static let maximumResultStacks = 64
    /// The most lines, and the most functions, that a result has.
    static let maximumResultLines = 1_024

    /// Writes what was counted into a result, the largest first, by the names in `functions`.
    func fill(_ result: inout PythonGrowth, functions: FunctionTable) {
        result.firstBytes = firstBytes
        result.lastBytes = lastBytes
        result.peakBytes = peakBytes
        result.grownBytes = grownBytes
        result.unattributedBytes = unattributedBytes
        result.otherLineBytes = otherLineBytes
        result.otherStackBytes = otherBytes
        result.otherStackCount = otherCount
        result.peakStackBytes = peakStackBytes
        result.lookCount = lookCount
        result.peakStack = peakStack.map { line($0, functions) }
        let sortedLines = lines.sorted { left, right in
            (right.value, left.key.function, left.key.line)
                < (left.value, right.key.function, right.key.line)
        }
        result.lines = sortedLines.prefix(GrowthLedger.maximumResultLines).map {
            PythonGrowth.Line(line: line($0.key, functions), grownBytes: $0.value)
        }
        for entry in sortedLines.dropFirst(GrowthLedger.maximumResultLines) {
            result.otherLineBytes.addClamped(entry.value)
        }
        let sortedStacks = stacks.sorted { left, right in
            (right.value.grownBytes, left.key.count) < (left.value.grownBytes, right.key.count)
        }
        result.stacks = sortedStacks.prefix(GrowthLedger.maximumResultStacks).map {
            PythonGrowth.Stack(
                lines: $0.key.map { line($0, functions) }, grownBytes: $0.value.grownBytes,
                readCount: $0.value.readCount)
        }
        for entry in sortedStacks.dropFirst(GrowthLedger.maximumResultStacks) {
            result.otherStackBytes.addClamped(entry.value.grownBytes)
            result.otherStackCount += 1
        }
        result.functionPeaks = functionPeaks.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(GrowthLedger.maximumResultLines).map { number, bytes in
                let function = functions.function(number)
                return PythonGrowth.FunctionPeak(
                    function: PythonLine(
                        file: function.file, function: function.name, line: function.firstLine),
                    residentBytes: bytes)
            }
    }

    private func line(_ frame: StackFrame, _ functions: FunctionTable) -> PythonLine {
        let function = functions.function(frame.function)
        return PythonLine(file: function.file, function: function.name, line: frame.line)
    }
}
