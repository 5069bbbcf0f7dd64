import MemoryModel

/// `/proc/PID/exe`: a link to the program that runs (`proc_pid_exe(5)`).
enum ExecutableLink {
    /// The path that the link's `target` names.
    ///
    /// The kernel appends ` (deleted)` once the file is unlinked, as every upgrade of a package
    /// does: the program is still the same, so that is taken off. Returns nil for an empty link.
    static func path(target: UnsafeRawBufferPointer) -> RawText? {
        let mark = Array(" (deleted)".utf8)
        var bytes = target[...]
        if bytes.count > mark.count, bytes.suffix(mark.count).elementsEqual(mark) {
            bytes.removeLast(mark.count)
        }
        return bytes.isEmpty ? nil : RawText(Array(bytes))
    }
}
