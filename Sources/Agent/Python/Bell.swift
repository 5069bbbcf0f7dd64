import Glibc

/// Wakes a thread that waits.
final class Bell: Sendable {
    private let files: (reading: Int32, writing: Int32)

    init?() {
        var pair: [Int32] = [-1, -1]
        guard pipe(&pair) == 0 else { return nil }
        for file in pair {
            _ = fcntl(file, F_SETFD, FD_CLOEXEC)
            _ = fcntl(file, F_SETFL, O_NONBLOCK)
        }
        files = (pair[0], pair[1])
    }

    deinit {
        close(files.reading)
        close(files.writing)
    }

    /// Wakes it, or has its next wait be none.
    func ring() {
        var byte: UInt8 = 1
        // A pipe that is full wakes as well.
        _ = write(files.writing, &byte, 1)
    }

    /// Waits for the bell, at most so long; nil for any time.
    func wait(milliseconds: Int64?) {
        var file = pollfd(fd: files.reading, events: Int16(POLLIN), revents: 0)
        let patience = milliseconds.map { Int32(clamping: max(0, $0)) } ?? -1
        guard poll(&file, 1, patience) > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(files.reading, &bytes, bytes.count) == bytes.count {}
    }
}
