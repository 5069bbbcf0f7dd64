import CLinux
import Glibc
public import MemoryModel

/// A memory cgroup that this program makes for a command and removes after it.
///
/// With version 1 it is below this program's own. With version 2 a cgroup that has processes
/// cannot have limited ones below it: there it is below this program's own only at the top of the
/// hierarchy, and else beside it, which is done only for a limit, as limits of the cgroup that it
/// leaves do not hold there any more; that of memory is taken along.
public final class TransientCgroup {
    /// Its `cgroup.procs`, open for writing.
    let processesFile: Int32

    private let folder: [CChar]
    private let home: [CChar]
    private let version: UInt8
    private let limitBytes: UInt64?
    private let reader = FileReader()
    private var isRemoved = false

    /// How often removing is tried: the kernel lets go of a cgroup a moment after its last process.
    private static let maximumRemovals = 200
    private static let maximumFileBytes = 65_536

    /// Makes one with a name of its own, and with a limit unless that is nil.
    public static func make(
        limitBytes: UInt64?, root: ProcRoot = ProcRoot()
    ) throws(CgroupProblem) -> TransientCgroup {
        let tree = try CgroupTree.find(in: root)
        let reader = FileReader()
        let own = withExtendedLifetime(reader) {
            reader.readToEnd(root.path + "/self/cgroup", in: clinux_working_directory()).content
                .flatMap { CgroupFile.memoryPath($0, version: tree.version) }
        }
        guard let own else { throw CgroupProblem("this program is in no memory cgroup") }
        return try TransientCgroup(
            in: tree, own: own, name: "memagent-run-\(getpid())", limitBytes: limitBytes)
    }

    /// Makes the cgroup `name`; `own` is the one that this program is in.
    ///
    /// `makeFolder` is mkdir(2), for tests on trees of ordinary files.
    init(
        in tree: CgroupTree, own: RawText, name: String, limitBytes: UInt64?,
        makeFolder: ([CChar]) -> Int32 = { mkdir($0, 0o755) }
    ) throws(CgroupProblem) {
        guard let relative = tree.relative(own) else {
            throw CgroupProblem("this program's cgroup is outside of what is mounted")
        }
        home = TransientCgroup.path(tree.path.bytes, relative)
        version = tree.version
        let (above, limit) = try TransientCgroup.place(tree, relative, limitBytes, reader)
        self.limitBytes = limit
        folder = TransientCgroup.path(above, Array(name.utf8))
        if makeFolder(folder) != 0 {
            // One that a killed program left has no processes.
            guard errno == EEXIST, rmdir(folder) == 0, makeFolder(folder) == 0 else {
                throw TransientCgroup.refused(errno)
            }
        }
        processesFile = open(folder.appending("/cgroup.procs"), O_WRONLY | O_CLOEXEC)
        guard processesFile >= 0 else {
            let code = errno
            rmdir(folder)
            throw TransientCgroup.refused(code)
        }
        guard let limit else { return }
        let file = version == 1 ? "/memory.limit_in_bytes" : "/memory.max"
        guard TransientCgroup.write("\(limit)", to: folder.appending(file)) else {
            let code = errno
            remove()
            throw CgroupProblem("its limit cannot be set: \(KernelError.phrase(of: code))")
        }
    }

    deinit { remove() }

    /// What the kernel says of it now.
    public func figures() -> CommandCgroup {
        let names = version == 1 ? CgroupFileNames.version1 : CgroupFileNames.version2
        var figures = CommandCgroup()
        figures.limitBytes = limitBytes
        figures.markBytes = content(names.mark).flatMap { CgroupFigures.number($0) }
        figures.killCount = content(names.events).flatMap { CgroupFigures.killCount($0) }
        figures.fileBytes = content("memory.stat").flatMap {
            CgroupFigures.composition($0, version: version).fileBytes
        }
        return figures
    }

    /// Puts what is left in it back to where this program is, and removes it.
    public func remove() {
        guard !isRemoved else { return }
        isRemoved = true
        close(processesFile)
        for _ in 0..<TransientCgroup.maximumRemovals {
            if rmdir(folder) == 0 || errno != EBUSY { return }
            moveProcessesHome()
            usleep(5_000)
        }
    }

    private func moveProcessesHome() {
        guard let bytes = content("cgroup.procs") else { return }
        var pids: [UInt64] = []
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            let digits = String(decoding: line, as: UTF8.self)
            if let pid = UInt64(digits) { pids.append(pid) }
        }
        let target = home.appending("/cgroup.procs")
        // One that cannot be moved keeps the cgroup; there is nothing else to be done.
        for pid in pids { _ = TransientCgroup.write("\(pid)", to: target) }
    }

    private func content(_ name: StaticString) -> UnsafeRawBufferPointer? {
        reader.read(
            folder.appending("/\(name)"), in: clinux_working_directory(),
            limit: TransientCgroup.maximumFileBytes
        ).content
    }

    /// The folder below which it is made, and the limit that it gets.
    private static func place(
        _ tree: CgroupTree, _ relative: [UInt8], _ limitBytes: UInt64?, _ reader: FileReader
    ) throws(CgroupProblem) -> (above: [UInt8], limitBytes: UInt64?) {
        let home = tree.path.bytes + (relative.isEmpty ? [] : Array("/".utf8) + relative)
        guard tree.version == 2, !controlsMemory(home, reader) else { return (home, limitBytes) }
        let slash = relative.lastIndex(of: UInt8(ascii: "/"))
        let parent =
            tree.path.bytes
            + (slash.map { Array("/".utf8) + relative[..<$0] } ?? [])
        guard !relative.isEmpty, controlsMemory(parent, reader) else {
            throw CgroupProblem(
                "with version 2 a cgroup that has processes can have no limited one below it, "
                    + "and there is none above this program's own that may")
        }
        guard let limitBytes else {
            throw CgroupProblem(
                "with version 2 it would leave its cgroup and the limits there; --limit does that")
        }
        let ownLimit = reader.read(
            path(home, Array("memory.max".utf8)), in: clinux_working_directory(),
            limit: maximumFileBytes
        ).content.flatMap { CgroupFigures.limit($0) }
        return (parent, min(limitBytes, ownLimit ?? .max))
    }

    /// Whether the cgroups below a folder of version 2 have the memory controller.
    private static func controlsMemory(_ folder: [UInt8], _ reader: FileReader) -> Bool {
        let file = path(folder, Array("cgroup.subtree_control".utf8))
        let outcome = reader.read(file, in: clinux_working_directory(), limit: maximumFileBytes)
        guard let bytes = outcome.content else { return false }
        return bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
            .contains { $0.elementsEqual("memory".utf8) }
    }

    private static func refused(_ code: Int32) -> CgroupProblem {
        CgroupProblem(
            code == EACCES || code == EPERM || code == EROFS
                ? "this user may not make one (\(KernelError.phrase(of: code)))"
                : "it cannot be made: \(KernelError.phrase(of: code))")
    }

    private static func path(_ folder: [UInt8], _ name: [UInt8]) -> [CChar] {
        let all = name.isEmpty ? folder : folder + Array("/".utf8) + name
        return all.map { CChar(bitPattern: $0) } + [0]
    }

    private static func write(_ text: String, to path: [CChar]) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        let bytes = Array(text.utf8)
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }
}

extension [CChar] {
    /// This path, which ends with a zero, and more.
    fileprivate func appending(_ text: String) -> [CChar] {
        Array(dropLast()) + text.utf8.map { CChar(bitPattern: $0) } + [0]
    }
}
