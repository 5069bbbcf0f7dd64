internal import MemoryModel

extension GrowthLedger {
    /// The most stacks that a result has.
    static let maximumResultStacks = 256
    /// The most lines, and the most functions, that a result has.
    static let maximumResultLines = 1_024

    /// Writes what was counted into a result, the largest first, by the names in `functions`.
    ///
    /// `bytesAtPeak` has by a stack's number what it had of the peak; nil if that is not known.
    func fill(
        _ result: inout PythonGrowth, functions: FunctionTable,
        bytesAtPeak: [Int32: UInt64]? = nil
    ) {
        result.firstBytes = firstBytes
        result.lastBytes = lastBytes
        result.peakBytes = peakBytes
        result.grownBytes = grownBytes
        result.unattributedBytes = unattributedBytes
        result.sleepingBytes = sleepingBytes
        result.unwatchedBytes = unwatchedBytes
        result.otherLineBytes = otherLineBytes
        result.otherStackBytes = otherBytes
        result.otherStackCount = otherCount
        result.peakStackBytes = peakStackBytes
        result.lookCount = lookCount
        result.peakStack = peakStack.map { line($0, functions) }
        fillLines(&result, functions, bytesAtPeak)
        result.sleepingLines = GrowthLedger.largestFirst(sleepingLines)
            .prefix(GrowthLedger.maximumResultLines)
            .map { PythonGrowth.Line(line: line($0.key, functions), grownBytes: $0.value) }
        fillStacks(&result, functions, bytesAtPeak)
        result.functionPeaks = functionPeaks.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(GrowthLedger.maximumResultLines).map { number, bytes in
                let function = functions.function(number)
                return PythonGrowth.FunctionPeak(
                    function: PythonLine(
                        file: function.file, function: function.name, line: function.firstLine),
                    residentBytes: bytes)
            }
    }

    private func fillLines(
        _ result: inout PythonGrowth, _ functions: FunctionTable, _ bytesAtPeak: [Int32: UInt64]?
    ) {
        var atPeak: [StackFrame: UInt64] = [:]
        if let bytesAtPeak {
            let total = bytesAtPeak.values.reduce(UInt64(0)) { $0.saturatingSum($1) }
            var known: UInt64 = 0
            for (stack, growth) in stacks {
                guard let bytes = bytesAtPeak[growth.number], let line = stack.first else {
                    continue
                }
                atPeak[line, default: 0].addClamped(bytes)
                known.addClamped(bytes)
            }
            result.atPeakBytes = total
            result.otherLineAtPeakBytes = total - min(total, known)
        }
        let sorted = GrowthLedger.largestFirst(
            lines.filter { $0.value > 0 || atPeak[$0.key] != nil })
        result.lines = sorted.prefix(GrowthLedger.maximumResultLines).map {
            PythonGrowth.Line(
                line: line($0.key, functions), grownBytes: $0.value,
                atPeakBytes: bytesAtPeak == nil ? nil : atPeak[$0.key] ?? 0)
        }
        for entry in sorted.dropFirst(GrowthLedger.maximumResultLines) {
            result.otherLineBytes.addClamped(entry.value)
            result.otherLineAtPeakBytes.addClamped(atPeak[entry.key] ?? 0)
        }
    }

    private func fillStacks(
        _ result: inout PythonGrowth, _ functions: FunctionTable, _ bytesAtPeak: [Int32: UInt64]?
    ) {
        let sorted = stacks.sorted { left, right in
            (right.value.grownBytes, left.value.number) < (
                left.value.grownBytes, right.value.number
            )
        }
        result.stacks = sorted.prefix(GrowthLedger.maximumResultStacks).map { stack, growth in
            PythonGrowth.Stack(
                lines: stack.map { line($0, functions) }, grownBytes: growth.grownBytes,
                readCount: growth.readCount,
                atPeakBytes: bytesAtPeak.map { $0[growth.number] ?? 0 })
        }
        for entry in sorted.dropFirst(GrowthLedger.maximumResultStacks) {
            result.otherStackBytes.addClamped(entry.value.grownBytes)
            result.otherStackCount += 1
        }
    }

    private static func largestFirst(
        _ lines: [StackFrame: UInt64]
    ) -> [(key: StackFrame, value: UInt64)] {
        lines.sorted { left, right in
            (right.value, left.key.function, left.key.line)
                < (left.value, right.key.function, right.key.line)
        }
    }

    private func line(_ frame: StackFrame, _ functions: FunctionTable) -> PythonLine {
        let function = functions.function(frame.function)
        return PythonLine(file: function.file, function: function.name, line: frame.line)
    }
}
