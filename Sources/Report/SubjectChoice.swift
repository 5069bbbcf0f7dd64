public import MemoryModel

/// What a page is about, once it is known.
public enum Subject: Hashable, Sendable {
    /// One run.
    case run(RunKey)
    /// One host.
    case host(HostID)
    /// One program, on all hosts.
    case program(RawText)
}

/// Why there is no page, in one line that says what to do.
public struct SubjectProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line, free of control characters.
    public let description: String
    /// Whether there are several subjects; else there is none.
    public let isAmbiguous: Bool

    init(_ description: String, isAmbiguous: Bool = false) {
        self.description = description
        self.isAmbiguous = isAmbiguous
    }
}

/// What a word may mean, and which of it is meant.
///
/// A whole run id, the id or name of a host, or the exact name of a program goes first; then the
/// beginning of a run id or of a host's id, also as tables print it; then patterns with `*` and
/// `?`.
public struct SubjectChoice: Sendable {
    /// What was asked.
    public var query: SubjectQuery
    /// Runs whose short names begin with the word.
    public var runs: [ReportedRun] = []
    /// Every host.
    public var hosts: [ReportedHost]
    /// Programs that the word names, matches as a pattern, or is a part of.
    public var programs: Set<RawText> = []

    /// How many are named where there are several.
    private static let namedCount = 5

    /// A choice among `hosts` alone.
    public init(_ query: SubjectQuery, hosts: [ReportedHost]) {
        self.query = query
        self.hosts = hosts
    }

    /// The pattern by which programs are to be looked for that may be meant.
    public static func programPattern(_ word: String) -> Glob { Glob("*\(word)*") }

    /// What is meant; throws what is wrong, and what to do, where nothing is or several are.
    public func chosen() throws(SubjectProblem) -> Subject {
        let exact = exactMatches
        if let subject = try one(of: exact) { return subject }
        if let subject = try one(of: beginnings) { return subject }
        if let subject = try one(of: patterns) { return subject }
        throw SubjectProblem(nothingSentence)
    }

    /// Whether a host has the word for its id or name.
    public var namesHost: Bool { hosts.contains(where: isNamed) }

    private func isNamed(_ host: ReportedHost) -> Bool {
        host.id.text == query.word || host.description.name == RawText(query.word)
    }

    private typealias Match = (subject: Subject, text: String)

    private func asks(_ kind: SubjectQuery.Kind) -> Bool {
        query.kind == nil || query.kind == kind
    }

    private var exactMatches: [Match] {
        let word = RawText(query.word)
        var matches: [Match] = []
        if asks(.run), ShortRunID(query.word)?.isWhole == true { matches += runMatches }
        if asks(.host) {
            matches += hosts.filter(isNamed).sorted { $0.id < $1.id }.map(match)
        }
        if asks(.program), programs.contains(word) { matches.append(match(word)) }
        return matches
    }

    private var beginnings: [Match] {
        let runs = asks(.run) ? runMatches : []
        guard asks(.host), let prefix = HostPrefix(query.word) else { return runs }
        return runs
            + hosts.filter { prefix.matches($0.id, $0.description.name) }
            .sorted { $0.id < $1.id }.map(match)
    }

    private var patterns: [Match] {
        let glob = Glob(query.word)
        var matches: [Match] = []
        if asks(.host) {
            matches += hosts.filter {
                glob.matches(RawText($0.id.text)) || glob.matches($0.description.name)
            }.map(match)
        }
        if asks(.program) { matches += programs.filter(glob.matches).sorted().map(match) }
        return matches
    }

    private var runMatches: [Match] {
        runs.sorted { $0.key.shortID < $1.key.shortID }.map { run in
            let program = TextStyle.name(run.record.description.program, ascii: false)
            let host = TextStyle.name(run.hostName, ascii: false)
            return (.run(run.key), "\(run.key.shortID) (\(program) on \(host))")
        }
    }

    private func match(_ host: ReportedHost) -> Match {
        (.host(host.id), "host \(host.id.text)")
    }

    private func match(_ program: RawText) -> Match {
        (.program(program), "program \(TextStyle.name(program, ascii: false))")
    }

    /// The only one; nil where there is none.
    private func one(of matches: [Match]) throws(SubjectProblem) -> Subject? {
        guard matches.count > 1 else { return matches.first?.subject }
        let kinds = Set(matches.map { SubjectChoice.kind(of: $0.subject) })
        var list = matches.prefix(SubjectChoice.namedCount).map(\.text).joined(separator: ", ")
        if matches.count > SubjectChoice.namedCount {
            list += " and \(DecimalText.grouped(matches.count - SubjectChoice.namedCount)) more"
        }
        let flags = SubjectQuery.Kind.allCases.filter(kinds.contains).map { "--\($0.rawValue)" }
        let advice =
            kinds.count > 1
            ? "say which with \(flags.joined(separator: " or "))"
            : kinds == [.run] ? "give more of the run id" : "give one of them in full"
        throw SubjectProblem("\(word) can be \(list); \(advice)", isAmbiguous: true)
    }

    private static func kind(of subject: Subject) -> SubjectQuery.Kind {
        switch subject {
        case .run: .run
        case .host: .host
        case .program: .program
        }
    }

    private var word: String { InputError.quoted(query.word) }

    private var nothingSentence: String {
        let what =
            switch query.kind {
            case .run: "No run has an id that begins with \(word)"
            case .host: "No host has the id or name \(word)"
            case .program: "No run of the program \(word) is kept"
            case nil: "\(word) is no run id, host or program that is known"
            }
        let near = programs.sorted().prefix(SubjectChoice.namedCount)
            .map { TextStyle.name($0, ascii: false) }
        if asks(.program), !near.isEmpty {
            return "\(what); did you mean \(near.joined(separator: " or "))?"
        }
        let advice =
            switch query.kind {
            case .run: "memcollector report shows run ids in its last column"
            case .host: "memcollector hosts shows them all"
            case .program, nil:
                "memcollector report --by program and memcollector hosts show what there is"
            }
        return "\(what); \(advice)" + (mayBeShortRunID ? "; \(SubjectChoice.runIDAdvice)" : "")
    }

    private static let runIDAdvice =
        "of a run id at least the first \(ShortRunID.leastLength) characters are needed"

    /// Whether the word may be the beginning of a run id, but for being too short.
    private var mayBeShortRunID: Bool {
        asks(.run) && query.word.utf8.count < ShortRunID.leastLength
            && ShortRunID.mayBegin(with: query.word)
    }
}
