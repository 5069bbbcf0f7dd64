import Foundation

/// A file system of a few MiB in memory (`tmpfs(5)`) that can be filled, frozen and given back.
///
/// It goes with this value; whoever still holds a file of it keeps only that.
public final class SmallDisk {
    /// Where it is mounted.
    public let path: String

    private let folder: TemporaryFolder
    private var ballast: String { path + "/ballast" }

    /// Why there can be none here; nil if there can.
    public static let problem: String? = {
        guard geteuid() == 0 else { return "only root mounts file systems" }
        do {
            _ = try SmallDisk(mebibytes: 1)
            return nil
        } catch {
            return "\(error)"
        }
    }()

    /// Mounts it.
    public init(mebibytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        guard mkdir(path, 0o700) == 0,
            mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m,mode=700") == 0
        else { throw SmallDisk.failure("mount a tmpfs at \(path)") }
    }

    deinit {
        // Lazily: a program that is still ending must not keep it.
        if umount2(path, Int32(MNT_DETACH)) != 0 {
            FileHandle.standardError.write(
                Data("\(SmallDisk.failure("unmount \(path)"))\n".utf8))
        }
    }

    /// Takes all room that is left.
    public func fill() throws {
        let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SmallDisk.failure("make \(ballast)") }
        defer { close(file) }
        let page = [UInt8](repeating: 1, count: 4_096)
        while write(file, page, page.count) > 0 {}
        guard errno == ENOSPC else { throw SmallDisk.failure("fill \(ballast)") }
    }

    /// Gives the room back.
    public func empty() throws {
        guard unlink(ballast) == 0 else { throw SmallDisk.failure("remove \(ballast)") }
    }

    /// Lets nothing be written to it any more, or again, which only holds while no file of it is
    /// open for writing.
    public func setReadOnly(_ isReadOnly: Bool) throws {
        let flags = UInt(MS_REMOUNT) | (isReadOnly ? UInt(MS_RDONLY) : 0)
        guard mount("tmpfs", path, "tmpfs", flags, nil) == 0 else {
            throw SmallDisk.failure("mount \(path) again")
        }
    }

    /// Lets no file be made, renamed or removed in a folder, whoever asks, or lets it again
    /// (`ioctl_iflags(2)`).
    ///
    /// A file system that the kernel makes read-only on its own does the same; on request it does
    /// not, while a file is open for writing.
    public static func setImmutable(_ folder: String, _ isImmutable: Bool) throws {
        let getFlags: UInt = 0x8008_6601
        let setFlags: UInt = 0x4008_6602
        let immutable = 0x10
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(folder)") }
        defer { close(descriptor) }
        var flags = 0
        guard ioctl(descriptor, getFlags, &flags) == 0 else { throw failure("read its flags") }
        flags = isImmutable ? flags | immutable : flags & ~immutable
        guard ioctl(descriptor, setFlags, &flags) == 0 else { throw failure("set its flags") }
    }

    private static func failure(_ what: String) -> Program.Failure {
        Program.Failure(description: "cannot \(what): \(String(cString: strerror(errno)))")
    }
}
