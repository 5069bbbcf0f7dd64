/// A kind of parts of runs of which figures are kept.
public enum RunPart: Hashable, Sendable, CaseIterable {
    /// What sections of a run needed.
    case sections
    /// Which lines of a Python program ran while its memory grew.
    case lines

    /// The word for one of them in queries and reports.
    public var word: String {
        switch self {
        case .sections: "section"
        case .lines: "line"
        }
    }
}
