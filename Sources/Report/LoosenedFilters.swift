/// What to do where nothing passes the filters of a query, of which only those are named that were
/// given.
public enum LoosenedFilters {
    /// One sentence.
    ///
    /// - Parameters:
    ///   - what: What was looked for, such as `run`.
    ///   - filters: The keys of the filters that were given.
    ///   - hasRange: Whether a range was given, which could be longer.
    ///   - style: For whom it is.
    /// - Returns: The sentence.
    public static func sentence(
        _ what: String, filters: [String], hasRange: Bool, style: TextStyle = TextStyle()
    ) -> String {
        var advice: [String] = []
        if !filters.isEmpty { advice.append("loosen \(listed(filters, style))") }
        if hasRange { advice.append("ask for a longer range (\(style.key("since")))") }
        return advice.isEmpty
            ? "No \(what) is known yet."
            : "No \(what) matches; \(advice.joined(separator: ", or "))."
    }

    /// `host, user or program`.
    static func listed(_ keys: [String], _ style: TextStyle) -> String {
        let words = keys.map(style.key)
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or \(last)"
    }
}

extension ReportQuery {
    /// The keys of the filters that are set, without the range.
    var filterKeys: [String] {
        var keys: [String] = []
        if host != nil { keys.append("host") }
        if !labels.isEmpty { keys.append("label") }
        if user != nil { keys.append("user") }
        keys += NamedField.allCases.filter { patterns[$0] != nil }.map(\.rawValue)
        if minimumPeakBytes > 0 { keys.append("min_peak") }
        if minimumRuns > 1 { keys.append("min_runs") }
        return keys
    }
}

extension RangeQuery {
    /// The keys of the filters that are set, without the range.
    var filterKeys: [String] {
        var keys: [String] = []
        if host != nil { keys.append("host") }
        if program != nil { keys.append("program") }
        if user != nil { keys.append("user") }
        if cgroup != nil { keys.append("cgroup") }
        if minimumPeakBytes > 0 { keys.append("min_peak") }
        return keys
    }
}
