import MemoryModel
import Wire

// What the frames about a whole host mean, in the JSON of vectors.
extension TotalEvent {
    var meaning: JSONValue {
        .object([
            "kind": .string("\(subject.kind)"),
            "name": subject.kind.rawValue < 3 && subject.name.isEmpty ? .null : .text(subject.name),
            "sumKiB": .kibibytes(peak.bytes), "at": .optional(peak.atMilliseconds),
            "runCount": .count(peak.runCount),
            "shares": .array(peak.composition.map(\.meaning)),
        ])
    }
}

extension TotalShare {
    fileprivate var meaning: JSONValue {
        .object([
            "pid": .count(key.pid), "startTicks": .count(key.startTicks),
            "image": .count(key.image), "residentKiB": .kibibytes(residentBytes),
        ])
    }
}

extension CgroupRecord {
    var meaning: JSONValue {
        .object([
            "path": .text(key.path), "inode": .count(key.inode), "version": .count(version),
            "peak": peak?.meaning ?? .null, "swapPeakKiB": .kibibytes(swapPeakBytes),
            "currentKiB": .kibibytes(currentBytes), "limitKiB": .kibibytes(limitBytes),
            "killCount": .optional(killCount), "seenAt": .optional(seenAtMilliseconds),
        ])
    }
}

extension CgroupPeak {
    fileprivate var meaning: JSONValue {
        .object([
            "peakKiB": .kibibytes(peak.bytes), "source": .string(peak.source.word),
            "notBefore": .optional(peak.bracket?.notBeforeMilliseconds),
            "notAfter": .optional(peak.bracket?.notAfterMilliseconds),
            "peakLimitKiB": .kibibytes(limitBytes),
            "peakAnonymousKiB": .kibibytes(anonymousBytes),
            "peakFileKiB": .kibibytes(fileBytes),
        ])
    }
}

extension OutOfMemoryKill {
    var meaning: JSONValue {
        .object([
            "at": .count(atMilliseconds), "pid": .optional(pid),
            "startTicks": .optional(run?.startTicks), "image": .optional(run?.image),
            "comm": .text(comm), "constraint": constraint.map { .string($0.word) } ?? .null,
            "limitCgroup": .text(limitCgroup), "cgroup": .text(cgroup),
            "limitKiB": .kibibytes(limitBytes), "residentKiB": .kibibytes(residentBytes),
            "lastPeakKiB": .kibibytes(lastPeakBytes), "evidence": .count(evidence.rawValue),
        ])
    }
}

extension AgentHealth {
    var meaningFields: [String: JSONValue] {
        [
            "at": .count(atMilliseconds), "startedAt": .count(startedAtMilliseconds),
            "processorMilliseconds": .count(processorMilliseconds),
            "residentKiB": .kibibytes(residentBytes), "anonymousKiB": .kibibytes(anonymousBytes),
            "peakKiB": .kibibytes(peakBytes),
            "askedIntervalMilliseconds": .count(askedIntervalMilliseconds),
            "intervalMilliseconds": .count(intervalMilliseconds),
            "lookMicroseconds": .count(lookMicroseconds),
            "longestLookMicroseconds": .count(longestLookMicroseconds),
            "runCount": .count(runCount), "sources": .count(sources.rawValue),
        ]
    }
}

extension Gap {
    var meaning: JSONValue {
        .object([
            "ordinal": .count(ordinal), "reason": .string("\(reason)"),
            "notBefore": .optional(bracket?.notBeforeMilliseconds),
            "notAfter": .optional(bracket?.notAfterMilliseconds),
            "missedCount": .optional(missedCount),
        ])
    }
}

extension WindowsFrame {
    var meaningFields: [String: JSONValue] {
        [
            "length": .string("\(length)"), "start": .count(startsAtMilliseconds),
            "runs": .array(
                entries.map {
                    .object([
                        "slot": .count($0.slot),
                        "atLeastKiB": .kibibytes($0.window.atLeastBytes),
                        "atMostKiB": .kibibytes($0.window.atMostBytes),
                    ])
                }),
        ]
    }
}

extension CoveredFrame {
    var meaningFields: [String: JSONValue] {
        [
            "length": .string("\(length)"),
            "windows": .array(
                entries.map {
                    .object([
                        "start": .count($0.startsAtMilliseconds),
                        "liveCount": .count($0.liveCount),
                    ])
                }),
        ]
    }
}

extension TimeBracket {
    var meaning: JSONValue {
        .object([
            "since": .count(notBeforeMilliseconds), "until": .count(notAfterMilliseconds),
        ])
    }
}

extension Fold {
    var meaning: JSONValue {
        .object([
            "ordinal": .count(ordinal), "program": .text(subject.program),
            "user": .text(subject.user), "cgroup": .text(subject.cgroup),
            "runCount": .count(runCount), "peak": peak?.foldMeaning ?? .null,
            "sumKiB": .kibibytes(sumOfPeaksBytes),
            "notBefore": .optional(bracket?.notBeforeMilliseconds),
            "notAfter": .optional(bracket?.notAfterMilliseconds),
            "processorMilliseconds": .count(processorMilliseconds),
            "failureCount": .count(failureCount), "killCount": .count(killCount),
            "steps": .array(
                histogram.counts.sorted { $0.key < $1.key }.map {
                    .object(["step": .count($0.key), "runCount": .count($0.value)])
                }),
        ])
    }
}

extension Peak {
    fileprivate var foldMeaning: JSONValue {
        .object([
            "peakKiB": .kibibytes(bytes), "source": .string(source.word),
            "notBefore": .optional(bracket?.notBeforeMilliseconds),
            "notAfter": .optional(bracket?.notAfterMilliseconds),
        ])
    }
}
