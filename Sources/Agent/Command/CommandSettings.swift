public import ProcessSampler

/// How a command is watched.
public struct CommandSettings: Hashable, Sendable {
    /// The time between two looks; in the first second it is at most 10 ms.
    public var intervalMilliseconds: Int64
    /// Whether what the command leaves behind is waited for, too.
    public var waitsForAll: Bool
    /// What of command lines is read: what a user asks for on the own terminal stays there, what a
    /// collector is told leaves the host.
    public var commandLine: CommandLinePolicy
    /// Whether it is watched what runs in Python programs while they grow.
    public var watchesPython: Bool

    /// The usual ones.
    public init(
        intervalMilliseconds: Int64 = 100, waitsForAll: Bool = false,
        commandLine: CommandLinePolicy = .full, watchesPython: Bool = false
    ) {
        self.intervalMilliseconds = intervalMilliseconds
        self.waitsForAll = waitsForAll
        self.commandLine = commandLine
        self.watchesPython = watchesPython
    }
}
