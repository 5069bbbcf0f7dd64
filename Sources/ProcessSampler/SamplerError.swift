/// Why processes cannot be sampled at all.
public enum SamplerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The tree cannot be opened; the number is the kernel's `errno`.
    case unreadableRoot(path: String, code: Int32)
    /// The tree can be listed, but there is not one process in it.
    case noProcesses(path: String)
    /// A file about the host as a whole is missing or not as documented.
    case unreadableFile(path: String)

    /// What is wrong and what can be done about it, in one line.
    public var description: String {
        switch self {
        case .unreadableRoot(let path, let code):
            "cannot read \(path): \(KernelError.phrase(of: code)); "
                + "name a mounted procfs with --procfs"
        case .noProcesses(let path):
            "there are no processes in \(path); name a mounted procfs with --procfs"
        case .unreadableFile(let path):
            "cannot read \(path), or it is not as the kernel writes it; "
                + "name a whole procfs with --procfs (a mount with subset=pid does not do)"
        }
    }
}
