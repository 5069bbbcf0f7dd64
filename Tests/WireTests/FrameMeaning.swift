import MemoryModel
import Wire

// What a frame means in the JSON of vectors, `Protocol/vectors/README.md`.
extension DecodedFrame {
    func meaning(isCompressed: Bool) -> [String: JSONValue] {
        [
            "type": .string(frame.meaningName), "sequence": .count(sequence),
            "compressed": .bool(isCompressed), "fields": .object(frame.meaningFields),
        ]
    }
}

extension JSONValue {
    static func count(_ value: some BinaryInteger) -> JSONValue {
        let exact = Int64(exactly: value)
        guard let exact, (-(1 << 53)...(1 << 53)).contains(exact) else {
            return .string(String(value))
        }
        return .number(exact)
    }

    static func optional(_ value: (some BinaryInteger)?) -> JSONValue {
        value.map { .count($0) } ?? .null
    }

    static func kibibytes(_ bytes: UInt64?) -> JSONValue { optional(bytes.map { $0 >> 10 }) }

    static func text(_ text: RawText?) -> JSONValue {
        guard let text else { return .null }
        if let string = String(validating: text.bytes, as: UTF8.self) { return .string(string) }
        let digits = text.bytes.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return .object(["hex": .string(digits.joined())])
    }
}

extension Frame {
    fileprivate var meaningName: String {
        switch self {
        case .hello: "HELLO"
        case .welcome: "WELCOME"
        case .error: "ERROR"
        case .ping: "PING"
        case .pong: "PONG"
        case .goodbye: "GOODBYE"
        case .acknowledgement: "ACK"
        case .reset: "RESET"
        case .host: "HOST"
        case .define: "DEFINE"
        case .stateEnd: "STATE_END"
        case .samples: "SAMPLES"
        case .peaks: "PEAKS"
        case .windows: "WINDOWS"
        case .covered: "COVERED"
        case .exit: "EXIT"
        case .fold: "FOLD"
        case .counters: "COUNTERS"
        case .totals: "TOTALS"
        case .cgroup: "CGROUP"
        case .outOfMemory: "OOM"
        case .health: "HEALTH"
        case .gap: "GAP"
        case .sections: "SECTIONS"
        case .pythonGrowth: "PYTHON_GROWTH"
        case .ignorable(let type): "0x" + String(type, radix: 16, uppercase: true)
        }
    }

    fileprivate var meaningFields: [String: JSONValue] {
        switch self {
        case .hello(let frame): frame.meaningFields
        case .welcome(let frame): frame.meaningFields
        case .error(let frame):
            [
                "code": .count(frame.code),
                "retryAfterMilliseconds": .count(frame.retryAfterMilliseconds),
                "text": .text(frame.text),
            ]
        case .ping(let token), .pong(let token): ["token": .count(token)]
        case .goodbye(let frame):
            [
                "reason": .count(frame.reason.rawValue),
                "retryAfterMilliseconds": .count(frame.retryAfterMilliseconds),
            ]
        case .acknowledgement(let frame):
            ["sequence": .count(frame.sequence), "credit": .count(frame.credit)]
        case .host(let description): description.meaningFields
        case .define(let frame): ["runs": .array(frame.runs.map(\.meaning))]
        case .stateEnd(let frame): ["liveCount": .count(frame.liveCount)]
        case .samples(let frame): ["ticks": .array(frame.ticks.map(\.meaning))]
        case .peaks(let frame): ["runs": .array(frame.entries.map(\.meaning))]
        case .windows(let frame): frame.meaningFields
        case .covered(let frame): frame.meaningFields
        case .exit(let frame): ["runs": .array(frame.entries.map(\.meaning))]
        case .counters(let frame): frame.meaningFields
        case .totals(let frame): ["totals": .array(frame.entries.map(\.meaning))]
        case .cgroup(let frame): ["cgroups": .array(frame.records.map(\.meaning))]
        case .outOfMemory(let frame): ["kills": .array(frame.kills.map(\.meaning))]
        case .health(let frame): frame.health.meaningFields
        case .fold(let frame): ["folds": .array(frame.folds.map(\.meaning))]
        case .reset(let frame): ["stretches": .array(frame.stretches.map(\.meaning))]
        case .gap(let frame): ["gaps": .array(frame.gaps.map(\.meaning))]
        case .sections(let frame): ["sections": .array(frame.sections.map(\.meaning))]
        case .pythonGrowth(let frame): ["runs": .array(frame.runs.map(\.meaning))]
        case .ignorable: [:]
        }
    }
}

extension FrameExtension {
    fileprivate var meaning: JSONValue {
        .object(["id": .count(id), "value": .text(value)])
    }
}

extension HelloFrame {
    fileprivate var meaningFields: [String: JSONValue] {
        [
            "lowestMajor": .count(lowestMajor), "highestMajor": .count(highestMajor),
            "requiredFeatures": .count(requiredFeatures),
            "offeredFeatures": .count(offeredFeatures), "epoch": .count(epoch),
            "boot": .string(boot.description), "hostID": .text(hostID),
            "hostName": .text(hostName), "agentVersion": .text(agentVersion),
            "extensions": .array(extensions.map(\.meaning)),
        ]
    }
}

extension WelcomeFrame {
    fileprivate var meaningFields: [String: JSONValue] {
        [
            "major": .count(major), "features": .count(features),
            "storeID": .string(storeID.description),
            "maximumWireBytes": .count(maximumWireBytes), "maximumRuns": .count(maximumRuns),
            "credit": .count(credit),
            "pingIntervalMilliseconds": .count(pingIntervalMilliseconds),
            "collectorVersion": .text(collectorVersion),
            "extensions": .array(extensions.map(\.meaning)),
        ]
    }
}

extension HostDescription {
    fileprivate var meaningFields: [String: JSONValue] {
        [
            "wallMinusBootMilliseconds": .count(wallMinusBootMilliseconds),
            "memoryTotalBytes": .count(memoryTotalBytes),
            "swapTotalBytes": .count(swapTotalBytes), "processorCount": .count(processorCount),
            "ticksPerSecond": .count(ticksPerSecond),
            "intervalMilliseconds": .count(intervalMilliseconds),
            "restrictions": .count(restrictions.rawValue), "kernelRelease": .text(kernelRelease),
            "name": .text(name),
            "labels": .array(
                labels.map { .object(["key": .text($0.key), "value": .text($0.value)]) }),
        ]
    }
}

extension DefineFrame.Definition {
    fileprivate var meaning: JSONValue {
        .object([
            "slot": .count(slot), "pid": .count(key.pid), "startTicks": .count(key.startTicks),
            "image": .count(key.image),
            "startedAt": .optional(description.startedAtMilliseconds),
            "parentPid": .optional(description.parentPid),
            "userID": .optional(description.userID),
            "inheritedKiB": .kibibytes(description.inheritedBytes),
            "flags": .count(flags.rawValue),
            "program": .text(description.program), "comm": .text(description.comm),
            "executable": .text(description.executable), "command": .text(description.command),
            "user": .text(description.user), "cgroup": .text(description.cgroup),
            "unit": .text(description.unit), "container": .text(description.container),
        ])
    }
}

extension SamplesFrame.Tick {
    fileprivate var meaning: JSONValue {
        .object([
            "at": .count(atMilliseconds), "availableKiB": .kibibytes(availableBytes),
            "samples": .array(samples.map(\.meaning)),
        ])
    }
}

extension SamplesFrame.Sample {
    fileprivate var meaning: JSONValue {
        var members: [String: JSONValue] = ["slot": .count(slot)]
        members["residentKiB"] = resident.meaning
        members["swapKiB"] = swap.meaning
        members["processorMilliseconds"] = processorMilliseconds.map { .count($0) }
        members["fileKiB"] = file.meaning
        members["proportionalKiB"] = proportional.meaning
        return .object(members)
    }
}

extension SamplesFrame.Change {
    fileprivate var meaning: JSONValue? {
        switch self {
        case .unchanged: nil
        case .unreadable: .null
        case .bytes(let bytes): .kibibytes(bytes)
        }
    }
}

extension PeaksFrame.Entry {
    fileprivate var meaning: JSONValue {
        let peak = peak.map { peak in
            JSONValue.object([
                "residentKiB": .kibibytes(peak.bytes), "source": .string(peak.source.word),
                "notBefore": .optional(peak.bracket?.notBeforeMilliseconds),
                "notAfter": .optional(peak.bracket?.notAfterMilliseconds),
            ])
        }
        return .object([
            "slot": .count(slot), "peak": peak ?? .null, "swapKiB": .kibibytes(swapPeakBytes),
        ])
    }
}

extension ExitFrame.Entry {
    fileprivate var meaning: JSONValue {
        .object([
            "slot": .count(slot), "reason": .string(end.reason.word),
            "notBefore": .optional(end.bracket?.notBeforeMilliseconds),
            "notAfter": .optional(end.bracket?.notAfterMilliseconds),
            "exitCode": .optional(end.exitCode), "exitSignal": .optional(end.exitSignal),
            "processorMilliseconds": .optional(processorMilliseconds),
            "minorFaults": .optional(faults?.minor), "majorFaults": .optional(faults?.major),
            "flags": .count(flags.rawValue), "ordinal": .optional(ordinal),
        ])
    }
}

extension CountersFrame {
    fileprivate var meaningFields: [String: JSONValue] {
        let ascending = values.sorted { $0.key.rawValue < $1.key.rawValue }
        return [
            "counters": .array(
                ascending.map { counter in
                    .object([
                        "reason": .count(counter.key.rawValue), "value": .count(counter.value),
                    ])
                })
        ]
    }
}
