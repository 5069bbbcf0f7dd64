/// How a view that goes on is to be sent.
public struct LiveQuery: Hashable, Sendable {
    /// Time between two pages, in milliseconds.
    public var intervalMilliseconds: Int64 = 2_000
    /// Whether each page takes the place of the one before, by escapes of a terminal.
    public var redraws = false

    /// Every key of such a query: `interval`, `ansi`.
    public static let keys = ["interval", "ansi"]
    /// The intervals that are taken, in milliseconds.
    public static let intervalRange: ClosedRange<Int64> = 1_000...3_600_000

    /// A page every two seconds, one below the other.
    public init() {}

    /// Reads a query; what has no pair is as in `init()`.
    ///
    /// - Parameter pairs: Keys of `keys`, each at most once.
    /// - Throws: The key that could not be taken, why, and what could.
    public init(pairs: [QueryPair]) throws(QueryError) {
        self.init()
        let reader = try QueryReader(pairs, keys: LiveQuery.keys)
        intervalMilliseconds =
            try reader.value("interval") { text throws(InputError) in
                let interval = try DurationText.parse(text)
                guard LiveQuery.intervalRange.contains(interval) else {
                    throw InputError(
                        text: text, problem: "is not accepted", advice: "1s to 1h, such as 5s")
                }
                return interval
            } ?? intervalMilliseconds
        redraws = try reader.flag("ansi") ?? redraws
    }

    /// `page` as it is sent as number `number`, counted from 0.
    ///
    /// With escapes it begins at the top left, and what is left over of the page before is cleared
    /// behind it (`console_codes(4)`: CUP, EL and ED); otherwise a line stands between two pages.
    public func sent(_ page: String, number: Int) -> String {
        guard redraws else {
            return number == 0 ? page : "\n" + String(repeating: "-", count: 72) + "\n\n" + page
        }
        let start = number == 0 ? "\u{1B}[2J\u{1B}[H" : "\u{1B}[H"
        return start + page.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J"
    }
}
