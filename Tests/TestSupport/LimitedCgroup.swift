import Foundation

/// A memory cgroup with a limit, and one inside of it; removed with the last reference, along with
/// every process that is left in it.
public final class LimitedCgroup {
    /// The limit of the outer one, in bytes; there is no swap beside it.
    public static let limitBytes: UInt64 = 32 << 20

    /// The path of the cgroup with the limit, as `/proc/PID/cgroup` writes it.
    public let path: String
    /// The path of the cgroup inside.
    public let inner: String
    private let folder: String

    /// Makes both.
    ///
    /// Throws if the kernel refuses either; `top` is the folder of the memory controller's whole
    /// hierarchy, `version` that of its interface, 1 or 2.
    public init(below top: String, version: UInt8) throws {
        path = "/highwater-test-\(UUID().uuidString)"
        inner = path + "/inner"
        folder = top + path
        guard mkdir(folder, 0o755) == 0 else { throw CocoaError(.fileWriteNoPermission) }
        do {
            if version == 2 { try write("+memory", to: "cgroup.subtree_control") }
            guard mkdir(folder + "/inner", 0o755) == 0 else {
                throw CocoaError(.fileWriteNoPermission)
            }
            let file = version == 2 ? "memory.max" : "memory.limit_in_bytes"
            try write("\(Self.limitBytes)", to: file)
            let swap = version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"
            if access(folder + "/" + swap, W_OK) == 0 {
                try write(version == 2 ? "0" : "\(Self.limitBytes)", to: swap)
            }
        } catch {
            remove()
            throw error
        }
    }

    deinit { remove() }

    /// Whether cgroups can be made below `top`, and the kernel's log of kills be read.
    public static func canBeMade(below top: String, version: UInt8) -> Bool {
        guard geteuid() == 0, access("/dev/kmsg", R_OK) == 0 else { return false }
        do {
            _ = try LimitedCgroup(below: top, version: version)
            return true
        } catch {
            return false
        }
    }

    /// Moves a process to the inner one; what it holds already stays charged where it was.
    public func add(_ pid: Int32) throws { try write("\(pid)", to: "inner/cgroup.procs") }

    private func write(_ text: String, to name: String) throws {
        guard let file = FileHandle(forWritingAtPath: folder + "/" + name) else {
            throw CocoaError(.fileWriteNoPermission)
        }
        try file.write(contentsOf: Data(text.utf8))
    }

    private func remove() {
        for part in ["/inner", ""] {
            // The kernel lets go of a cgroup a moment after its last process.
            for _ in 0..<500 where rmdir(folder + part) != 0 && errno == EBUSY {
                endProcesses(of: folder + part)
                usleep(10_000)
            }
        }
    }

    private func endProcesses(of folder: String) {
        let list = FileManager.default.contents(atPath: folder + "/cgroup.procs") ?? Data()
        for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
            if let pid = Int32(line), pid > 0 { kill(pid, SIGKILL) }
        }
    }
}
