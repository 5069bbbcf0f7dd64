import MemoryModel

/// Why something that a user typed could not be taken, in words for that user.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was typed.
    public var text: String
    /// What is wrong with it, to be read after the text: `is not a size`.
    public var problem: String
    /// What would have been taken, to be read after `use`: `a number with K, M, G or T`.
    public var advice: String

    /// Takes the parts as they are.
    public init(text: String, problem: String, advice: String) {
        self.text = text
        self.problem = problem
        self.advice = advice
    }

    /// One line without control characters that says what is wrong and what would be right.
    public var description: String {
        "\(InputError.quoted(text)) \(problem); use \(advice)"
    }

    /// `text` in quotation marks, escaped and cut to a length that fits in a line.
    public static func quoted(_ text: String) -> String {
        let safe = DisplayText.escaped(RawText(text).clamped(toBytes: 256))
        return "\"\(DisplayWidth.clamped(safe, toColumns: 40, ellipsis: "..."))\""
    }
}
