/// The type byte of a frame's header; `Protocol/registry.md` lists all numbers.
public enum FrameType: UInt8, Hashable, Sendable, CaseIterable {
    /// HELLO: the first frame of an agent.
    case hello = 0x01
    /// WELCOME: the answer to an accepted HELLO.
    case welcome = 0x02
    /// ERROR: why the sender ends the session.
    case error = 0x03
    /// PING: asks for a PONG.
    case ping = 0x04
    /// PONG: answers a PING.
    case pong = 0x05
    /// GOODBYE: the sender goes, in order.
    case goodbye = 0x06
    /// ACK: what is durable.
    case acknowledgement = 0x07
    /// RESET: what was purged and is to be forgotten.
    case reset = 0x08
    /// HOST: what the host is.
    case host = 0x10
    /// DEFINE: which runs there are.
    case define = 0x11
    /// STATE_END: the full state is complete.
    case stateEnd = 0x12
    /// SAMPLES: what changed at some ticks.
    case samples = 0x13
    /// PEAKS: new peaks of runs.
    case peaks = 0x14
    /// WINDOWS: the most that runs held within a minute or an hour.
    case windows = 0x15
    /// COVERED: minutes or hours that were watched throughout.
    case covered = 0x16
    /// EXIT: runs that are over.
    case exit = 0x17
    /// FOLD: many small ended runs as one.
    case fold = 0x18
    /// TOTALS: the greatest sums.
    case totals = 0x19
    /// CGROUP: the marks of cgroups.
    case cgroup = 0x1A
    /// OOM: kills for want of memory.
    case outOfMemory = 0x1B
    /// COUNTERS: what could not be seen.
    case counters = 0x1C
    /// HEALTH: what the agent itself uses.
    case health = 0x1D
    /// GAP: what was missed, and when.
    case gap = 0x1E
    /// SECTIONS: what sections of runs needed.
    case sections = 0xA0
    /// PYTHON_GROWTH: which lines ran while Python programs grew.
    case pythonGrowth = 0xA1
}
