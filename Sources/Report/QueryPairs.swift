/// One key and its value, as they stand in the query of a URL after percent decoding.
public struct QueryPair: Hashable, Sendable {
    /// The part before the equals sign.
    public var key: String
    /// The part after the equals sign.
    public var value: String

    /// Takes both parts as they are.
    public init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// Which key of a query could not be taken, and why.
public struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key.
    public var key: String
    /// Its value.
    public var value: String
    /// What is wrong and what would be right, in one line without control characters.
    public var reason: String

    /// Takes the parts as they are.
    public init(key: String, value: String, reason: String) {
        self.key = key
        self.value = value
        self.reason = reason
    }

    /// The key and the reason.
    public var description: String { "\(key): \(reason)" }

    init(_ pair: QueryPair, _ error: InputError) {
        self.init(key: pair.key, value: pair.value, reason: error.description)
    }

    init(_ pair: QueryPair, accepts advice: String) {
        self.init(
            pair, InputError(text: pair.value, problem: "is not accepted", advice: advice))
    }
}

/// The keys of a query, each at most once, and their values by kind.
struct QueryReader {
    private var values: [String: QueryPair] = [:]

    /// Throws for a key that is not one of `keys`, and for one that is there twice.
    init(_ pairs: [QueryPair], keys: [String]) throws(QueryError) {
        for pair in pairs {
            guard keys.contains(pair.key) else {
                throw QueryError(
                    key: String(InputError.quoted(pair.key).dropFirst().dropLast()),
                    value: pair.value,
                    reason: "no such key; there are \(keys.joined(separator: ", "))")
            }
            guard values.updateValue(pair, forKey: pair.key) == nil else {
                throw QueryError(key: pair.key, value: pair.value, reason: "is given twice")
            }
        }
    }

    /// What `parse` makes of the value of `key`; nil where the key is missing.
    func value<Value>(
        _ key: String, _ parse: (String) throws(InputError) -> Value
    ) throws(QueryError) -> Value? {
        guard let pair = values[key] else { return nil }
        do {
            return try parse(pair.value)
        } catch {
            throw QueryError(pair, error)
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of kind: Choice.Type
    ) throws(QueryError) -> Choice? where Choice.RawValue == String {
        guard let pair = values[key] else { return nil }
        guard let choice = kind.init(rawValue: pair.value) else {
            throw QueryError(
                pair, accepts: kind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    func flag(_ key: String) throws(QueryError) -> Bool? {
        guard let pair = values[key] else { return nil }
        switch pair.value {
        case "", "1", "true", "yes": return true
        case "0", "false", "no": return false
        default: throw QueryError(pair, accepts: "1, true or yes, or 0, false or no")
        }
    }

    func number(_ key: String, in range: ClosedRange<Int>) throws(QueryError) -> Int? {
        guard let pair = values[key] else { return nil }
        guard let number = Int(pair.value), range.contains(number) else {
            throw QueryError(
                pair,
                accepts: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func size(_ key: String) throws(QueryError) -> UInt64? {
        try value(key) { text throws(InputError) in try ByteSize(parsing: text).bytes }
    }

    /// The values of `since` and `until`; the end must not come before the beginning.
    func range(
        nowMilliseconds: Int64, utcOffsetSeconds: Int
    ) throws(QueryError) -> (since: Int64?, until: Int64?) {
        func time(_ text: String) throws(InputError) -> Int64 {
            try TimeExpression.parse(
                text, nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
        }
        let since = try value("since", time)
        let until = try value("until", time)
        if let since, let until, since > until {
            throw QueryError(
                key: "until", value: values["until"]?.value ?? "",
                reason: "is before since; use a later time")
        }
        return (since, until)
    }

    func glob(_ key: String) throws(QueryError) -> Glob? {
        guard let pair = values[key] else { return nil }
        guard (1...Glob.maximumBytes).contains(pair.value.utf8.count) else {
            throw QueryError(
                pair, accepts: "a pattern of 1 to \(Glob.maximumBytes) bytes, such as web*")
        }
        return Glob(pair.value)
    }
}

extension ReportQuery {
    /// Every key of a report's query.
    public static let keys = [
        "since", "until", "by", "top", "host", "user", "program", "min_peak", "sort", "inherited",
    ]

    /// Reads a query; what has no pair is as in `init()`.
    ///
    /// - Parameters:
    ///   - pairs: Keys of `keys`, each at most once.
    ///   - nowMilliseconds: Now, in milliseconds since the epoch in UTC.
    ///   - utcOffsetSeconds: Seconds east of UTC for times that name no offset.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(
        pairs: [QueryPair], nowMilliseconds: Int64, utcOffsetSeconds: Int = 0
    ) throws(QueryError) {
        self.init()
        let reader = try QueryReader(pairs, keys: ReportQuery.keys)
        (sinceMilliseconds, untilMilliseconds) = try reader.range(
            nowMilliseconds: nowMilliseconds, utcOffsetSeconds: utcOffsetSeconds)
        grouping = try reader.choice("by", of: Grouping.self) ?? grouping
        order = try reader.choice("sort", of: Order.self) ?? order
        top = try reader.number("top", in: ReportQuery.topRange) ?? top
        host = try reader.glob("host")
        user = try reader.glob("user")
        program = try reader.glob("program")
        minimumPeakBytes = try reader.size("min_peak") ?? minimumPeakBytes
        includesInherited = try reader.flag("inherited") ?? includesInherited
    }

    /// The pairs that `init(pairs:nowMilliseconds:utcOffsetSeconds:)` reads as this query, in the
    /// order of `keys`, without those that are as in `init()`.
    public var pairs: [QueryPair] {
        let usual = ReportQuery()
        var pairs: [QueryPair] = []
        func add(_ key: String, _ value: String?) {
            if let value { pairs.append(QueryPair(key, value)) }
        }
        add("since", sinceMilliseconds.flatMap(Timestamp.text))
        add("until", untilMilliseconds.flatMap(Timestamp.text))
        add("by", grouping == usual.grouping ? nil : grouping.rawValue)
        add("top", top == usual.top ? nil : String(top))
        add("host", host?.pattern)
        add("user", user?.pattern)
        add("program", program?.pattern)
        add("min_peak", minimumPeakBytes == 0 ? nil : String(minimumPeakBytes))
        add("sort", order == usual.order ? nil : order.rawValue)
        add("inherited", includesInherited ? "1" : nil)
        return pairs
    }
}
