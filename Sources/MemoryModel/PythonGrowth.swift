/// A line of a Python program.
public struct PythonLine: Hashable, Sendable {
    /// The file, as Python has it.
    public var file: RawText
    /// The function that ran; its name is qualified from Python 3.11 on.
    public var function: RawText
    /// The line that ran, or of a function as a whole the one that it begins in.
    public var line: Int32

    /// Takes the parts.
    public init(file: RawText, function: RawText, line: Int32) {
        self.file = file
        self.function = function
        self.line = line
    }
}

/// Which lines of a Python program ran while its memory grew, and when it was largest.
///
/// It is not what allocated: memory that was freed and is used again does not grow, and the line
/// that takes a fresh page need not be the one that keeps what is in it.
public struct PythonGrowth: Hashable, Sendable {
    /// A line that ran, the innermost of its stack, while memory grew.
    public struct Line: Hashable, Sendable {
        /// The line.
        public var line: PythonLine
        /// How much memory grew while it ran.
        public var grownBytes: UInt64
        /// How much of what it touched first was resident at the peak; nil without fault samples.
        public var atPeakBytes: UInt64?

        /// Takes the parts.
        public init(line: PythonLine, grownBytes: UInt64, atPeakBytes: UInt64? = nil) {
            self.line = line
            self.grownBytes = grownBytes
            self.atPeakBytes = atPeakBytes
        }
    }

    /// A stack that ran while memory grew.
    public struct Stack: Hashable, Sendable {
        /// Its lines, the innermost first.
        public var lines: [PythonLine]
        /// How much memory grew while it ran.
        public var grownBytes: UInt64
        /// How often it was read.
        public var readCount: Int
        /// How much of what it touched first was resident at the peak; nil without fault samples.
        public var atPeakBytes: UInt64?

        /// Takes the parts.
        public init(
            lines: [PythonLine], grownBytes: UInt64, readCount: Int, atPeakBytes: UInt64? = nil
        ) {
            self.lines = lines
            self.grownBytes = grownBytes
            self.readCount = readCount
            self.atPeakBytes = atPeakBytes
        }
    }

    /// A function, and the most that was resident while it was on a stack that grew.
    public struct FunctionPeak: Hashable, Sendable {
        /// The function, with the line that it begins in.
        public var function: PythonLine
        /// What was resident.
        public var residentBytes: UInt64

        /// Takes both.
        public init(function: PythonLine, residentBytes: UInt64) {
            self.function = function
            self.residentBytes = residentBytes
        }
    }

    /// A reason for which something could not be read, and how often it was met.
    public struct Fault: Hashable, Sendable {
        /// The reason in words.
        public var reason: String
        /// How often.
        public var count: Int

        /// Takes both.
        public init(reason: String, count: Int) {
            self.reason = reason
            self.count = count
        }
    }

    /// How it was found when memory grew.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        /// By looking at what is resident; then the threads are those that had page faults since.
        case ticks
        /// By page faults as they happen, with thread and address, and by looking besides.
        case faultSamples
    }

    /// The process.
    public var pid: Int32
    /// The kernel's name of the process; nil where it was not to be had.
    public var processName: RawText?
    /// The interpreter's version, such as `3.11`; empty before it was found.
    public var pythonVersion = ""
    /// How long it was watched, in milliseconds.
    public var watchedMilliseconds: Int64 = 0
    /// Whether the process has ended.
    public var hasEnded = false
    /// What was resident at the first look; nil before it.
    public var firstBytes: UInt64?
    /// What was resident at the last look.
    public var lastBytes: UInt64 = 0
    /// The most that was resident at a look.
    public var peakBytes: UInt64 = 0
    /// When that was, in milliseconds since the epoch in UTC.
    public var peakAtMilliseconds: Int64 = 0
    /// The kernel's mark of the most that was ever resident; nil where it was not to be had.
    public var markBytes: UInt64?
    /// All growth that is known of; more than is resident where memory came and went.
    public var grownBytes: UInt64 = 0
    /// Growth that no line is named for: `sleepingBytes`, `unwatchedBytes`, and what no stack could
    /// be read for.
    public var unattributedBytes: UInt64 = 0
    /// Growth of threads that slept when it was found: what ran before is not known.
    public var sleepingBytes: UInt64 = 0
    /// Where they slept then, with what they had grown before, the largest first.
    public var sleepingLines: [Line] = []
    /// Growth before it was watched, and between two looks that were too far apart to know what
    /// ran.
    public var unwatchedBytes: UInt64 = 0
    /// How it was found when memory grew.
    public var method = Method.ticks
    /// Why page faults were not sampled, in words; nil if they were or were not to be.
    public var methodReason: String?
    /// How many page faults one sample stands for; nil without fault samples.
    public var faultsPerSample: UInt64?
    /// Whether page faults within the kernel could not be sampled; they are seen by looking.
    public var isUserOnly = false
    /// Page faults that were sampled.
    public var faultSampleCount = 0
    /// Samples that were lost, as more came than were taken.
    public var lostFaultSampleCount: UInt64 = 0
    /// Sampled pages that are not remembered each for itself, as there are too many.
    public var mergedPageCount = 0
    /// Of what was resident at the peak, the part whose first toucher is known; nil without fault
    /// samples.
    public var atPeakBytes: UInt64?
    /// Growth by line, the largest first.
    public var lines: [Line] = []
    /// Growth of lines that found no room.
    public var otherLineBytes: UInt64 = 0
    /// Of `atPeakBytes`, what belongs to lines that found no room.
    public var otherLineAtPeakBytes: UInt64 = 0
    /// Growth by stack, the largest first.
    public var stacks: [Stack] = []
    /// Growth of stacks that found no room.
    public var otherStackBytes: UInt64 = 0
    /// How many stacks found no room.
    public var otherStackCount = 0
    /// The lines that ran at the highest peak for which a stack was read, the innermost first.
    public var peakStack: [PythonLine] = []
    /// What was resident then.
    public var peakStackBytes: UInt64 = 0
    /// When that was, in milliseconds since the epoch in UTC.
    public var peakStackAtMilliseconds: Int64 = 0
    /// By function the most that was resident while it was on a stack, the largest first.
    public var functionPeaks: [FunctionPeak] = []
    /// Looks at what is resident.
    public var lookCount = 0
    /// Stacks that were read.
    public var stackCount = 0
    /// Stacks that could not be read, although that was tried several times.
    public var failedStackCount = 0
    /// Stacks with more frames than are kept; the outermost are missing.
    public var cutStackCount = 0
    /// Stacks of another thread than the one that grew, which runs no Python.
    public var otherThreadCount = 0
    /// What went wrong in reading, most of it mended by reading again.
    public var faults: [Fault] = []
    /// Processor time that the watching took, in microseconds.
    public var ownMicroseconds: Int64 = 0

    /// Nothing yet.
    public init(pid: Int32) {
        self.pid = pid
    }
}
