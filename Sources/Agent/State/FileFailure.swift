import Glibc

/// A call about a file that failed.
struct FileFailure: Error, Hashable, CustomStringConvertible {
    /// What could not be done, in words: `cannot write /var/lib/memagent/state-1`.
    var what: String
    /// The kernel's number for why (`errno(3)`).
    var code: Int32

    /// Takes both parts; the number is that of the call that just failed.
    init(_ what: String, code: Int32 = errno) {
        self.what = what
        self.code = code
    }

    var description: String { "\(what): \(String(cString: strerror(code)))" }
}
