/// The keys of a query and their values by kind.
struct QueryReader {
    private var values: [String: QueryPair] = [:]
    /// The values of the keys that may come more than once.
    private var lists: [String: [QueryPair]] = [:]

    /// Throws for a key that is not one of `keys`, and for one that is there twice and not one of
    /// `repeatable`.
    init(
        _ pairs: [QueryPair], keys: [String], repeatable: Set<String> = []
    ) throws(QueryError) {
        for pair in pairs {
            guard keys.contains(pair.key) else {
                throw QueryError.unknownKey(pair, among: keys)
            }
            if repeatable.contains(pair.key) {
                lists[pair.key, default: []].append(pair)
                continue
            }
            guard values.updateValue(pair, forKey: pair.key) == nil else {
                throw QueryError(
                    key: pair.key, value: pair.value,
                    reason: "is given twice; give it once"
                        + (pair.key == "host" ? ", such as with a pattern like 'web*'" : ""))
            }
        }
    }

    /// Whether `key` is given.
    func has(_ key: String) -> Bool { values[key] != nil }

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
        try word(key, among: kind.allCases.map(\.rawValue), kind.init(rawValue:))
    }

    /// What `make` has for the value of `key`; `words` are for whoever typed another.
    func word<Choice>(
        _ key: String, among words: [String], _ make: (String) -> Choice?
    ) throws(QueryError) -> Choice? {
        guard let pair = values[key] else { return nil }
        guard let choice = make(pair.value) else {
            throw QueryError(
                pair,
                accepts: words.joined(separator: ", ")
                    + NearestWord.question(pair.value, among: words))
        }
        return choice
    }

    /// What `parse` makes of each value of `key`, at most `limit` of them.
    func list<Value>(
        _ key: String, limit: Int, _ parse: (String) throws(InputError) -> Value
    ) throws(QueryError) -> [Value] {
        var parsed: [Value] = []
        for pair in lists[key] ?? [] {
            guard parsed.count < limit else {
                throw QueryError(
                    key: key, value: pair.value,
                    reason: "is given more than \(limit) times; leave some out")
            }
            do {
                parsed.append(try parse(pair.value))
            } catch {
                throw QueryError(pair, error)
            }
        }
        return parsed
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

    /// How far ahead of this clock a beginning may be, as the clock of whoever asks may be, in
    /// milliseconds.
    private static let clockMilliseconds: Int64 = 60_000

    /// The values of `since` and `until`; the end must not come before the beginning, nor the
    /// beginning after now where there is no end.
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
                reason: "is before {since}; use a later time")
        }
        if let since, until == nil, since - QueryReader.clockMilliseconds > nowMilliseconds {
            throw QueryError(
                key: "since", value: values["since"]?.value ?? "",
                reason:
                    "is in the future, where nothing is known; use a time before now, such as 1h"
            )
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
