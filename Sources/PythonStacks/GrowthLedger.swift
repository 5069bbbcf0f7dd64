import MemoryModel

/// What grew while what ran, and what was on the stack when most was resident.
///
/// Pure: looks and stacks go in with their time, what to do comes out. It tells which code ran
/// while memory grew, which need not be the code that keeps the memory.
public struct GrowthLedger: Sendable {
    /// What to do after a look.
    public struct Decision: Hashable, Sendable {
        /// What the process grew by and the running stacks are to be read for; 0 for nothing.
        public var grownBytes: UInt64
        /// How long to wait until the next look.
        public var waitMilliseconds: Int64
        /// Whether the look before was so long ago that nobody knows what ran while it grew.
        public var isLate: Bool

        /// Takes all three.
        public init(grownBytes: UInt64, waitMilliseconds: Int64, isLate: Bool = false) {
            self.grownBytes = grownBytes
            self.waitMilliseconds = waitMilliseconds
            self.isLate = isLate
        }
    }

    /// Whether page faults are sampled.
    public enum FaultSamples: Hashable, Sendable {
        /// Where the kernel permits it; else growth is seen by looking at what is resident.
        case auto
        /// Never.
        case off
    }

    /// How often it is looked, and at what.
    public struct Settings: Hashable, Sendable {
        /// Whether page faults are sampled, which tells the thread and, later, what is still there.
        public var faultSamples = FaultSamples.auto
        /// How many page faults one sample stands for.
        ///
        /// Half of it costs the program twice as much and tells no more (`make benchmark-python`).
        /// It is a prime, as allocators ask for pages by powers of two, and each sample would fall
        /// on the same place of an arena.
        public var faultsPerSample: UInt64 = 127
        /// The most sampled pages that are remembered.
        public var maximumPages = 16_384
        /// Less growth than this waits until it has become more.
        public var thresholdBytes: UInt64 = 512 << 10
        /// Time between two looks at a process that does not grow.
        public var idleMilliseconds: Int64 = 100
        /// Time between two looks at one that grows.
        public var growingMilliseconds: Int64 = 10
        /// So long after its last growth a process counts as growing.
        public var settlingMilliseconds: Int64 = 200
        /// The same after growth whose thread slept when it was found: what grows in bursts is to
        /// be met while it grows.
        public var burstMilliseconds: Int64 = 10_000
        /// Time between two looks at one that has not grown for `quietAfterMilliseconds`.
        public var quietMilliseconds: Int64 = 100
        /// See there.
        public var quietAfterMilliseconds: Int64 = 10_000
        /// What grew since a look that was longer ago is credited to nothing.
        public var maximumGapMilliseconds: Int64 = 1_000
        /// The most stacks that are kept.
        public var maximumStacks = 4_096
        /// The most frames of all stacks together; each takes 8 bytes.
        public var maximumFrames = 524_288
        /// The most lines, and the most functions, that are kept.
        public var maximumLines = 16_384

        /// As described.
        public init() {}
    }

    /// What is known of a process from before it is watched.
    public struct EarlierGrowth: Hashable, Sendable {
        /// What it had grown by, in bytes.
        public var grownBytes: UInt64
        /// What was resident when that was seen.
        public var residentBytes: UInt64

        /// Takes both.
        public init(grownBytes: UInt64, residentBytes: UInt64) {
            self.grownBytes = grownBytes
            self.residentBytes = residentBytes
        }
    }

    /// What is known of one stack.
    public struct StackGrowth: Hashable, Sendable {
        /// What grew while it ran.
        public var grownBytes: UInt64 = 0
        /// How often it was read.
        public var readCount = 0
        /// Its number, which no other stack ever has; 0 for none.
        public var number: Int32 = 0
    }

    /// The settings.
    public let settings: Settings
    /// What was resident at the first look; nil before it.
    public private(set) var firstBytes: UInt64?
    /// What was resident at the last look.
    public private(set) var lastBytes: UInt64 = 0
    /// The most that was resident at a look.
    public private(set) var peakBytes: UInt64 = 0
    /// When that was.
    public private(set) var peakMilliseconds: Int64 = 0
    /// Looks.
    public private(set) var lookCount = 0
    /// All growth that was found, and what is known of growth before.
    public private(set) var grownBytes: UInt64 = 0
    /// Growth that no line is named for: `sleepingBytes`, `unwatchedBytes`, and what no stack could
    /// be read for.
    public private(set) var unattributedBytes: UInt64 = 0
    /// Growth of threads that slept when it was found: what ran before is not known.
    public private(set) var sleepingBytes: UInt64 = 0
    /// Where they slept.
    public private(set) var sleepingLines: [StackFrame: UInt64] = [:]
    /// Growth before the first look, and between two looks that were too far apart.
    public private(set) var unwatchedBytes: UInt64 = 0
    /// Growth by stack, each with the innermost frame first.
    public private(set) var stacks: [[StackFrame]: StackGrowth] = [:]
    /// Growth of stacks that found no room.
    public private(set) var otherBytes: UInt64 = 0
    /// How many stacks found no room.
    public private(set) var otherCount = 0
    /// Growth by the innermost line.
    public private(set) var lines: [StackFrame: UInt64] = [:]
    /// Growth of lines that found no room.
    public private(set) var otherLineBytes: UInt64 = 0
    /// By function, the most that was resident while it was on a stack that grew.
    public private(set) var functionPeaks: [Int32: UInt64] = [:]
    /// The stack that ran when the highest peak with a stack was read; empty if there is none.
    public private(set) var peakStack: [StackFrame] = []
    /// What was resident then.
    public private(set) var peakStackBytes: UInt64 = 0
    /// When that was.
    public private(set) var peakStackMilliseconds: Int64 = 0

    private var baseBytes: UInt64 = 0
    private var earlierBytes: UInt64?
    private var grewAt: Int64?
    private var burstAt: Int64?
    private var lookedAt: Int64?
    private var frameCount = 0
    private var lastNumber: Int32 = 0

    /// Begins with what is known of growth before; nil for nothing.
    public init(settings: Settings = Settings(), earlier: EarlierGrowth? = nil) {
        self.settings = settings
        guard let earlier else { return }
        earlierBytes = earlier.residentBytes
        addEarlier(earlier.grownBytes)
    }

    private mutating func addEarlier(_ bytes: UInt64) {
        grownBytes.addClamped(bytes)
        addUnwatched(bytes)
    }

    /// Takes a look.
    ///
    /// - Parameters:
    ///   - residentBytes: What is resident.
    ///   - milliseconds: The time, by a clock that never goes back.
    ///   - isSampled: Whether page faults were sampled since the last look, so that even the least
    ///     growth can be credited.
    /// - Returns: What to do now, and when to look again.
    public mutating func look(
        residentBytes: UInt64, at milliseconds: Int64, isSampled: Bool = false
    ) -> Decision {
        lookCount += 1
        lastBytes = residentBytes
        if residentBytes > peakBytes {
            peakBytes = residentBytes
            peakMilliseconds = milliseconds
        }
        guard firstBytes != nil else {
            firstBytes = residentBytes
            baseBytes = residentBytes
            lookedAt = milliseconds
            if let earlierBytes, residentBytes > earlierBytes {
                addEarlier(residentBytes - earlierBytes)
            }
            return Decision(grownBytes: 0, waitMilliseconds: wait(at: milliseconds))
        }
        var grown: UInt64 = 0
        let isLate = lookedAt.map { milliseconds - $0 > settings.maximumGapMilliseconds } ?? false
        lookedAt = milliseconds
        if residentBytes < baseBytes {
            baseBytes = residentBytes
        } else if residentBytes - baseBytes >= (isSampled ? 1 : max(1, settings.thresholdBytes)) {
            grown = residentBytes - baseBytes
            baseBytes = residentBytes
            grewAt = milliseconds
            grownBytes = grownBytes.saturatingSum(grown)
        }
        return Decision(
            grownBytes: grown, waitMilliseconds: wait(at: milliseconds),
            isLate: isLate && grown > 0)
    }

    /// Whether it grew not long ago, or in a burst of which another may come.
    public func isGrowing(at milliseconds: Int64) -> Bool {
        isWithin(settings.settlingMilliseconds, of: grewAt, at: milliseconds)
            || isWithin(settings.burstMilliseconds, of: burstAt, at: milliseconds)
    }

    private func isWithin(_ length: Int64, of time: Int64?, at milliseconds: Int64) -> Bool {
        time.map { milliseconds - $0 <= length } ?? false
    }

    private func wait(at milliseconds: Int64) -> Int64 {
        if isGrowing(at: milliseconds) { return settings.growingMilliseconds }
        return grewAt == nil
            || isWithin(settings.quietAfterMilliseconds, of: grewAt, at: milliseconds)
            ? settings.idleMilliseconds : settings.quietMilliseconds
    }

    /// Takes note of growth at a time of which nobody knows what ran.
    public mutating func addUnwatched(_ bytes: UInt64) {
        unwatchedBytes.addClamped(bytes)
        unattributedBytes.addClamped(bytes)
    }

    /// Credits growth to the stack that ran; nil where none could be read.
    ///
    /// A thread that sleeps does not grow: it grew before, and where it sleeps it may have come to
    /// since. So no line is said to have run while it grew.
    ///
    /// - Parameters:
    ///   - bytes: The growth, or the share of it that this stack's thread had.
    ///   - stack: The frames, the innermost first.
    ///   - isAsleep: Whether the thread that grew slept when its stack was read.
    ///   - residentBytes: What was resident at the look.
    ///   - milliseconds: The time of the look.
    /// - Returns: The number of the stack; 0 if there is none, or its thread slept.
    @discardableResult
    public mutating func credit(
        _ bytes: UInt64, to stack: [StackFrame]?, isAsleep: Bool = false, residentBytes: UInt64,
        at milliseconds: Int64
    ) -> Int32 {
        if isAsleep {
            burstAt = milliseconds
            sleepingBytes.addClamped(bytes)
            unattributedBytes.addClamped(bytes)
        }
        guard let stack, let innermost = stack.first else {
            if !isAsleep { unattributedBytes.addClamped(bytes) }
            return 0
        }
        if isAsleep {
            if sleepingLines[innermost] != nil || sleepingLines.count < settings.maximumLines {
                sleepingLines[innermost, default: 0].addClamped(bytes)
            }
        } else if lines[innermost] != nil || lines.count < settings.maximumLines {
            lines[innermost, default: 0].addClamped(bytes)
        } else {
            otherLineBytes.addClamped(bytes)
        }
        for frame in stack {
            if let peak = functionPeaks[frame.function] {
                if residentBytes > peak { functionPeaks[frame.function] = residentBytes }
            } else if functionPeaks.count < settings.maximumLines {
                functionPeaks[frame.function] = residentBytes
            }
        }
        if residentBytes > peakStackBytes {
            peakStack = stack
            peakStackBytes = residentBytes
            peakStackMilliseconds = milliseconds
        }
        return isAsleep ? 0 : keep(stack, bytes)
    }

    private mutating func keep(_ stack: [StackFrame], _ bytes: UInt64) -> Int32 {
        if stacks[stack] == nil {
            if stacks.count >= settings.maximumStacks
                || frameCount + stack.count > settings.maximumFrames
            {
                mergeSmallest()
            }
            frameCount += stack.count
            lastNumber = lastNumber == .max ? 1 : lastNumber + 1
        }
        var growth = stacks[stack] ?? StackGrowth(number: lastNumber)
        growth.grownBytes.addClamped(bytes)
        growth.readCount += 1
        stacks[stack] = growth
        return growth.number
    }

    /// Merges the smallest quarter into `other`, so that it is not done for each new stack.
    private mutating func mergeSmallest() {
        let sorted = stacks.sorted {
            ($0.value.grownBytes, $0.value.number) < ($1.value.grownBytes, $1.value.number)
        }
        for (stack, growth) in sorted.prefix(max(1, sorted.count / 4)) {
            stacks[stack] = nil
            frameCount -= stack.count
            otherBytes.addClamped(growth.grownBytes)
            otherCount += 1
        }
    }
}

extension UInt64 {
    /// Adds, up to the greatest number there is.
    mutating func addClamped(_ other: UInt64) { self = saturatingSum(other) }
}
