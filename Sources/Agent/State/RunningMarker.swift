import MemoryModel

/// The small file that says that an agent runs, or how the last one ended.
///
/// It is written every 10 seconds, in place and without waiting for the disk. From it the next
/// agent learns since when nobody watched, and how many processes may have been missed.
struct RunningMarker: Hashable, Sendable {
    /// A moment on the boot clock, and how many processes had begun since boot until then.
    struct Moment: Hashable, Sendable {
        /// In milliseconds since boot.
        var atMilliseconds: Int64
        /// `processes` of `/proc/stat`; nil where it could not be read.
        var processCount: UInt64?
    }

    /// The boot.
    var boot: BootID
    /// The start of the agent.
    var epoch: UInt64
    /// The host.
    var host: HostID
    /// When it was written.
    var now: Moment
    /// Until when all that was seen is at a collector or on the disk.
    var safe: Moment
    /// The wall clock minus the time since boot, in milliseconds.
    var wallMinusBootMilliseconds: Int64
    /// Whether the agent was told to stop, and did.
    var isStopped = false

    private static let word = "highwater-running"
    /// Always the same, so that a shorter text leaves nothing of a longer one.
    static let byteCount = 512

    /// The content of the file.
    var bytes: [UInt8] {
        var line = StateLine(RunningMarker.word)
        line.add("host", host)
        line.add("boot", boot)
        line.add("epoch", StateLine.hexadecimal(epoch))
        line.add("at", now.atMilliseconds)
        line.add("processes", ifKnown: now.processCount)
        line.add("safe-at", safe.atMilliseconds)
        line.add("safe-processes", ifKnown: safe.processCount)
        line.add("wall-minus-boot", wallMinusBootMilliseconds)
        line.add("end", isStopped ? "stopped" : "running")
        return line.bytes(filledTo: RunningMarker.byteCount)
    }

    /// Reads the content of the file; nil if it is damaged.
    static func read(_ bytes: some Collection<UInt8>) -> RunningMarker? {
        guard let (line, _) = StateLine.read(bytes, word: word),
            let host = line["host"].flatMap({ HostID($0) }),
            let boot = line["boot"].flatMap({ BootID(hexadecimal: $0) }),
            let epoch = line["epoch"].flatMap({ UInt64($0, radix: 16) }),
            let at: Int64 = line.number("at"), at >= 0,
            let safeAt: Int64 = line.number("safe-at"), safeAt >= 0,
            let offset: Int64 = line.number("wall-minus-boot")
        else { return nil }
        return RunningMarker(
            boot: boot, epoch: epoch, host: host,
            now: Moment(atMilliseconds: at, processCount: line.number("processes")),
            safe: Moment(
                atMilliseconds: min(at, safeAt), processCount: line.number("safe-processes")),
            wallMinusBootMilliseconds: offset, isStopped: line["end"] == "stopped")
    }
}
