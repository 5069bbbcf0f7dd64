import Glibc

/// Why a source of the kernel's own events and marks cannot be used.
public enum KernelSourceProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// This program has not the capability `CAP_NET_ADMIN`.
    case missingCapability
    /// The root is not this host's own procfs, so the kernel would speak of other processes.
    case foreignTree(path: String)
    /// This program is in a namespace of its own; the word is `pid`, `user` or `network`.
    case foreignNamespace(kind: String)
    /// The kernel was built without it.
    case unsupported(interface: String)
    /// Something else; the number is the kernel's `errno`.
    case failed(operation: String, code: Int32)

    /// Tells what a failed call means.
    init(_ failure: NetlinkFailure) {
        switch failure.code {
        case EPERM, EACCES: self = .missingCapability
        case EPROTONOSUPPORT, EAFNOSUPPORT: self = .unsupported(interface: "netlink")
        default: self = .failed(operation: failure.operation, code: failure.code)
        }
    }

    /// What is wrong and what can be done about it, in one line.
    public var description: String {
        switch self {
        case .missingCapability:
            "the kernel refuses without the capability CAP_NET_ADMIN; run the agent as root, "
                + "or grant it with AmbientCapabilities=CAP_NET_ADMIN in its systemd unit"
        case .foreignTree(let path):
            "\(path) is not this host's own procfs, and the kernel would speak of the processes "
                + "of this one; watch a host with an agent of its own"
        case .foreignNamespace(let kind):
            "the agent runs in a \(kind) namespace of its own, in which the kernel does not tell; "
                + "run it in the host's (in a container: \(KernelSourceProblem.remedy(kind)))"
        case .unsupported(let interface):
            "this kernel was built without \(interface)"
        case .failed(let operation, let code):
            "cannot \(operation): \(KernelError.phrase(of: code))"
        }
    }

    private static func remedy(_ kind: String) -> String {
        switch kind {
        case "pid": "--pid=host"
        case "user": "--userns=host"
        default: "--network=host"
        }
    }
}
