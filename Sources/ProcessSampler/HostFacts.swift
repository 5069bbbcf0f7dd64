import CLinux
import Glibc
public import MemoryModel

/// Reads what a host is, as far as it can be known without looking at its processes.
public struct HostFacts {
    /// The pid namespace that a kernel starts with (`PROC_PID_INIT_INO`).
    private static let initialPidNamespace = Array("pid:[4026531836]".utf8)

    private let root: ProcRoot
    private let machineIDPath: String
    private let directory: DirectoryHandle
    private let reader = FileReader()

    /// Opens the tree of `root`.
    ///
    /// - Parameters:
    ///   - root: The tree of the host's kernel.
    ///   - machineIDPath: A file in the form of `machine-id(5)`.
    /// - Throws: `SamplerError.unreadableRoot` if the tree cannot be listed.
    public init(
        root: ProcRoot = ProcRoot(), machineIDPath: String = "/etc/machine-id"
    ) throws(SamplerError) {
        let descriptor = clinux_open_directory(clinux_working_directory(), root.path)
        guard descriptor >= 0 else { throw .unreadableRoot(path: root.path, code: errno) }
        self.root = root
        self.machineIDPath = machineIDPath
        directory = DirectoryHandle(descriptor: descriptor)
    }

    /// This uptime of the host (`sys/kernel/random/boot_id`).
    ///
    /// Throws `SamplerError.unreadableFile` if the tree does not say.
    public func bootID() throws(SamplerError) -> BootID {
        let name = "sys/kernel/random/boot_id"
        guard let line = firstLine(of: name),
            let identity = UniqueID(hexadecimal: String(decoding: line.bytes, as: UTF8.self))
        else { throw .unreadableFile(path: root.path + "/" + name) }
        return identity
    }

    /// The machine's lasting identity; nil where there is none, as on some images before their
    /// first start.
    public func machineID() -> HostID? {
        guard
            let bytes = reader.readToEnd(machineIDPath, in: clinux_working_directory()).content,
            let line = HostFacts.firstLine(of: bytes),
            let identity = UniqueID(hexadecimal: String(decoding: line.bytes, as: UTF8.self)),
            identity.high != 0 || identity.low != 0
        else { return nil }
        return HostID(line)
    }

    /// The host's name (`sys/kernel/hostname`); nil if the tree does not say.
    public func hostName() -> RawText? { firstLine(of: "sys/kernel/hostname") }

    /// How many processes and threads began since boot (`processes` in `stat`); nil if the tree
    /// does not say.
    public func startedProcessCount() -> UInt64? {
        guard let text = reader.readToEnd("stat", in: directory.descriptor).content else {
            return nil
        }
        let name = Array("processes ".utf8)
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: name) {
            return UInt64(String(decoding: line.dropFirst(name.count), as: UTF8.self))
        }
        return nil
    }

    /// What keeps processes of this host from being seen.
    public func restrictions() -> ViewRestrictions {
        guard clinux_is_procfs(directory.descriptor) else { return .foreignTree }
        var restrictions: ViewRestrictions = []
        if hidesProcesses { restrictions.insert(.hiddenProcesses) }
        if !isInitialPidNamespace { restrictions.insert(.pidNamespace) }
        return restrictions
    }

    /// The description of this host.
    ///
    /// - Parameters:
    ///   - name: What the host is to be called; nil for its own name.
    ///   - intervalMilliseconds: How often it will be sampled.
    ///   - labels: The user's labels, in any order.
    /// - Returns: The description, with its labels ordered.
    /// - Throws: `SamplerError.unreadableFile` if the tree does not say how much memory there is.
    public func description(
        name: RawText? = nil, intervalMilliseconds: UInt32, labels: [HostLabel] = []
    ) throws(SamplerError) -> HostDescription {
        let meminfo = reader.readToEnd("meminfo", in: directory.descriptor).content
            .map { MeminfoFile($0) }
        guard let total = meminfo?.memoryTotalBytes else {
            throw .unreadableFile(path: root.path + "/meminfo")
        }
        return HostDescription(
            name: name ?? hostName() ?? RawText([]),
            kernelRelease: firstLine(of: "sys/kernel/osrelease") ?? HostFacts.ownRelease(),
            memoryTotalBytes: total, swapTotalBytes: meminfo?.swapTotalBytes ?? 0,
            processorCount: UInt32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            ticksPerSecond: UInt32(clamping: sysconf(Int32(_SC_CLK_TCK))),
            wallMinusBootMilliseconds: BootClock.wallMinusBootMilliseconds(),
            intervalMilliseconds: intervalMilliseconds, restrictions: restrictions(),
            labels: labels.sorted())
    }

    /// Whether the mount hides processes, and from this program, too.
    ///
    /// `hidepid` spares those who have its group or may trace any process: they can read the first
    /// process, which is root's.
    private var hidesProcesses: Bool {
        var major: UInt32 = 0
        var minor: UInt32 = 0
        guard clinux_device(directory.descriptor, &major, &minor) == 0,
            let table = reader.readToEnd("self/mountinfo", in: directory.descriptor).content,
            MountTable.hidesProcesses(table, deviceMajor: major, deviceMinor: minor)
        else { return false }
        return reader.read("1/stat", in: directory.descriptor).content == nil
    }

    /// Whether the tree shows the pid namespace that the kernel started with.
    ///
    /// That is so if it is this program's own; or, for a host's procfs that is mounted into a
    /// container, if pid 2 is a thread of the kernel: those live in no other namespace.
    private var isInitialPidNamespace: Bool {
        if let link = reader.readLink("self/ns/pid", in: directory.descriptor).content,
            link.elementsEqual(HostFacts.initialPidNamespace)
        {
            return true
        }
        guard let bytes = reader.read("2/stat", in: directory.descriptor).content else {
            return false
        }
        return StatLine(bytes)?.isKernelThread == true
    }

    private func firstLine(of name: String) -> RawText? {
        reader.readToEnd(name, in: directory.descriptor).content
            .flatMap { HostFacts.firstLine(of: $0) }
    }

    private static func firstLine(of bytes: UnsafeRawBufferPointer) -> RawText? {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        return line.isEmpty || line.count > 256 ? nil : RawText(Array(line))
    }

    /// The release of the kernel that runs this program (`uname(2)`).
    private static func ownRelease() -> RawText {
        var names = utsname()
        guard uname(&names) == 0 else { return RawText([]) }
        return withUnsafeBytes(of: &names.release) { bytes in
            RawText(Array(bytes.prefix { $0 != 0 }))
        }
    }
}

/// An open directory that is closed with its last user.
private final class DirectoryHandle {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
