/// When an interpreter is looked for again, and what it means that none is found.
///
/// Pure: what was found goes in with its time. Right after an exec there is none, as the loader has
/// yet to map the library that has it.
struct InterpreterSearch {
    /// What came of a search.
    enum Answer: Hashable {
        /// This one runs.
        case found(Interpreter)
        /// One may be there soon.
        case wait
        /// None is to be expected: why.
        case none(String)
    }

    /// Time between two searches.
    static let usualMilliseconds: Int64 = 1_000
    /// Time between two of them where one is expected soon.
    static let closeMilliseconds: Int64 = 50
    /// So long an interpreter that has not begun is expected to do so soon.
    static let beginningMilliseconds: Int64 = 5_000
    /// After so long without one the process is taken to run something else.
    static let absentMilliseconds: Int64 = 1_000

    private let startedAt: Int64
    private var searchedAt: Int64?
    private var absentSince: Int64?

    init(at now: Int64) {
        startedAt = now
    }

    /// Whether it is time to search; then it is taken for done.
    mutating func isDue(at now: Int64, hasInterpreter: Bool) -> Bool {
        let isBeginning =
            !hasInterpreter && now - startedAt < InterpreterSearch.beginningMilliseconds
        let interval =
            isBeginning || absentSince != nil
            ? InterpreterSearch.closeMilliseconds : InterpreterSearch.usualMilliseconds
        if let searchedAt, now - searchedAt < interval { return false }
        searchedAt = now
        return true
    }

    /// Takes what was found in the process's memory, opened anew.
    mutating func took(_ found: FoundInterpreter, at now: Int64) -> Answer {
        guard case .none = found else {
            absentSince = nil
            switch found {
            case .supported(let interpreter): return .found(interpreter)
            case .unsupported(let reason): return .none(reason)
            case .starting, .none: return .wait
            }
        }
        let since = absentSince ?? now
        absentSince = since
        return now - since < InterpreterSearch.absentMilliseconds
            ? .wait : .none("it runs another program now, which is no CPython")
    }
}
