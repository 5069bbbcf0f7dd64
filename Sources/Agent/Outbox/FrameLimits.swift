import MemoryModel
import Wire

/// How large a payload may become, as an upper bound that needs no encoder.
///
/// Compression is left out of account, so what fits here fits on the wire whatever it holds.
struct FrameLimits: Hashable, Sendable {
    /// What a frame of several parts is kept to, so that a bad link makes progress, in bytes.
    let usualBytes: Int
    /// What the collector takes at all, in bytes; only a frame that cannot be cut may use it.
    let maximumBytes: Int

    /// The limits for a collector that takes payloads of up to `maximumWireBytes`.
    init(maximumWireBytes: Int) {
        maximumBytes = maximumWireBytes
        usualBytes = min(maximumWireBytes, WireLimits.agentWireBytes)
    }

    // Upper bounds of what stands once in a frame and once for each entry. A slot takes 3 bytes,
    // a figure in KiB 6, a time or a duration in milliseconds 9 and a missing or whole number 10.
    static let countsBytes = 16
    /// PEAKS: slot, mask, peak, source, age, width, swap.
    private static let peakBytes = 36
    /// WINDOWS: slot, at least, how much at most is above it.
    private static let windowBytes = 3 + 8 + 8
    /// COVERED: beginning, count of runs.
    private static let coveredBytes = 10 + 10
    /// EXIT: slot, reason, age, width, exit code, exit signal, processor time, two counts of
    /// faults, flags, ordinal.
    private static let exitBytes = 3 + 1 + 9 + 9 + 2 + 2 + 10 + 10 + 10 + 5 + 10
    /// SAMPLES: slot, mask, resident memory, swap, processor time, file and proportional memory.
    private static let sampleBytes = 3 + 1 + 6 + 6 + 10 + 6 + 6
    private static let tickBytes = 20
    /// DEFINE: slot, pid, start, image, beginning, parent, user, inherited memory, flags, eight
    /// names.
    private static let numbersBytes = 3 + 5 + 10 + 5 + 10 + 5 + 5 + 7 + 5 + 8 * 3
    static let nameLengthBytes = 2
    private static let nameCount = 8

    /// Runs in one PEAKS.
    var peaksPerFrame: Int {
        (usualBytes - FrameLimits.countsBytes) / FrameLimits.peakBytes
    }

    /// Runs in one WINDOWS.
    var windowsPerFrame: Int {
        (usualBytes - FrameLimits.countsBytes) / FrameLimits.windowBytes
    }

    /// Minutes or hours in one COVERED.
    var coveredPerFrame: Int {
        min(
            (usualBytes - FrameLimits.countsBytes) / FrameLimits.coveredBytes,
            WireLimits.maximumCoveredPerFrame)
    }

    /// Runs in one EXIT.
    var exitsPerFrame: Int {
        (usualBytes - FrameLimits.countsBytes) / FrameLimits.exitBytes
    }

    /// Runs in one tick of SAMPLES.
    var samplesPerTick: Int {
        (usualBytes - FrameLimits.countsBytes - FrameLimits.tickBytes) / FrameLimits.sampleBytes
    }

    /// What a tick with so many samples takes, in bytes.
    static func bytes(sampleCount: Int) -> Int { tickBytes + sampleCount * sampleBytes }

    /// What a definition takes, in bytes.
    static func bytes(of description: RunDescription) -> Int {
        description.names.reduce(numbersBytes) { sum, name in
            sum + nameLengthBytes + min(name?.bytes.count ?? 0, WireLimits.maximumStringBytes)
        }
    }

    /// Whether parts of so many bytes fit into one frame.
    func allows(partBytes: Int) -> Bool { partBytes + FrameLimits.countsBytes <= usualBytes }

    /// `description` with its names cut so that a frame can carry it, which it nearly always can
    /// as it is.
    func fitted(_ description: RunDescription) -> RunDescription {
        let room = maximumBytes - FrameLimits.countsBytes
        guard FrameLimits.bytes(of: description) > room else { return description }
        return description.withNames(
            clampedToBytes: (room - FrameLimits.numbersBytes) / FrameLimits.nameCount
                - FrameLimits.nameLengthBytes)
    }

    /// `description` without those of its last labels for which the collector has no room.
    func fitted(_ description: HostDescription) -> HostDescription {
        // Seven numbers, the count of labels, the host's name and its kernel's, each cut.
        let numbersBytes = 7 * 10 + 1
        var bytes = numbersBytes + 2 * FrameLimits.nameLengthBytes
        bytes += min(description.kernelRelease.bytes.count, 128)
        bytes += min(description.name.bytes.count, 255)
        var fitted = description
        fitted.labels = []
        for label in description.labels {
            bytes += label.key.bytes.count + label.value.bytes.count
            bytes += 2 * FrameLimits.nameLengthBytes
            guard bytes <= maximumBytes else { break }
            fitted.labels.append(label)
        }
        return fitted
    }
}

extension RunDescription {
    fileprivate var names: [RawText?] {
        [program, comm, executable, command, user, cgroup, unit, container]
    }

    fileprivate func withNames(clampedToBytes count: Int) -> RunDescription {
        var copy = self
        copy.program = program.clamped(toBytes: count)
        copy.comm = comm.clamped(toBytes: count)
        copy.executable = executable?.clamped(toBytes: count)
        copy.command = command?.clamped(toBytes: count)
        copy.user = user?.clamped(toBytes: count)
        copy.cgroup = cgroup?.clamped(toBytes: count)
        copy.unit = unit?.clamped(toBytes: count)
        copy.container = container?.clamped(toBytes: count)
        return copy
    }
}
