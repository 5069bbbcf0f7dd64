import CLinux
import Glibc

/// How far long work is, on standard error: one line that changes on a terminal, else nothing until
/// it is done.
struct ProgressLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shownAtNanoseconds: Int64 = 0
    private var shownColumns = 0

    private static let intervalNanoseconds: Int64 = 200_000_000

    /// Shows `text` if the last was shown a moment ago.
    mutating func show(_ text: @autoclosure () -> String) {
        let now = clinux_monotonic_nanoseconds()
        guard isTerminal, now - shownAtNanoseconds >= ProgressLine.intervalNanoseconds else {
            return
        }
        shownAtNanoseconds = now
        let line = text()
        let padding = String(repeating: " ", count: max(0, shownColumns - line.utf8.count))
        shownColumns = line.utf8.count
        say("\r" + line + padding)
    }

    /// Takes the line away.
    mutating func clear() {
        guard shownColumns > 0 else { return }
        say("\r" + String(repeating: " ", count: shownColumns) + "\r")
        shownColumns = 0
    }

    /// Says in a line what was done.
    mutating func finish(_ text: String) {
        clear()
        say(text + "\n")
    }

    private func say(_ text: String) {
        // Where standard error cannot be written, nobody looks.
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
