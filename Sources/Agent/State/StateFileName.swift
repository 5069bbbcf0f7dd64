/// How the files in a state directory are called.
enum StateFileName {
    /// The marker of the agent that runs or ran last.
    static let running = "running"
    static let temporarySuffix = ".new"
    static let damagedSuffix = ".damaged"
    static let refusedSuffix = ".refused"
    private static let statePrefix = "state-"
    private static let gapsEnding = "-gaps"

    /// The state file of the start of an agent.
    static func state(epoch: UInt64) -> String { statePrefix + StateLine.hexadecimal(epoch) }

    /// The file of gaps that take the place of the state file of such a start.
    static func gaps(epoch: UInt64) -> String { state(epoch: epoch) + gapsEnding }

    /// Whether it is the name of a file of gaps alone.
    static func isGaps(_ name: String) -> Bool { isState(name) && name.hasSuffix(gapsEnding) }

    /// The start of an agent by the name of its state file, whatever became of it.
    static func epoch(of name: String) -> UInt64? {
        guard name.hasPrefix(statePrefix) else { return nil }
        let digits = name.dropFirst(statePrefix.count).prefix { $0 != "." && $0 != "-" }
        return UInt64(digits, radix: 16)
    }

    /// Whether it is the name of a state file that can be told.
    static func isState(_ name: String) -> Bool {
        name.hasPrefix(statePrefix) && !name.contains(".")
    }

    /// Whether it is the name of one that cannot, and is kept for people.
    static func isSetAside(_ name: String) -> Bool {
        name.hasPrefix(statePrefix)
            && (name.hasSuffix(damagedSuffix) || name.hasSuffix(refusedSuffix))
    }

    /// Whether it is the name of one that was being written when its agent ended.
    static func isLeftOver(_ name: String) -> Bool {
        name.hasPrefix(statePrefix) && name.hasSuffix(temporarySuffix)
    }

    /// Whether it is the name of a state file, whatever became of it.
    static func isOfState(_ name: String) -> Bool { name.hasPrefix(statePrefix) }

    /// Whether an agent makes files of such a name.
    static func isOurs(_ name: String) -> Bool {
        name.hasPrefix(statePrefix) || ["lock", running, "images", "host-id"].contains(name)
    }
}
