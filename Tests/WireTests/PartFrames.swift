import MemoryModel
import Wire

// Frames about parts of runs: their meaning in vectors, and random ones.

extension SectionRecord {
    var meaning: JSONValue {
        .object([
            "pid": .count(key.run.pid), "startTicks": .count(key.run.startTicks),
            "image": .count(key.run.image), "name": .text(key.name),
            "flags": .count(flags.rawValue), "source": .string(peak.source.word),
            "peakKiB": .kibibytes(peak.bytes),
            "notBefore": .optional(peak.bracket?.notBeforeMilliseconds),
            "notAfter": .optional(peak.bracket?.notAfterMilliseconds),
            "growthKiB": .kibibytes(growthBytes), "callCount": .count(callCount),
            "totalMicroseconds": .count(totalMicroseconds),
            "longestMicroseconds": .count(longestMicroseconds),
        ])
    }
}

extension PythonLine {
    fileprivate func members(_ further: [String: JSONValue] = [:]) -> JSONValue {
        .object(
            ["file": .text(file), "function": .text(function), "line": .count(line)]
                .merging(further) { $1 })
    }
}

extension GrowthRecord {
    var meaning: JSONValue {
        let stack = peakStack.map { stack in
            JSONValue.object([
                "residentKiB": .kibibytes(stack.residentBytes),
                "lines": .array(stack.lines.map { $0.members() }),
            ])
        }
        return .object([
            "pid": .count(run.pid), "startTicks": .count(run.startTicks),
            "image": .count(run.image), "grownKiB": .kibibytes(grownBytes),
            "unattributedKiB": .kibibytes(unattributedBytes),
            "lines": .array(
                ranked.map { $0.line.members(["grownKiB": .kibibytes($0.grownBytes)]) }),
            "stack": stack ?? .null,
        ])
    }
}

extension RandomFrames {
    mutating func growth() -> PythonGrowthFrame {
        let lines = (0..<12).map { _ in
            PythonLine(
                file: text(upTo: 40), function: text(upTo: 20),
                line: Int32(number(upTo: UInt64(Int32.max))))
        }
        return PythonGrowthFrame(
            runs: (0..<Int.random(in: 1...20, using: &random)).map { _ in
                var record = GrowthRecord(run: key())
                record.grownBytes = memory()
                record.unattributedBytes = memory()
                for line in lines where flip() { record.lines[line] = memory() }
                let stack = lines.filter { _ in Bool.random(using: &random) }
                if !stack.isEmpty {
                    record.peakStack = GrowthRecord.PeakStack(
                        residentBytes: memory(), lines: stack)
                }
                return record
            })
    }

    mutating func sections() -> SectionsFrame {
        let names = (0..<4).map { _ in text(upTo: 60) }
        return SectionsFrame(
            sections: (0..<Int.random(in: 1...40, using: &random)).map { _ in
                let name = names.randomElement(using: &random) ?? ""
                var section = SectionRecord(
                    key: SectionKey(run: key(), name: name),
                    firstCall: SectionCall(
                        peak: Peak(
                            bytes: memory(), bracket: bracket(),
                            source: flip() ? .hwm : .sampled),
                        growthBytes: memory(), microseconds: number(),
                        flags: SectionFlags(rawValue: UInt8.random(in: 0...7, using: &random))))
                section.callCount = max(1, number())
                section.totalMicroseconds = number()
                return section
            })
    }
}
