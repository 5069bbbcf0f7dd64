/// Why there is no memory controller to read.
public struct CgroupProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and what can be done about it, in one sentence without a period.
    public let description: String

    /// Takes the sentence.
    init(_ description: String) {
        self.description = description
    }
}
