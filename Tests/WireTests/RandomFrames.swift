import MemoryModel
import TestSupport
import Wire

/// Draws frames that follow every rule, with sizes and numbers of all magnitudes.
struct RandomFrames {
    var random: SeededGenerator

    mutating func frame(of type: FrameType) -> Frame {
        switch type {
        case .hello: .hello(hello())
        case .welcome: .welcome(welcome())
        case .error:
            .error(
                ErrorFrame(
                    code: number(upTo: 65_535), retryAfterMilliseconds: number(upTo: 86_400_000),
                    text: text(upTo: 512)))
        case .ping: .ping(token: number())
        case .pong: .pong(token: number())
        case .goodbye:
            .goodbye(
                GoodbyeFrame(
                    reason: flip() ? .agentStops : .collectorStops,
                    retryAfterMilliseconds: number(upTo: 86_400_000)))
        case .acknowledgement:
            .acknowledgement(
                AcknowledgementFrame(sequence: number(), credit: number(upTo: 65_536)))
        case .reset: .reset(reset())
        case .fold: .fold(folds())
        case .host: .host(host())
        case .define: .define(define())
        case .stateEnd: .stateEnd(StateEndFrame(liveCount: number()))
        case .samples: .samples(samples())
        case .peaks: .peaks(peaks())
        case .windows: .windows(windows())
        case .covered: .covered(covered())
        case .exit: .exit(exit())
        case .counters: .counters(counters())
        case .totals: .totals(totals())
        case .cgroup: .cgroup(cgroups())
        case .outOfMemory: .outOfMemory(kills())
        case .health: .health(health())
        case .gap: .gap(gaps())
        case .sections: .sections(sections())
        case .pythonGrowth: .pythonGrowth(growth())
        }
    }

    // MARK: - Numbers and names

    mutating func flip() -> Bool { Bool.random(using: &random) }

    /// A number of any magnitude: its count of bits is drawn first.
    mutating func number(upTo maximum: UInt64 = .max) -> UInt64 {
        let bits = UInt64.random(in: 0...64, using: &random)
        let mask: UInt64 = bits == 64 ? .max : (1 << bits) - 1
        return min(random.next() & mask, maximum)
    }

    mutating func optional<Value>(_ value: Value) -> Value? { flip() ? value : nil }

    /// Bytes of memory, a whole number of KiB.
    mutating func memory() -> UInt64 { number(upTo: (1 << 54) - 1) << 10 }

    mutating func time() -> Int64 { Int64(number(upTo: UInt64(Int64.max))) }

    mutating func text(upTo maximum: Int) -> RawText {
        let count = flip() ? Int.random(in: 0...maximum, using: &random) : min(4, maximum)
        return RawText((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    mutating func slots(upTo maximum: Int) -> [UInt32] {
        let count = Int.random(in: 1...maximum, using: &random)
        let isDense = flip()
        let slots = (0..<count).map { index in
            isDense ? UInt32(index) : UInt32.random(in: 0..<1_048_576, using: &random)
        }
        return Set(slots).sorted()
    }

    mutating func bracket() -> TimeBracket {
        let end = time()
        return TimeBracket(
            notBeforeMilliseconds: Int64.random(in: 0...end, using: &random),
            notAfterMilliseconds: end)
    }

    mutating func key() -> ProcessKey {
        ProcessKey(
            pid: Int32.random(in: 1...Int32.max, using: &random),
            startTicks: number(upTo: .max - 1), image: UInt32(number(upTo: UInt64(UInt32.max))))
    }

    private mutating func flags() -> RunFlags {
        RunFlags(rawValue: UInt32(truncatingIfNeeded: number())).intersection(.known)
    }

    private mutating func extensions() -> [FrameExtension] {
        var ids = Set((0..<Int.random(in: 0...3, using: &random)).map { _ in number() })
        // That of a command stands beside that of a past session, and neither has a value.
        if ids.contains(2) { ids.insert(1) }
        return ids.sorted().map {
            FrameExtension(id: $0, value: (1...2).contains($0) ? "" : text(upTo: 20))
        }
    }

    private mutating func uniqueID() -> UniqueID { UniqueID(high: number(), low: number()) }

    // MARK: - Frames

    private mutating func hello() -> HelloFrame {
        let lowest = UInt8.random(in: 0...2, using: &random)
        let highest = UInt8.random(in: lowest...255, using: &random)
        // Extensions of versions that nobody here speaks are not read.
        let isReadable = (lowest...highest).contains(1)
        return HelloFrame(
            lowestMajor: lowest, highestMajor: highest,
            requiredFeatures: number(), offeredFeatures: number(), epoch: number(),
            boot: uniqueID(), hostID: text(upTo: 64), hostName: text(upTo: 255),
            agentVersion: text(upTo: 64), extensions: isReadable ? extensions() : [])
    }

    private mutating func welcome() -> WelcomeFrame {
        WelcomeFrame(
            major: UInt8.random(in: 0...255, using: &random), features: number(),
            storeID: uniqueID(),
            maximumWireBytes: UInt64.random(in: 4_096...262_144, using: &random),
            maximumRuns: UInt64.random(in: 1...1_048_576, using: &random),
            credit: number(upTo: 65_536),
            pingIntervalMilliseconds: UInt64.random(in: 1_000...60_000, using: &random),
            collectorVersion: text(upTo: 64), extensions: extensions())
    }

    private mutating func host() -> HostDescription {
        let keys = Set((0..<Int.random(in: 0...32, using: &random)).map { _ in text(upTo: 64) })
        return HostDescription(
            name: text(upTo: 255), kernelRelease: text(upTo: 128), memoryTotalBytes: number(),
            swapTotalBytes: number(), processorCount: UInt32(number(upTo: 1_048_576)),
            ticksPerSecond: UInt32.random(in: 1...1_000_000, using: &random),
            wallMinusBootMilliseconds: Int64(bitPattern: number()),
            intervalMilliseconds: UInt32.random(in: 1...86_400_000, using: &random),
            restrictions: ViewRestrictions(rawValue: UInt32.random(in: 0...15, using: &random)),
            labels: keys.sorted().map { HostLabel(key: $0, value: text(upTo: 256)) })
    }

    private mutating func define() -> DefineFrame {
        let names = (0..<6).map { _ in text(upTo: 60) }
        return DefineFrame(
            runs: slots(upTo: 60).map { slot in
                var description = RunDescription(
                    program: names[Int(slot % 6)], comm: names[Int(slot % 5)])
                description.executable = optional(text(upTo: 100))
                description.command = optional(text(upTo: 100))
                description.user = optional(names[0])
                description.cgroup = optional(names[1])
                description.unit = optional(names[2])
                description.container = optional(names[3])
                description.userID = optional(UInt32(number(upTo: UInt64(UInt32.max))))
                description.parentPid = optional(Int32(number(upTo: UInt64(Int32.max))))
                description.startedAtMilliseconds = optional(time())
                description.inheritedBytes = optional(memory())
                let key = key()
                return DefineFrame.Definition(
                    slot: slot, key: key, description: description, flags: flags())
            })
    }

    private mutating func samples() -> SamplesFrame {
        var at = Int64.random(in: 0...1 << 40, using: &random)
        return SamplesFrame(
            ticks: (0..<Int.random(in: 1...60, using: &random)).map { _ in
                at += 1 + Int64(number(upTo: 1 << 40))
                let samples = flip() ? [] : slots(upTo: 40).map { sample(slot: $0) }
                return SamplesFrame.Tick(
                    atMilliseconds: at, availableBytes: optional(memory()), samples: samples)
            })
    }

    private mutating func sample(slot: UInt32) -> SamplesFrame.Sample {
        let changes: [SamplesFrame.Change] = [.unchanged, .unreadable, .bytes(memory())]
        var sample = SamplesFrame.Sample(
            slot: slot, resident: changes[Int.random(in: 0..<3, using: &random)],
            swap: changes[Int.random(in: 0..<3, using: &random)],
            processorMilliseconds: optional(number()),
            file: changes[Int.random(in: 0..<3, using: &random)],
            proportional: changes[Int.random(in: 0..<3, using: &random)])
        if [sample.resident, sample.swap, sample.file, sample.proportional]
            .allSatisfy({ $0 == .unchanged }), sample.processorMilliseconds == nil
        {
            sample.resident = .bytes(0)
        }
        return sample
    }

    private mutating func peaks() -> PeaksFrame {
        PeaksFrame(
            entries: slots(upTo: 100).map { slot in
                let source = PeakSource.allCases.randomElement(using: &random) ?? .hwm
                let peak = optional(Peak(bytes: memory(), bracket: bracket(), source: source))
                return PeaksFrame.Entry(
                    slot: slot, peak: peak,
                    swapPeakBytes: peak == nil ? memory() : optional(memory()))
            })
    }

    private mutating func exit() -> ExitFrame {
        ExitFrame(
            entries: slots(upTo: 100).map { slot in
                let reason = RunEndReason.allCases.randomElement(using: &random) ?? .exited
                return ExitFrame.Entry(
                    slot: slot,
                    end: RunEnd(
                        bracket: bracket(), reason: reason,
                        exitCode: optional(Int32.random(in: 0...255, using: &random)),
                        exitSignal: optional(Int32.random(in: 0...127, using: &random))),
                    processorMilliseconds: optional(number(upTo: .max - 1)),
                    faults: optional(
                        FaultCounts(minor: number(upTo: .max - 1), major: number())),
                    flags: flags(), ordinal: optional(number(upTo: .max - 1)))
            })
    }

    private mutating func counters() -> CountersFrame {
        var values: [CounterReason: UInt64] = [.vanished: number()]
        for reason in CounterReason.allCases where flip() { values[reason] = number() }
        return CountersFrame(values: values)
    }
}
