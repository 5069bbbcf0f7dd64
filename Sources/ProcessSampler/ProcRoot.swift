import CLinux
import Glibc

/// Where the kernel's files about processes are: a mounted procfs, or a tree that looks like one.
///
/// In a container that watches its host this is the host's procfs, mounted elsewhere; in a test
/// it is a folder of ordinary files.
public struct ProcRoot: Hashable, Sendable {
    /// The path of the tree.
    public let path: String

    /// Takes the tree at `path`; this host's own procfs if none is named.
    public init(path: String = "/proc") {
        self.path = path
    }

    /// Whether it is a procfs, and no tree of ordinary files that looks like one.
    public var isProcfs: Bool {
        let directory = clinux_open_directory(clinux_working_directory(), path)
        guard directory >= 0 else { return false }
        defer { close(directory) }
        return clinux_is_procfs(directory)
    }
}
