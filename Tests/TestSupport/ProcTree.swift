public import Foundation

/// A folder that looks like a mounted procfs, made of ordinary files.
///
/// Files are written in place, so a reader that holds one open reads the new content.
public final class ProcTree: Sendable {
    /// A process in the tree.
    public struct Process: Sendable {
        /// Its pid.
        public var pid: Int32
        /// Its start in clock ticks since boot.
        public var startTicks: UInt64 = 1_000
        /// The kernel's name of it; any bytes.
        public var comm: [UInt8] = Array("program".utf8)
        /// The letter of its state.
        public var state = "S"
        /// Its parent.
        public var parentPid: Int32 = 1
        /// Its `PF_` flags.
        public var flags: UInt64 = 0
        /// Processor time in user mode, in ticks.
        public var userTicks: UInt64 = 0
        /// Threads of it.
        public var threadCount = 1
        /// Threads beside the leader that have the memory; then the leader has none.
        public var memoryThreads: [Int32] = []
        /// Its real user.
        public var userID: UInt32 = 0
        /// Whether it has memory at all: no for a zombie and for a thread of the kernel.
        public var hasMemory = true
        /// Pages in memory.
        public var residentPages: UInt64 = 100
        /// Pages of code.
        public var textPages: UInt64 = 10
        /// The mark in KiB.
        public var markKibibytes: UInt64 = 400
        /// Memory in swap in KiB.
        public var swapKibibytes: UInt64 = 0
        /// Where its link `exe` points to; nil for no link.
        public var executable: String? = "/usr/bin/program"
        /// Its command line.
        public var arguments = ["program"]
        /// The content of `cgroup`.
        public var cgroup = "0::/system.slice/program.service\n"

        /// A process with made-up figures.
        public init(pid: Int32) {
            self.pid = pid
        }
    }

    private let folder: TemporaryFolder

    /// Where the tree is.
    public var path: String { folder.path }

    /// Makes a tree of a host with 8 GiB and no processes.
    public init() throws {
        folder = try TemporaryFolder()
        try write(
            "MemTotal:        8388608 kB\nMemFree:         1000000 kB\n"
                + "MemAvailable:    4194304 kB\nSwapTotal:       1048576 kB\n",
            to: "meminfo")
        try write(
            "0b8e1f30-5c3a-4a6e-9d59-0f7a5c0e9a11\n", to: "sys/kernel/random/boot_id")
        try write("6.1.0-fixture\n", to: "sys/kernel/osrelease")
        try write("fixture\n", to: "sys/kernel/hostname")
    }

    /// Writes all files of a process, new or in place.
    public func write(_ process: Process) throws {
        try write(process, below: "\(process.pid)")
    }

    /// Adds a process that a reader sees as a whole or not at all.
    ///
    /// `prepare` is given the folder of its files before anybody sees them.
    public func place(_ process: Process, prepare: (String) throws -> Void = { _ in }) throws {
        try write(process, below: ".new-\(process.pid)")
        try prepare("\(path)/.new-\(process.pid)")
        try move(".new-\(process.pid)", to: "\(process.pid)")
    }

    /// Takes a process away as a whole; whoever holds its files open goes on reading them.
    public func takeAway(pid: Int32) throws {
        try move("\(pid)", to: ".gone-\(pid)")
        try FileManager.default.removeItem(atPath: "\(path)/.gone-\(pid)")
    }

    /// Writes a process's memory anew, a file at a time: first the mark, then the size.
    ///
    /// Figures of as many digits as before are never seen in part.
    public func rewriteMemory(_ process: Process) throws {
        try overwrite(status(process, exists: true), "\(process.pid)/status")
        try overwrite(Data(statm(process, exists: true).utf8), "\(process.pid)/statm")
    }

    /// Makes a process run another program image, the mark last, by which a reader knows it.
    public func execute(_ process: Process) throws {
        let base = "\(process.pid)"
        let link = "\(path)/.exe-\(process.pid)"
        try overwrite(Data(process.arguments.map { $0 + "\0" }.joined().utf8), "\(base)/cmdline")
        try overwrite(Data(process.comm) + Data("\n".utf8), "\(base)/comm")
        try overwrite(ProcTree.stat(process), "\(base)/stat")
        if let executable = process.executable {
            try FileManager.default.createSymbolicLink(
                atPath: link, withDestinationPath: executable)
            try move(".exe-\(process.pid)", to: "\(base)/exe")
        }
        try overwrite(Data(statm(process, exists: true).utf8), "\(base)/statm")
        try overwrite(status(process, exists: true), "\(base)/status")
    }

    private func move(_ name: String, to other: String) throws {
        guard rename("\(path)/\(name)", "\(path)/\(other)") == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    /// Puts bytes in the place of as many others by one call, so that no reader sees none.
    private func overwrite(_ bytes: Data, _ name: String) throws {
        let file = open("\(path)/\(name)", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(file) }
        let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count, ftruncate(file, off_t(bytes.count)) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    private func write(_ process: Process, below base: String) throws {
        try write(ProcTree.stat(process), to: "\(base)/stat")
        try write(Data(process.comm) + Data("\n".utf8), to: "\(base)/comm")
        try write(process.cgroup, to: "\(base)/cgroup")
        let arguments = process.arguments.map { $0 + "\0" }.joined()
        try write(process.state == "Z" ? "" : arguments, to: "\(base)/cmdline")
        let isLeaderAlive = process.hasMemory && process.memoryThreads.isEmpty
        try writeMemory(process, exists: isLeaderAlive, to: base)
        for thread in [process.pid] + process.memoryThreads {
            let exists = process.memoryThreads.isEmpty ? isLeaderAlive : thread != process.pid
            try writeMemory(process, exists: exists, to: "\(base)/task/\(thread)")
        }
        let link = "\(path)/\(base)/exe"
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil {
            try FileManager.default.removeItem(atPath: link)
        }
        if let executable = process.executable {
            try FileManager.default.createSymbolicLink(
                atPath: link, withDestinationPath: executable)
        }
    }

    /// Removes a process.
    public func remove(pid: Int32) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(pid)")
    }

    /// Writes text into a file of the tree, in place.
    public func write(_ text: String, to name: String) throws {
        try write(Data(text.utf8), to: name)
    }

    /// Writes bytes into a file of the tree, in place.
    public func write(_ bytes: Data, to name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        guard let file = fopen(url.path, "w") else { throw CocoaError(.fileWriteUnknown) }
        defer { fclose(file) }
        let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard written == bytes.count else { throw CocoaError(.fileWriteUnknown) }
    }

    /// The line of `stat` for a process.
    public static func stat(_ process: Process) -> Data {
        let after = [
            " \(process.state) \(process.parentPid) \(process.pid) \(process.pid) 0 -1",
            " \(process.flags) 10 0 0 0 \(process.userTicks) 0 0 0 20 0 \(process.threadCount) 0",
            " \(process.startTicks) 1000000 100 18446744073709551615 0 0 0\n",
        ]
        return Data("\(process.pid) (".utf8) + Data(process.comm) + Data(")".utf8)
            + Data(after.joined().utf8)
    }

    private func writeMemory(_ process: Process, exists: Bool, to base: String) throws {
        try write(statm(process, exists: exists), to: "\(base)/statm")
        try write(status(process, exists: exists), to: "\(base)/status")
    }

    private func statm(_ process: Process, exists: Bool) -> String {
        let resident = process.residentPages
        return exists
            ? "\(resident + 500) \(resident) 20 \(process.textPages) 0 300 0\n"
            : "0 0 0 0 0 0 0\n"
    }

    private func status(_ process: Process, exists: Bool) -> Data {
        var name: [UInt8] = []
        for byte in process.comm {
            switch byte {
            case UInt8(ascii: "\n"): name += Array("\\n".utf8)
            case UInt8(ascii: "\\"): name += Array("\\\\".utf8)
            default: name.append(byte)
            }
        }
        let memory =
            "VmPeak:\t  900000 kB\nVmHWM:\t  \(process.markKibibytes) kB\n"
            + "VmRSS:\t  \(process.residentPages * 4) kB\n"
            + "VmSwap:\t  \(process.swapKibibytes) kB\n"
        let user = process.userID
        return Data("Name:\t".utf8) + Data(name)
            + Data(
                ("\nUmask:\t0022\nState:\t\(process.state)\nTgid:\t\(process.pid)\n"
                    + "Uid:\t\(user)\t\(user)\t\(user)\t\(user)\nGroups:\t0 1\n"
                    + (exists ? memory : "") + "Threads:\t\(process.threadCount)\n").utf8)
    }
}
