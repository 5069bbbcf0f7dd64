import Foundation
import TestSupport

/// Counts how often others read a file (`inotify(7)`), or tells at least as few.
final class AccessWatch {
    private let descriptor: Int32
    private let path: String

    init(_ path: String) throws {
        self.path = path
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0, inotify_add_watch(descriptor, path, UInt32(IN_ACCESS)) >= 0 else {
            throw Program.Failure(
                description: "cannot watch \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Waits until somebody has read the file so many times.
    func wait(reads: Int) async throws {
        var count = 0
        var buffer = [UInt8](repeating: 0, count: 4_096)
        try await eventually("\(path) is read \(reads) times", seconds: 60) {
            // Reads that follow each other before anybody asks are told as one.
            if read(descriptor, &buffer, buffer.count) > 0 { count += 1 }
            return count >= reads
        }
    }
}
