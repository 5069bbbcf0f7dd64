/// What a run ran and for whom: everything about it that is not a measurement.
///
/// nil always means that the kernel did not say, the agent may not read it, or a policy keeps it
/// on its host; it never means zero or empty.
public struct RunDescription: Hashable, Sendable {
    /// The name people know it by: base name of the executable, else `comm`; for interpreters
    /// with the script's base name, module, jar or main class.
    public var program: RawText
    /// The kernel's name of the process, at most 15 bytes (`/proc/PID/comm`).
    public var comm: RawText
    /// The path of the executable (`/proc/PID/exe`).
    public var executable: RawText?
    /// The command line, in the amount that the agent's policy lets out.
    public var command: RawText?
    /// The real user id.
    public var userID: UInt32?
    /// The name of that user on its host.
    public var user: RawText?
    /// The path of its cgroup.
    public var cgroup: RawText?
    /// The systemd unit that its cgroup belongs to.
    public var unit: RawText?
    /// The container that its cgroup belongs to.
    public var container: RawText?
    /// The process that started it.
    public var parentPid: Int32?
    /// When this image began, in milliseconds of the owner's clock; for an exec that was only
    /// noticed afterwards, the earliest time at which it can have been.
    public var startedAtMilliseconds: Int64?
    /// The mark that a forked child began with, which is its parent's memory, not its own.
    ///
    /// nil for everything that has executed a program of its own.
    public var inheritedBytes: UInt64?

    /// Takes the names; everything else starts as not known.
    public init(program: RawText, comm: RawText) {
        self.program = program
        self.comm = comm
    }
}

extension RunDescription {
    /// What its names take in bytes.
    public var nameBytes: Int {
        // Without an array of them: a collector asks for each run that begins and ends.
        program.bytes.count + comm.bytes.count + (executable?.bytes.count ?? 0)
            + (command?.bytes.count ?? 0) + (user?.bytes.count ?? 0)
            + (cgroup?.bytes.count ?? 0) + (unit?.bytes.count ?? 0)
            + (container?.bytes.count ?? 0)
    }
}
