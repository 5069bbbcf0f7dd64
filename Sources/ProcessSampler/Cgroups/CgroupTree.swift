import CLinux
import Glibc
public import MemoryModel

/// Where the memory controller's hierarchy of cgroups is, and which version it is.
public struct CgroupTree: Hashable, Sendable {
    /// The folder at whose top the hierarchy, or the part of it that is mounted, begins.
    public let path: RawText
    /// The version of the interface: 1 or 2.
    public let version: UInt8
    /// The cgroup that the folder shows, as `/proc/PID/cgroup` would write it.
    ///
    /// `/` for a whole hierarchy; another one for a part that is mounted by itself, as container
    /// runtimes do.
    public let top: RawText
    /// Whether a cgroup's count of kills leaves out those in the cgroups below it.
    ///
    /// So it is with version 1, and with version 2 that is mounted with `memory_localevents`.
    /// Before Linux 5.2 it is so with version 2, too, which cannot be told from the mount.
    public let countsKillsLocally: Bool

    /// Takes the parts as they are.
    init(path: RawText, version: UInt8, top: RawText, countsKillsLocally: Bool) {
        self.path = path
        self.version = version
        self.top = top
        self.countsKillsLocally = countsKillsLocally
    }

    /// Finds the hierarchy that this program's mounts show (`self/mountinfo` of `root`).
    ///
    /// Where version 1 has the memory controller, version 2 cannot have it; of several mounts the
    /// one that shows most is taken.
    public static func find(in root: ProcRoot = ProcRoot()) throws(CgroupProblem) -> CgroupTree {
        let mounts = try mounts(of: root)
        let usable = mounts.filter { !$0.root.starts(with: "/..".utf8) }
            .sorted { ($0.version, $0.root.count) < ($1.version, $1.root.count) }
        var lacksController = false
        for mount in usable {
            switch probe(mount.point, version: mount.version) {
            case .found: return CgroupTree(mount)
            case .lacksController: lacksController = true
            case .absent: break
            }
        }
        if lacksController { throw withoutController }
        throw CgroupProblem(
            "no hierarchy of cgroups with the memory controller is mounted here; "
                + "in a container, mount the host's and name it with --cgroup-root")
    }

    /// Takes the hierarchy in a given folder.
    ///
    /// The folder may be the unified hierarchy, the memory controller's own of version 1, or the
    /// folder that holds either as `unified` or `memory`.
    ///
    /// - Parameters:
    ///   - path: The folder, as `--cgroup-root` names it.
    ///   - root: The tree whose `self/mountinfo` says what part of a hierarchy the folder shows.
    /// - Returns: The hierarchy.
    /// - Throws: `CgroupProblem` if there is nothing of the kind.
    public static func find(
        at path: String, in root: ProcRoot = ProcRoot()
    ) throws(CgroupProblem) -> CgroupTree {
        var folder = Array(path.utf8)
        while folder.count > 1, folder.last == UInt8(ascii: "/") { folder.removeLast() }
        let candidates: [(point: [UInt8], version: UInt8)] = [
            (folder, 2), (folder, 1), (folder + Array("/memory".utf8), 1),
            (folder + Array("/unified".utf8), 2),
        ]
        var lacksController = false
        for candidate in candidates {
            switch probe(candidate.point, version: candidate.version) {
            case .found: return CgroupTree(mount(at: candidate.point, candidate.version, of: root))
            case .lacksController: lacksController = true
            case .absent: break
            }
        }
        if lacksController { throw withoutController }
        throw CgroupProblem(
            "\(path) is no hierarchy of cgroups with the memory controller; "
                + "name the folder that is mounted as cgroup2, or the one that has memory/ in it")
    }

    /// Where a cgroup's folder is below this tree's; nil if it is not below it.
    ///
    /// - Parameter path: The path of a cgroup as `/proc/PID/cgroup` writes it.
    /// - Returns: Names with slashes between them, none of them empty, `.` or `..`, without a zero
    ///   byte; empty for the top itself.
    func relative(_ path: RawText) -> [UInt8]? {
        let slash = UInt8(ascii: "/")
        guard path.bytes.first == slash, path.bytes.count < Int(PATH_MAX) else { return nil }
        var rest = path.bytes[...]
        if top.bytes.count > 1 {
            guard rest.starts(with: top.bytes) else { return nil }
            rest = rest.dropFirst(top.bytes.count)
            guard rest.isEmpty || rest.first == slash else { return nil }
        }
        rest = rest.dropFirst()
        if rest.isEmpty { return [] }
        let names = rest.split(separator: slash, omittingEmptySubsequences: false)
        let dot = UInt8(ascii: ".")
        for name in names {
            guard !name.isEmpty, name.count <= Int(NAME_MAX), !name.contains(0),
                !name.elementsEqual([dot]), !name.elementsEqual([dot, dot])
            else { return nil }
        }
        return Array(rest)
    }

    /// The next cgroup above, as `/proc/PID/cgroup` would write it; nil for the top.
    func parent(of path: RawText) -> RawText? {
        guard path != top, path.bytes.count > 1,
            let slash = path.bytes.lastIndex(of: UInt8(ascii: "/"))
        else { return nil }
        return slash == 0 ? "/" : RawText(path.bytes[..<slash])
    }
}

extension CgroupTree {
    private static let withoutController = CgroupProblem(
        "the unified hierarchy of cgroups is without the memory controller (cgroup.controllers); "
            + "start the kernel with cgroup_enable=memory, or mount the memory controller")

    private enum Probe {
        case found
        case lacksController
        case absent
    }

    private init(_ mount: CgroupMount) {
        self.init(
            path: RawText(mount.point), version: mount.version, top: RawText(mount.root),
            countsKillsLocally: mount.countsLocally)
    }

    private static func mounts(of root: ProcRoot) throws(CgroupProblem) -> [CgroupMount] {
        let table = root.path + "/self/mountinfo"
        // The bytes last only as long as their reader.
        let reader = FileReader()
        let mounts = withExtendedLifetime(reader) {
            reader.readToEnd(table, in: clinux_working_directory()).content
                .map { CgroupMounts.parse($0) }
        }
        if let mounts { return mounts }
        throw CgroupProblem(
            "cannot read \(table): \(KernelError.phrase(of: errno)); "
                + "name the hierarchy of cgroups with --cgroup-root")
    }

    /// What is known of the mount at `point`; a whole hierarchy where nothing is.
    private static func mount(
        at point: [UInt8], _ version: UInt8, of root: ProcRoot
    ) -> CgroupMount {
        let known: [CgroupMount]
        do throws(CgroupProblem) {
            known = try mounts(of: root)
        } catch {
            // The folder was named, so the table can only add to what is known.
            known = []
        }
        return known.last { $0.point == point && $0.version == version }
            ?? CgroupMount(
                version: version, root: Array("/".utf8), point: point,
                countsLocally: version == 1)
    }

    /// Looks whether the folder has the memory controller of that version.
    private static func probe(_ point: [UInt8], version: UInt8) -> Probe {
        let name = version == 1 ? "/memory.usage_in_bytes" : "/cgroup.controllers"
        let path = (point + Array(name.utf8)).map { CChar(bitPattern: $0) } + [0]
        guard !point.contains(0) else { return .absent }
        let reader = FileReader()
        return withExtendedLifetime(reader) {
            let outcome = reader.read(path, in: clinux_working_directory(), limit: 4_096)
            guard let bytes = outcome.content else { return .absent }
            guard version == 2 else { return .found }
            let words = bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
            return words.contains { $0.elementsEqual("memory".utf8) } ? .found : .lacksController
        }
    }
}
