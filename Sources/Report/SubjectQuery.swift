import MemoryModel

/// What a page is asked for: one run, host or program, and of which time.
public struct SubjectQuery: Hashable, Sendable {
    /// The kinds of subjects.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// One program image in one process.
        case run
        /// A machine.
        case host
        /// What runs ran.
        case program
    }

    /// What was typed: a run id or its beginning, a host's id or name, or a program.
    public var word: String
    /// Of what kind it is; nil where nobody said.
    public var kind: Kind?
    /// Beginning of the time to show, milliseconds since the epoch in UTC; nil for the usual.
    public var sinceMilliseconds: Int64?
    /// Its end, likewise; nil for now, or for the end of a run.
    public var untilMilliseconds: Int64?

    /// The keys of such a query; one of the first four has to be there.
    public static let keys = ["subject", "run", "host", "program", "since", "until"]
    /// How long the time is that a page of a host shows usually, in milliseconds: 24 hours.
    public static let usualHostMilliseconds: Int64 = 86_400_000
    /// How long the time is that a page of a program shows usually, in milliseconds: 7 days.
    public static let usualProgramMilliseconds: Int64 = 7 * 86_400_000

    /// A question about `word`.
    public init(_ word: String, kind: Kind? = nil) {
        self.word = word
        self.kind = kind
    }

    /// Reads a query.
    ///
    /// - Parameters:
    ///   - pairs: Keys of `keys`, each at most once.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - utcOffsetSeconds: Seconds east of UTC for times that name no offset.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(
        pairs: [QueryPair], nowMilliseconds: Int64, utcOffsetSeconds: Int = 0
    ) throws(QueryError) {
        let reader = try QueryReader(pairs, keys: SubjectQuery.keys)
        let subjects = pairs.filter { SubjectQuery.keys.prefix(4).contains($0.key) }
        guard let subject = subjects.first else {
            throw QueryError(
                key: "subject", value: "",
                reason: "is missing; give a run id, a host or a program, such as run=ID")
        }
        guard subjects.count == 1 else {
            throw QueryError(
                key: subjects[1].key, value: subjects[1].value,
                reason: "is one subject too many; a page is about one")
        }
        guard (1...Glob.maximumBytes).contains(subject.value.utf8.count) else {
            throw QueryError(
                subject, accepts: "a run id, a host or a program of 1 to \(Glob.maximumBytes) bytes"
            )
        }
        self.init(subject.value, kind: Kind(rawValue: subject.key))
        if kind == .run, ShortRunID(word) == nil {
            throw QueryError(
                subject,
                accepts: "the RUN of a report, or at least its first"
                    + " \(ShortRunID.leastLength) characters")
        }
        (sinceMilliseconds, untilMilliseconds) = try reader.range(
            nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
    }
}
