import Foundation
import TestSupport
import Testing

/// Whether this process may mount a file system, tried out.
func canMount() -> Bool {
    guard geteuid() == 0 else { return false }
    do {
        let directory = try TemporaryFolder()
        guard mkdir(directory.data, 0o700) == 0 else { return false }
        try mount(["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory.data])
        unmount(directory.data)
        return true
    } catch {
        return false
    }
}

/// Runs `mount(8)`.
func mount(_ arguments: [String]) throws {
    guard try status(of: "mount", arguments) == 0 else {
        throw FixtureError(reason: "cannot mount")
    }
}

/// Takes a mount away.
func unmount(_ path: String) {
    // Lazily: a connection that is still being closed must not keep the mount.
    do {
        let code = try status(of: "umount", ["-l", path])
        #expect(code == 0)
    } catch {
        Issue.record(error)
    }
}

private func status(of program: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}
