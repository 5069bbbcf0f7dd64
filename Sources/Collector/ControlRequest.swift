/// What a collector is asked to change, over the socket in its data directory.
package enum ControlRequest: Hashable, Sendable {
    /// Purge every peak of a host, by id or name, whose time overlaps a stretch of UTC; or only
    /// say what that would be.
    case purge(
        host: String, sinceMilliseconds: Int64, untilMilliseconds: Int64, isDryRun: Bool)
    /// Bring back what was purged under a tombstone.
    case undo(tombstone: Int64)
    /// List the tombstones.
    case list
    /// Remove a host, by id or name, with all that is known of it; or only say what that would be.
    case forget(host: String, isDryRun: Bool)
    /// Remove what is older than it is kept, or only say what that would be.
    case prune(RetentionSettings, isDryRun: Bool)
}

/// The socket of a data directory and the bytes that go over it.
///
/// A request is one line of fields with a tab between them, the first of them the version. An
/// answer is a line `ok` or `failed` and text for people; then the connection ends.
enum ControlProtocol {
    /// A request is at most so long, in bytes.
    static let maximumRequestBytes = 4_096
    /// An answer is at most so long, in bytes.
    static let maximumAnswerBytes = 1 << 20

    private static let version = "highwater-control-1"

    /// The path of the socket.
    static func path(dataDirectory: String) -> String {
        var trimmed = dataDirectory[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        return trimmed + "/control"
    }

    /// The line of a request, with its end.
    static func line(_ request: ControlRequest) -> String {
        let fields: [String]
        switch request {
        case .purge(let host, let since, let until, let isDryRun):
            fields = ["purge", host, "\(since)", "\(until)", isDryRun ? "dry-run" : "now"]
        case .undo(let tombstone): fields = ["undo", "\(tombstone)"]
        case .list: fields = ["list"]
        case .forget(let host, let isDryRun):
            fields = ["forget", host, isDryRun ? "dry-run" : "now"]
        case .prune(let retention, let isDryRun):
            let kept = [
                retention.minutesMilliseconds, retention.hoursMilliseconds,
                retention.daysMilliseconds, retention.runsMilliseconds,
                Int64(clamping: retention.foldBelowBytes), retention.foldShorterMilliseconds,
            ]
            fields = ["prune"] + kept.map(String.init) + [isDryRun ? "dry-run" : "now"]
        }
        return ([version] + fields).joined(separator: "\t") + "\n"
    }

    /// The request of a line without its end; nil if it is none.
    static func request(_ line: String) -> ControlRequest? {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.first == version else { return nil }
        switch (fields.count, fields.count > 1 ? fields[1] : "") {
        case (6, "purge"):
            guard let since = Int64(fields[3]), let until = Int64(fields[4]),
                ["dry-run", "now"].contains(fields[5])
            else { return nil }
            return .purge(
                host: fields[2], sinceMilliseconds: since, untilMilliseconds: until,
                isDryRun: fields[5] == "dry-run")
        case (3, "undo"): return Int64(fields[2]).map { .undo(tombstone: $0) }
        case (2, "list"): return .list
        case (4, "forget"):
            guard ["dry-run", "now"].contains(fields[3]) else { return nil }
            return .forget(host: fields[2], isDryRun: fields[3] == "dry-run")
        case (9, "prune"):
            let kept = fields[2...7].compactMap { Int64($0) }.filter { $0 >= 0 }
            guard kept.count == 6, ["dry-run", "now"].contains(fields[8]) else { return nil }
            return .prune(
                RetentionSettings(
                    minutesMilliseconds: kept[0], hoursMilliseconds: kept[1],
                    daysMilliseconds: kept[2], runsMilliseconds: kept[3],
                    foldBelowBytes: UInt64(kept[4]), foldShorterMilliseconds: kept[5]),
                isDryRun: fields[8] == "dry-run")
        default: return nil
        }
    }
}

/// What became of a request, in words for people.
package enum ControlAnswer: Hashable, Sendable {
    /// It was done.
    case done(String)
    /// It was not, and nothing changed.
    case failed(String)

    /// As it goes over the socket.
    var bytes: [UInt8] {
        switch self {
        case .done(let text): Array("ok\n\(text)".utf8)
        case .failed(let text): Array("failed\n\(text)".utf8)
        }
    }

    /// Reads what came over the socket; nil if it is no answer.
    init?(bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("ok\n") {
            self = .done(String(text.dropFirst(3)))
        } else if text.hasPrefix("failed\n") {
            self = .failed(String(text.dropFirst(7)))
        } else {
            return nil
        }
    }
}
