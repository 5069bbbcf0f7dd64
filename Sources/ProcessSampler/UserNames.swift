import CLinux
import Glibc
public import MemoryModel

/// The names of users, from a file in the form of `/etc/passwd` (`passwd(5)`).
///
/// The name services of the C library are not asked: they may wait for a network, and sampling
/// must not.
public struct UserNames {
    private let path: String
    private let reader = FileReader()
    private var names: [UInt32: RawText?] = [:]
    private var version: FileVersion?

    /// The most users whose names are remembered.
    private static let maximumNames = 4_096
    /// The longest name that is taken, in bytes.
    private static let maximumNameBytes = 256

    /// Names of the users in the file at `path`.
    public init(path: String = "/etc/passwd") {
        self.path = path
    }

    /// The name of a user; nil if the file has none or cannot be read.
    ///
    /// The file is read again once it has changed.
    public mutating func name(of userID: UInt32) -> RawText? {
        let current = FileVersion(path: path)
        if current != version || names.count >= UserNames.maximumNames {
            names.removeAll(keepingCapacity: true)
            version = current
        }
        if let known = names[userID] { return known }
        let bytes =
            current == nil ? nil : reader.readToEnd(path, in: clinux_working_directory()).content
        let found = bytes.flatMap { UserNames.name(of: userID, in: $0) }
        names[userID] = .some(found)
        return found
    }

    /// The name of a user in a file's bytes: the first field of the first line whose third field
    /// is the user's number.
    static func name(of userID: UInt32, in bytes: UnsafeRawBufferPointer) -> RawText? {
        let wanted = Array(String(userID).utf8)
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(
                separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count > 2, fields[2].elementsEqual(wanted), !fields[0].isEmpty,
                fields[0].count <= maximumNameBytes
            else { continue }
            return RawText(Array(fields[0]))
        }
        return nil
    }
}

/// Which version of a file is there.
private struct FileVersion: Equatable {
    private let inode: UInt64
    private let bytes: Int64
    private let modifiedSeconds: Int
    private let modifiedNanoseconds: Int

    /// Looks at the file at `path`; nil if there is none.
    init?(path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        inode = UInt64(facts.st_ino)
        bytes = Int64(facts.st_size)
        modifiedSeconds = Int(facts.st_mtim.tv_sec)
        modifiedNanoseconds = Int(facts.st_mtim.tv_nsec)
    }
}
