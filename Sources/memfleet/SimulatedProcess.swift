import MemoryModel

/// One simulated process, of which only the present and the mark are kept.
struct SimulatedProcess {
    let key: ProcessKey
    /// The place of its kind in the mix of its host.
    let kind: Int
    let usualKibibytes: UInt64
    var residentKibibytes: UInt64
    /// The greatest that it ever had, as a kernel would keep it.
    var markKibibytes: UInt64
    var processorMilliseconds: UInt64 = 0
    var minorFaultCount: UInt64 = 0

    var residentBytes: UInt64 { residentKibibytes << 10 }
    var markBytes: UInt64 { markKibibytes << 10 }

    init(key: ProcessKey, kind: Int, usualKibibytes: UInt64, using random: inout FleetGenerator) {
        self.key = key
        self.kind = kind
        let scale = Double.random(in: 0.25...2, using: &random)
        self.usualKibibytes = max(512, UInt64(Double(usualKibibytes) * scale))
        residentKibibytes =
            UInt64.random(in: self.usualKibibytes / 2...self.usualKibibytes, using: &random) & ~3
        markKibibytes = residentKibibytes
    }

    /// Makes it one that has lived for a while: most had more at some time than they have now.
    mutating func age(using random: inout FleetGenerator) {
        let above = Double.random(in: 0...0.6, using: &random)
        markKibibytes += UInt64(Double(residentKibibytes) * above) & ~3
        processorMilliseconds = UInt64.random(in: 0...600_000, using: &random)
        minorFaultCount = markKibibytes / 4
    }

    /// Lets it take and give back memory, so that it never has what it had before, and now and
    /// then more between two looks than either of them sees.
    mutating func change(overMilliseconds time: Int64, using random: inout FleetGenerator) {
        let before = residentKibibytes
        let least = usualKibibytes / 2 & ~3
        let step = UInt64.random(in: 1...max(1, usualKibibytes / 80), using: &random) * 4
        if random.happens(0.5) {
            residentKibibytes += step
        } else {
            residentKibibytes -= min(step, residentKibibytes)
        }
        if residentKibibytes < least || residentKibibytes > usualKibibytes * 2 {
            residentKibibytes = least + UInt64.random(in: 1...64, using: &random) * 4
        }
        if residentKibibytes == before { residentKibibytes += 4 }
        markKibibytes = max(markKibibytes, residentKibibytes)
        if random.happens(0.005) { burst(using: &random) }
        let used = Int64.random(in: 1...max(1, time / 4), using: &random)
        processorMilliseconds += UInt64(used)
        minorFaultCount += step / 4
    }

    /// Lets its mark rise above what it has at any look.
    mutating func burst(using random: inout FleetGenerator) {
        let above = UInt64.random(in: 4...max(8, residentKibibytes / 2), using: &random) & ~3
        markKibibytes = max(markKibibytes, residentKibibytes + above)
    }

    /// What a look at it gives.
    var observation: RunObservation {
        var seen = RunObservation(key: key)
        seen.residentBytes = residentBytes
        seen.markBytes = markBytes
        seen.fileBytes = (residentKibibytes / 16 * 4) << 10
        seen.processorMilliseconds = processorMilliseconds
        seen.faults = FaultCounts(minor: minorFaultCount, major: 0)
        return seen
    }

    /// What the kernel's record of its exit says.
    var exitFigures: ExitFigures {
        ExitFigures(
            markBytes: markBytes, processorMilliseconds: processorMilliseconds,
            faults: FaultCounts(minor: minorFaultCount, major: 0))
    }
}
