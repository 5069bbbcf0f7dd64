import Glibc

/// Asks at a terminal before something goes that does not come back.
enum Confirmation {
    /// Whether the answer to `question` is yes; anything else is no.
    static func isGiven(to question: String) -> Bool {
        print("\(question) [y/N] ", terminator: "")
        fflush(nil)
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
}
