import Glibc
package import MemoryModel

/// The folder in which an agent keeps what must outlive it: what no collector has yet, the image
/// numbers of processes, and the host id of a host without a machine-id.
package struct StateDirectory: Sendable {
    /// The path of the folder, without slashes at its end.
    package let path: String

    /// Why the folder cannot be used.
    package struct Problem: Error, CustomStringConvertible {
        /// What is to follow from it.
        package enum Kind: Sendable {
            /// The agent can do without the folder: the disk is full, or may not be written.
            case unusable
            /// Somebody else could write there.
            case untrusted
            /// Another agent uses it.
            case inUse
            /// It names nothing that could be a folder, or holds what cannot be read.
            case wrong
        }

        package let kind: Kind
        package let description: String

        init(kind: Kind, description: String) {
            self.kind = kind
            self.description = description
        }

        /// What could not be done, and the kernel's number for why (`errno(3)`).
        init(_ what: String, code: Int32) {
            let codes = [EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM]
            kind = codes.contains(code) ? .unusable : .wrong
            description =
                "\(what): \(String(cString: strerror(code))); give another folder with --state-dir"
        }
    }

    package init(path: String) {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        self.path = String(path)
    }

    /// The usual folder: `/var/lib/memagent` for root, else below `XDG_STATE_HOME` or the home.
    package static func usualPath(environment: (String) -> String?, isRoot: Bool) -> String {
        if isRoot { return "/var/lib/memagent" }
        if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
            return state + "/memagent"
        }
        return (environment("HOME") ?? "") + "/.local/state/memagent"
    }

    /// The host id kept here; draws and keeps one where there is none yet.
    package func hostID(using generator: inout some RandomNumberGenerator) throws -> HostID {
        let file = path + "/host-id"
        if let text = try read(file, maximumBytes: 256)?.prefix(while: { $0 != "\n" }) {
            guard let id = HostID(String(text)) else {
                throw Problem(
                    kind: .wrong,
                    description: "\(file) does not hold a host id; give --host-id, or remove it")
            }
            return id
        }
        let text = UniqueID.random(using: &generator).description
        guard let id = HostID(text) else {
            preconditionFailure("a UUID follows the rules of host ids")
        }
        try makeFolders()
        try write(text + "\n", to: file, isFlushed: true)
        return id
    }

    /// The content of a file here; nil if there is no such file.
    func text(of name: String, maximumBytes: Int) throws -> String? {
        try read(path + "/" + name, maximumBytes: maximumBytes)
    }

    /// Writes a file here, in the place of one of the same name.
    func keep(_ text: String, as name: String) throws {
        try makeFolders()
        try write(text, to: path + "/" + name, isFlushed: false)
    }

    /// Makes the folder and its parents where they are missing, for their owner only.
    func makeFolders() throws(Problem) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/" + part
            guard mkdir(built, 0o700) != 0, errno != EEXIST else { continue }
            // Below a file system that may not be written, this comes before "it is there".
            let code = errno
            var status = stat()
            guard stat(built, &status) != 0 else { continue }
            throw Problem("cannot make the folder \(built)", code: code)
        }
    }

    /// The content of a file; nil if there is no such file.
    private func read(_ file: String, maximumBytes: Int) throws -> String? {
        let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw problem("cannot read \(file)")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem("cannot read \(file)") }
        var bytes = [UInt8](repeating: 0, count: min(Int(status.st_size), maximumBytes))
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw problem("cannot read \(file)") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Writes a new file so that it is there whole or not at all; if it is flushed, after a power
    /// cut as well.
    private func write(_ text: String, to file: String, isFlushed: Bool) throws {
        // Its own name for each agent: two that share the folder do not spoil each other's file.
        let temporary = "\(file).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw problem("cannot write \(temporary)") }
        let bytes = Array(text.utf8)
        let isWritten =
            Glibc.write(descriptor, bytes, bytes.count) == bytes.count
            && (!isFlushed || fsync(descriptor) == 0)
        let failure = errno
        close(descriptor)
        guard isWritten else {
            errno = failure
            throw problem("cannot write \(temporary)")
        }
        guard rename(temporary, file) == 0 else { throw problem("cannot write \(file)") }
        guard isFlushed else { return }
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private func problem(_ what: String) -> Problem {
        Problem(what, code: errno)
    }
}
