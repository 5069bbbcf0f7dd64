import MemoryModel

/// `/proc/PID/cgroup`: the cgroups of a process (`cgroups(7)`).
///
/// One line a hierarchy, `ID:CONTROLLERS:PATH`. The unified hierarchy (version 2) is `0::PATH`.
enum CgroupFile {
    /// The path of the cgroup that says most about the process.
    ///
    /// That of version 2, else of the memory controller, else of systemd's own hierarchy; on a
    /// host that mixes both versions a root path gives way to one that names something. Returns
    /// nil where there is no such line.
    static func path(_ bytes: UnsafeRawBufferPointer) -> RawText? {
        let paths = Paths(bytes)
        let found = [paths.unified, paths.memory, paths.systemd].compactMap { $0 }
        return (found.first { $0.count > 1 } ?? found.first).map { RawText(Array($0)) }
    }

    /// The path of the cgroup that the process's memory is charged to.
    ///
    /// - Parameters:
    ///   - bytes: The content of the file.
    ///   - version: The version of the hierarchy that has the memory controller
    ///     (`CgroupTree.version`).
    /// - Returns: The path; nil where there is no such line.
    static func memoryPath(_ bytes: UnsafeRawBufferPointer, version: UInt8) -> RawText? {
        let paths = Paths(bytes)
        return (version == 1 ? paths.memory : paths.unified).map { RawText(Array($0)) }
    }
}

/// The paths of the hierarchies that matter here, as slices of the file.
private struct Paths {
    var unified: UnsafeRawBufferPointer?
    var memory: UnsafeRawBufferPointer?
    var systemd: UnsafeRawBufferPointer?

    init(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            guard let first = line.firstIndex(of: UInt8(ascii: ":")),
                let second = line[(first + 1)...].firstIndex(of: UInt8(ascii: ":"))
            else { continue }
            let controllers = line[(first + 1)..<second]
            let path = UnsafeRawBufferPointer(rebasing: line[(second + 1)...])
            guard path.first == UInt8(ascii: "/") else { continue }
            if controllers.isEmpty {
                unified = path
            } else if controllers.elementsEqual("name=systemd".utf8) {
                systemd = path
            } else if controllers.split(separator: UInt8(ascii: ","))
                .contains(where: { $0.elementsEqual("memory".utf8) })
            {
                memory = path
            }
        }
    }
}
