import MemoryModel

extension Frame {
    /// What `Protocol/frame-v1.md` calls this frame.
    var name: String {
        switch self {
        case .hello: "HELLO"
        case .welcome: "WELCOME"
        case .error: "ERROR"
        case .ping: "PING"
        case .pong: "PONG"
        case .goodbye: "GOODBYE"
        case .acknowledgement: "ACK"
        case .reset: "RESET"
        case .host: "HOST"
        case .define: "DEFINE"
        case .stateEnd: "STATE_END"
        case .samples: "SAMPLES"
        case .peaks: "PEAKS"
        case .windows: "WINDOWS"
        case .covered: "COVERED"
        case .exit: "EXIT"
        case .fold: "FOLD"
        case .counters: "COUNTERS"
        case .totals: "TOTALS"
        case .cgroup: "CGROUP"
        case .outOfMemory: "OOM"
        case .health: "HEALTH"
        case .gap: "GAP"
        case .sections: "SECTIONS"
        case .pythonGrowth: "PYTHON_GROWTH"
        case .ignorable(let type): "type \(type)"
        }
    }

    /// Whether it is a data frame, which uses up credit.
    var usesCredit: Bool {
        switch self {
        case .host, .define, .stateEnd, .samples, .peaks, .exit, .counters, .totals, .cgroup,
            .outOfMemory, .health, .gap, .fold, .windows, .covered, .sections,
            .pythonGrowth:
            true
        default: false
        }
    }
}

extension ErrorFrame {
    /// Longest text in bytes.
    static let maximumTextBytes = 512

    /// Says what is wrong, and where if that is known.
    init(_ error: WireError, retryAfterMilliseconds: UInt64 = 0) {
        let place = error.offset.map { " (byte \($0))" } ?? ""
        self.init(
            code: UInt64(error.code.rawValue), retryAfterMilliseconds: retryAfterMilliseconds,
            text: RawText(error.reason + place).clamped(toBytes: ErrorFrame.maximumTextBytes))
    }
}

extension WireError {
    /// A frame that has no place in this state or from this side.
    static func unexpected(_ frame: Frame, _ state: String) -> WireError {
        WireError(code: .unexpectedFrame, reason: "\(frame.name) \(state)")
    }
}
