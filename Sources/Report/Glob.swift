public import MemoryModel

/// A shell pattern over bytes: `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash before any of them.
public struct Glob: Hashable, Sendable {
    /// The pattern as the user wrote it.
    public let pattern: String

    /// Takes a pattern.
    public init(_ pattern: String) {
        self.pattern = pattern
    }
}
