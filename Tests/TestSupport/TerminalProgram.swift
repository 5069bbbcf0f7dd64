import Foundation

/// A program whose output is a terminal (`pty(7)`).
public enum TerminalProgram {
    // TIOCSPTLCK and TIOCGPTN of ioctl_tty(2), which do not import into Swift.
    private static let unlock: UInt = 0x4004_5431
    private static let numberRequest: UInt = 0x8004_5430

    /// Runs a program of the project to its end in a terminal of so many columns, and gives what
    /// the terminal was sent.
    public static func run(
        _ program: String, _ arguments: [String], columns: UInt16,
        environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String) {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var lock: Int32 = 0
        var number: Int32 = 0
        guard master >= 0, ioctl(master, unlock, &lock) == 0,
            ioctl(master, numberRequest, &number) == 0
        else { throw Program.Failure(description: "there is no terminal to be had") }
        let name = "/dev/pts/\(number)"
        var size = winsize(ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(master, UInt(TIOCSWINSZ), &size) == 0 else {
            throw Program.Failure(description: "the terminal takes no size")
        }
        let all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let pid = try Program.spawn(
            Program.folder + "/" + program, arguments,
            environment: all.map { "\($0.key)=\($0.value)" }, input: nil, output: name,
            errors: name)
        return await onThread {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                // The last one who had the terminal open is gone: EIO.
                let count = read(master, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                bytes += buffer[..<count]
            }
            close(master)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let code = status & 0x7F != 0 ? status & 0x7F : (status >> 8) & 0xFF
            return (code, String(decoding: bytes, as: UTF8.self))
        }
    }
}
