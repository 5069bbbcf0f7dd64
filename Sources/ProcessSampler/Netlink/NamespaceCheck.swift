import CLinux
import Glibc

/// Whether this host's kernel speaks of the processes that a tree shows.
enum NamespaceCheck {
    /// The pid and user namespaces that a kernel starts with (`PROC_PID_INIT_INO`,
    /// `PROC_USER_INIT_INO`).
    private static let initialNamespaces = [
        ("pid", "pid:[4026531836]"), ("user", "user:[4026531837]"),
    ]

    /// What is in the way; nil if nothing is.
    ///
    /// A procfs shows `self` only to processes of its own pid namespace, and which process that
    /// is; another namespace's, or a fixture, has none or another one's.
    static func problem(_ root: ProcRoot) -> KernelSourceProblem? {
        let foreign = KernelSourceProblem.foreignTree(path: root.path)
        let directory = clinux_open_directory(clinux_working_directory(), root.path)
        guard directory >= 0 else { return foreign }
        defer { close(directory) }
        let reader = FileReader()
        guard clinux_is_procfs(directory),
            let own = reader.readLink("self", in: directory).content,
            own.elementsEqual(String(getpid()).utf8)
        else { return foreign }
        for (kind, name) in initialNamespaces {
            guard let link = reader.readLink("self/ns/" + kind, in: directory).content,
                link.elementsEqual(name.utf8)
            else { return .foreignNamespace(kind: kind) }
        }
        return nil
    }
}
