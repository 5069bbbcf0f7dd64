public import MemoryModel

/// One message of a session, without its header.
public enum Frame: Hashable, Sendable {
    /// The first frame of an agent.
    case hello(HelloFrame)
    /// The answer to an accepted HELLO.
    case welcome(WelcomeFrame)
    /// Why the sender ends the session.
    case error(ErrorFrame)
    /// Asks for a PONG with the same token.
    case ping(token: UInt64)
    /// Answers a PING.
    case pong(token: UInt64)
    /// The sender goes, in order.
    case goodbye(GoodbyeFrame)
    /// What is durable, and how much more may be sent.
    case acknowledgement(AcknowledgementFrame)
    /// What was purged and is to be forgotten.
    case reset(ResetFrame)
    /// What the host is.
    case host(HostDescription)
    /// Which runs there are.
    case define(DefineFrame)
    /// The full state is complete.
    case stateEnd(StateEndFrame)
    /// What changed at some ticks.
    case samples(SamplesFrame)
    /// New peaks.
    case peaks(PeaksFrame)
    /// The most that runs held within a minute or an hour.
    case windows(WindowsFrame)
    /// What was watched throughout.
    case covered(CoveredFrame)
    /// Runs that are over.
    case exit(ExitFrame)
    /// Many small runs as one.
    case fold(FoldFrame)
    /// What could not be seen.
    case counters(CountersFrame)
    /// The greatest sums.
    case totals(TotalsFrame)
    /// The marks of cgroups.
    case cgroup(CgroupFrame)
    /// Kills for want of memory.
    case outOfMemory(OutOfMemoryFrame)
    /// What the agent itself uses.
    case health(HealthFrame)
    /// What was missed, and when.
    case gap(GapFrame)
    /// What sections of runs needed.
    case sections(SectionsFrame)
    /// Which lines ran while Python programs grew.
    case pythonGrowth(PythonGrowthFrame)
    /// A type of 0x80 or above that this version does not know; it is passed over.
    case ignorable(type: UInt8)
}

extension Frame {
    /// The number in the header; 0 to 255.
    public var typeByte: UInt8 {
        if case .ignorable(let type) = self { return type }
        return type?.rawValue ?? 0
    }

    /// The type; nil for one that this version does not know.
    public var type: FrameType? {
        switch self {
        case .hello: .hello
        case .welcome: .welcome
        case .error: .error
        case .ping: .ping
        case .pong: .pong
        case .goodbye: .goodbye
        case .acknowledgement: .acknowledgement
        case .reset: .reset
        case .host: .host
        case .define: .define
        case .stateEnd: .stateEnd
        case .samples: .samples
        case .peaks: .peaks
        case .windows: .windows
        case .covered: .covered
        case .exit: .exit
        case .fold: .fold
        case .counters: .counters
        case .totals: .totals
        case .cgroup: .cgroup
        case .outOfMemory: .outOfMemory
        case .health: .health
        case .gap: .gap
        case .sections: .sections
        case .pythonGrowth: .pythonGrowth
        case .ignorable: nil
        }
    }

    init(type: FrameType, payload reader: inout PayloadReader) throws(WireError) {
        switch type {
        case .hello: self = .hello(try HelloFrame(payload: &reader))
        case .welcome: self = .welcome(try WelcomeFrame(payload: &reader))
        case .error: self = .error(try ErrorFrame(payload: &reader))
        case .ping: self = .ping(token: try reader.fixed64("token"))
        case .pong: self = .pong(token: try reader.fixed64("token"))
        case .goodbye: self = .goodbye(try GoodbyeFrame(payload: &reader))
        case .acknowledgement:
            self = .acknowledgement(try AcknowledgementFrame(payload: &reader))
        case .reset: self = .reset(try ResetFrame(payload: &reader))
        case .host: self = .host(try HostDescription(payload: &reader))
        case .define: self = .define(try DefineFrame(payload: &reader))
        case .stateEnd: self = .stateEnd(try StateEndFrame(payload: &reader))
        case .samples: self = .samples(try SamplesFrame(payload: &reader))
        case .peaks: self = .peaks(try PeaksFrame(payload: &reader))
        case .windows: self = .windows(try WindowsFrame(payload: &reader))
        case .covered: self = .covered(try CoveredFrame(payload: &reader))
        case .exit: self = .exit(try ExitFrame(payload: &reader))
        case .fold: self = .fold(try FoldFrame(payload: &reader))
        case .counters: self = .counters(try CountersFrame(payload: &reader))
        case .totals: self = .totals(try TotalsFrame(payload: &reader))
        case .cgroup: self = .cgroup(try CgroupFrame(payload: &reader))
        case .outOfMemory: self = .outOfMemory(try OutOfMemoryFrame(payload: &reader))
        case .health: self = .health(try HealthFrame(payload: &reader))
        case .gap: self = .gap(try GapFrame(payload: &reader))
        case .sections: self = .sections(try SectionsFrame(payload: &reader))
        case .pythonGrowth: self = .pythonGrowth(try PythonGrowthFrame(payload: &reader))
        }
    }

    /// Writes everything but the header; nothing for an ignorable type.
    func encodePayload(to writer: inout PayloadWriter) throws(WireError) {
        switch self {
        case .hello(let frame): try frame.encodePayload(to: &writer)
        case .welcome(let frame): try frame.encodePayload(to: &writer)
        case .error(let frame): try frame.encodePayload(to: &writer)
        case .ping(let token), .pong(let token): writer.fixed64(token)
        case .goodbye(let frame): try frame.encodePayload(to: &writer)
        case .acknowledgement(let frame): try frame.encodePayload(to: &writer)
        case .reset(let frame): try frame.encodePayload(to: &writer)
        case .host(let description): try description.encodePayload(to: &writer)
        case .define(let frame): try frame.encodePayload(to: &writer)
        case .stateEnd(let frame): frame.encodePayload(to: &writer)
        case .samples(let frame): try frame.encodePayload(to: &writer)
        case .peaks(let frame): try frame.encodePayload(to: &writer)
        case .windows(let frame): try frame.encodePayload(to: &writer)
        case .covered(let frame): try frame.encodePayload(to: &writer)
        case .exit(let frame): try frame.encodePayload(to: &writer)
        case .fold(let frame): try frame.encodePayload(to: &writer)
        case .counters(let frame): try frame.encodePayload(to: &writer)
        case .totals(let frame): try frame.encodePayload(to: &writer)
        case .cgroup(let frame): try frame.encodePayload(to: &writer)
        case .outOfMemory(let frame): try frame.encodePayload(to: &writer)
        case .health(let frame): try frame.encodePayload(to: &writer)
        case .gap(let frame): try frame.encodePayload(to: &writer)
        case .sections(let frame): try frame.encodePayload(to: &writer)
        case .pythonGrowth(let frame): try frame.encodePayload(to: &writer)
        case .ignorable: break
        }
    }
}
