import Glibc

/// Error numbers of the kernel (`errno(3)`), in words.
enum KernelError {
    /// The phrase for `code`, such as `Permission denied`.
    static func phrase(of code: Int32) -> String {
        guard let message = strerror(code) else { return "error \(code)" }
        return String(cString: message)
    }
}
