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

extension RandomFrames {
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
