/// A range of time, both ends included, as statements take it: what is open is the farthest time.
struct StoredRange {
    /// Its beginning, in milliseconds since the epoch in UTC.
    var since: Int64
    /// Its end.
    var until: Int64

    /// Takes both ends, nil for none.
    init(since: Int64?, until: Int64?) {
        self.since = since ?? .min
        self.until = until ?? .max
    }

    /// Gives the beginning and the end to parameters 1 and 2, and how many rows are wanted to 3.
    func bind(to statement: PreparedStatement, limit: Int) throws {
        try statement.bind(1, since)
        try statement.bind(2, until)
        try statement.bind(3, StoredRange.limit(limit))
    }

    /// How many rows are wanted; SQLite takes a negative number for all of them.
    static func limit(_ limit: Int) -> Int64 { Int64(max(0, limit)) }
}
