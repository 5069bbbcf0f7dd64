import Glibc
import MemoryModel

/// Finds out what a process runs and for whom.
///
/// Arguments pass through the policy here and go no further than it lets them.
struct DescriptionReader {
    /// What of a command line is let out.
    let policy: CommandLinePolicy
    /// The names of users.
    var users: UserNames
    /// The version of the memory controller's hierarchy; nil if nobody asks for its cgroups.
    var memoryVersion: UInt8?

    /// Reads by these rules.
    init(policy: CommandLinePolicy, users: UserNames) {
        self.policy = policy
        self.users = users
    }

    /// The description of the image that a process now runs, and its arguments' fingerprint.
    mutating func read(
        _ files: ProcessFiles, pid: Int32, thread: Int32, status: StatusFile?
    ) -> (description: RunDescription, commandFingerprint: UInt64) {
        let comm = status?.name?.text ?? RawText([])
        let executable = files.readLink("exe", of: pid, thread: thread).content
            .flatMap { ExecutableLink.path(target: $0) }
        let bytes = commandLine(files, pid: pid, thread: thread)
        let command = bytes.map { CommandLine($0) } ?? CommandLine(arguments: [])
        let fingerprint = bytes.map { CommandLine.fingerprint($0) } ?? 0
        let named = policy.apply(to: command, executable: executable, comm: comm)
        var description = RunDescription(program: named.program, comm: comm)
        description.executable = executable
        description.command = named.command
        setOwner(&description, files, pid: pid, thread: thread, userID: status?.userID)
        return (description, fingerprint)
    }

    /// The bytes of a process's arguments; nil if there are none to read.
    func commandLine(
        _ files: ProcessFiles, pid: Int32, thread: Int32
    ) -> UnsafeRawBufferPointer? {
        files.read("cmdline", of: pid, thread: thread, limit: CommandLine.maximumBytes).content
    }

    /// The cgroup that a process's memory is charged to; nil if it is not asked for or not known.
    func memoryCgroup(_ files: ProcessFiles, pid: Int32, thread: Int32) -> RawText? {
        files.read("cgroup", of: pid, thread: thread).content.flatMap { memoryCgroup($0, nil) }
    }

    /// `known` is given back where it is the same, so that most share one copy with their
    /// description.
    private func memoryCgroup(
        _ bytes: UnsafeRawBufferPointer, _ known: RawText?
    ) -> RawText? {
        guard let memoryVersion else { return nil }
        let path = CgroupFile.memoryPath(bytes, version: memoryVersion)
        return path == known ? known : path
    }

    /// Fills in user, cgroup, unit and container as they are now.
    ///
    /// Returns the cgroup that its memory is charged to.
    @discardableResult
    mutating func setOwner(
        _ description: inout RunDescription, _ files: ProcessFiles, pid: Int32, thread: Int32,
        userID: UInt32?
    ) -> RawText? {
        let bytes = files.read("cgroup", of: pid, thread: thread).content
        let cgroup = bytes.flatMap { CgroupFile.path($0) }
        let memory = bytes.flatMap { memoryCgroup($0, cgroup) }
        if cgroup != description.cgroup {
            let name = cgroup.map { CgroupName(path: $0) }
            description.cgroup = cgroup
            description.unit = name?.unit
            description.container = name?.container
        }
        description.userID = userID
        description.user = userID.flatMap { users.name(of: $0) }
        return memory
    }
}
