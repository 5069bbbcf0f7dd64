import Foundation
import TestSupport

/// Holds the lock of a database's one writer, as another program with an open transaction would.
///
/// In WAL mode that is a lock of byte 120 of the shared-memory file (the WAL-index of SQLite's file
/// format). The kernel drops it when the test ends however it ends.
final class WriterLock {
    private let descriptor: Int32

    /// Waits for the lock, which a commit may hold for a moment.
    init(dataDirectory: String) async throws {
        let descriptor = open(dataDirectory + "/highwater.db-shm", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Program.Failure(
                description: "no shared memory: \(String(cString: strerror(errno)))")
        }
        self.descriptor = descriptor
        try await eventually("the writer's lock is free") {
            var lock = flock()
            lock.l_type = Int16(F_WRLCK)
            lock.l_whence = Int16(SEEK_SET)
            lock.l_start = 120
            lock.l_len = 1
            return fcntl(descriptor, F_SETLK, &lock) == 0
        }
    }

    deinit { close(descriptor) }
}
