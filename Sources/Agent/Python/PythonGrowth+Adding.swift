import MemoryModel

extension PythonGrowth {
    /// The same with the largest `maximumLines` of each kind.
    ///
    /// What is left out is counted with what found no room before.
    func keeping(_ maximumLines: Int) -> PythonGrowth {
        var growth = self
        for line in lines.dropFirst(maximumLines) {
            growth.otherLineBytes = growth.otherLineBytes.saturatingSum(line.grownBytes)
        }
        growth.lines = Array(lines.prefix(maximumLines))
        growth.sleepingLines = Array(sleepingLines.prefix(maximumLines))
        for stack in stacks.dropFirst(maximumLines) {
            growth.otherStackBytes = growth.otherStackBytes.saturatingSum(stack.grownBytes)
            growth.otherStackCount += 1
        }
        growth.stacks = Array(stacks.prefix(maximumLines))
        growth.functionPeaks = Array(functionPeaks.prefix(maximumLines))
        return growth
    }

    /// The same with what was found of the same run before it was left alone for a while, both
    /// by looks alone.
    func adding(_ earlier: PythonGrowth) -> PythonGrowth {
        var growth = self
        growth.watchedMilliseconds += earlier.watchedMilliseconds
        growth.firstBytes = earlier.firstBytes ?? firstBytes
        if earlier.peakBytes > peakBytes {
            growth.peakBytes = earlier.peakBytes
            growth.peakAtMilliseconds = earlier.peakAtMilliseconds
        }
        if earlier.peakStackBytes > peakStackBytes {
            growth.peakStack = earlier.peakStack
            growth.peakStackBytes = earlier.peakStackBytes
            growth.peakStackAtMilliseconds = earlier.peakStackAtMilliseconds
        }
        growth.markBytes = [markBytes, earlier.markBytes].compactMap { $0 }.max()
        growth.grownBytes = grownBytes.saturatingSum(earlier.grownBytes)
        growth.unattributedBytes = unattributedBytes.saturatingSum(earlier.unattributedBytes)
        growth.sleepingBytes = sleepingBytes.saturatingSum(earlier.sleepingBytes)
        growth.unwatchedBytes = unwatchedBytes.saturatingSum(earlier.unwatchedBytes)
        growth.otherLineBytes = otherLineBytes.saturatingSum(earlier.otherLineBytes)
        growth.otherStackBytes = otherStackBytes.saturatingSum(earlier.otherStackBytes)
        growth.otherStackCount += earlier.otherStackCount
        growth.lines = PythonGrowth.merged((lines + earlier.lines).map { ($0.line, $0.grownBytes) })
        growth.sleepingLines = PythonGrowth.merged(
            (sleepingLines + earlier.sleepingLines).map { ($0.line, $0.grownBytes) })
        growth.stacks = PythonGrowth.merged(stacks + earlier.stacks)
        growth.functionPeaks = PythonGrowth.merged(functionPeaks + earlier.functionPeaks)
        growth.lookCount += earlier.lookCount
        growth.stackCount += earlier.stackCount
        growth.failedStackCount += earlier.failedStackCount
        growth.cutStackCount += earlier.cutStackCount
        growth.otherThreadCount += earlier.otherThreadCount
        growth.ownMicroseconds += earlier.ownMicroseconds
        var faultCounts: [String: Int] = [:]
        for fault in faults + earlier.faults {
            faultCounts[fault.reason, default: 0] += fault.count
        }
        growth.faults = faultCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { Fault(reason: $0.key, count: $0.value) }
        return growth
    }

    /// Growth by line with each line once, the largest first.
    static func merged(_ lines: [(PythonLine, UInt64)]) -> [Line] {
        var order: [PythonLine] = []
        var bytes: [PythonLine: UInt64] = [:]
        for (line, grown) in lines {
            if bytes[line] == nil { order.append(line) }
            bytes[line] = (bytes[line] ?? 0).saturatingSum(grown)
        }
        return order.map { Line(line: $0, grownBytes: bytes[$0] ?? 0) }
            .sorted { $0.grownBytes > $1.grownBytes }
    }

    private static func merged(_ stacks: [Stack]) -> [Stack] {
        var places: [[PythonLine]: Int] = [:]
        var merged: [Stack] = []
        for stack in stacks {
            if let place = places[stack.lines] {
                merged[place].grownBytes = merged[place].grownBytes.saturatingSum(stack.grownBytes)
                merged[place].readCount += stack.readCount
            } else {
                places[stack.lines] = merged.count
                merged.append(stack)
            }
        }
        return merged.sorted { $0.grownBytes > $1.grownBytes }
    }

    private static func merged(_ peaks: [FunctionPeak]) -> [FunctionPeak] {
        var places: [PythonLine: Int] = [:]
        var merged: [FunctionPeak] = []
        for peak in peaks {
            if let place = places[peak.function] {
                merged[place].residentBytes = max(merged[place].residentBytes, peak.residentBytes)
            } else {
                places[peak.function] = merged.count
                merged.append(peak)
            }
        }
        return merged.sorted { $0.residentBytes > $1.residentBytes }
    }
}
