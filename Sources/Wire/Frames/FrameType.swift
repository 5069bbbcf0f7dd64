/// The type byte of a frame's header; `Protocol/registry.md` lists all numbers.
public enum FrameType: UInt8, Hashable, Sendable, CaseIterable {
    case hello = 0x01
    case welcome = 0x02
    case error = 0x03
    case ping = 0x04
    case pong = 0x05
    case goodbye = 0x06
    case acknowledgement = 0x07
    case host = 0x10
    case define = 0x11
    case stateEnd = 0x12
    case samples = 0x13
    case peaks = 0x14
    case exit = 0x17
    case counters = 0x1C

    /// Whether a frame of this type uses up credit.
    public var isData: Bool { (0x10...0x1F).contains(rawValue) }
}
