import Glibc
public import Report

/// What standard output is, and what the environment says of it.
public enum OutputTerminal {
    /// The style for standard output: fitted and coloured for a terminal, plain for all else.
    public static var style: TextStyle { style(of: STDOUT_FILENO) }

    /// The same for standard error.
    public static var errorStyle: TextStyle { style(of: STDERR_FILENO) }

    private static func style(of file: Int32) -> TextStyle {
        var style = plainStyle(of: file)
        style.usesOptions = true
        return style
    }

    private static func plainStyle(of file: Int32) -> TextStyle {
        guard isatty(file) == 1 else {
            return TextStyle(utcOffsetSeconds: utcOffsetSeconds)
        }
        let isDumb = environment("TERM").map { $0 == "dumb" } ?? true
        return TextStyle(
            width: columns(of: file) ?? 80, colour: !isDumb && mayUseColour,
            unicode: isUnicodeLocale, utcOffsetSeconds: utcOffsetSeconds)
    }

    /// Writes to standard output; throws a `TerminalProblem` if that fails.
    public static func write(_ bytes: [UInt8]) throws(TerminalProblem) {
        try write(bytes, to: STDOUT_FILENO)
    }

    /// Writes to standard error; throws a `TerminalProblem` if that fails.
    public static func writeError(_ text: String) throws(TerminalProblem) {
        try write(Array(text.utf8), to: STDERR_FILENO)
    }

    private static func write(_ bytes: [UInt8], to file: Int32) throws(TerminalProblem) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Whoever read the output has seen enough.
            if count < 0, errno == EPIPE { return }
            guard count > 0 else {
                throw TerminalProblem(
                    description: "cannot write the answer: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// The rows of the terminal that standard output is; nil where nothing can be drawn over what
    /// is there already: in a pipe, a file, or a terminal that calls itself dumb.
    public static var rows: Int? {
        guard isatty(STDOUT_FILENO) == 1, let name = environment("TERM"), name != "dumb" else {
            return nil
        }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else {
            return 24
        }
        return Int(size.ws_row)
    }

    /// Whether the user lets colours be used (<https://no-color.org>).
    static var mayUseColour: Bool { environment("NO_COLOR")?.isEmpty ?? true }

    /// Seconds east of UTC here and now.
    public static var utcOffsetSeconds: Int {
        var now = time(nil)
        var local = tm()
        return localtime_r(&now, &local) == nil ? 0 : local.tm_gmtoff
    }

    private static func columns(of file: Int32) -> Int? {
        var size = winsize()
        guard ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    private static var isUnicodeLocale: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = environment(name), !value.isEmpty else { continue }
            let lower = value.lowercased()
            return lower.contains("utf-8") || lower.contains("utf8")
        }
        return false
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
