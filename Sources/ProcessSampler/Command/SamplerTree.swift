public import MemoryModel

/// Looking at one process's descendants alone.
extension Sampler {
    /// Looks at nothing but the descendants of a process from now on; to be called before the
    /// first look and after `use`.
    public func followOnly(descendantsOf pid: Int32) {
        var tree = TreeScope(ancestor: pid)
        tree.isTold = isToldOfExecs
        scope = tree
    }

    /// Whether the kernel's word is still awaited of a process that has ended.
    public var awaitsEnds: Bool {
        guard events != nil else { return false }
        return !lives.pids.isEmpty || processes.contains { $0.state.goneSinceMilliseconds != nil }
    }

    /// Which kills for want of memory are known by now, also those of which more may be to come.
    public func killsKnown() -> [OutOfMemoryKill] {
        memoryWatch?.correlator.take(
            atMilliseconds: BootClock.nowMilliseconds() + KillCorrelator.waitMilliseconds) ?? []
    }

    /// What the kernel still says of a process that has ended and is not reaped; nil if nothing.
    public func endedProcess(_ pid: Int32) -> UnreapedProcess? {
        guard case .line(let line) = files.stat(of: pid) else { return nil }
        let name = files.read("comm", of: pid).content.map { bytes in
            RawText(bytes.prefix { $0 != UInt8(ascii: "\n") })
        }
        return UnreapedProcess(
            pid: pid, startTicks: line.startTicks, name: name ?? RawText([]),
            isForkWithoutExec: line.isForkWithoutExec,
            processorMilliseconds: milliseconds(ofTicks: line.processorTicks),
            faults: line.faults)
    }
}

/// A process that has ended and is not reaped: its memory is gone, the rest is not yet.
public struct UnreapedProcess: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// When it began, in clock ticks since boot.
    public var startTicks: UInt64
    /// The kernel's name of it.
    public var name: RawText
    /// Whether it was forked and executed nothing.
    public var isForkWithoutExec: Bool
    /// Processor time of itself alone; nil where it does not fit.
    public var processorMilliseconds: UInt64?
    /// Page faults of itself alone.
    public var faults: FaultCounts
}
