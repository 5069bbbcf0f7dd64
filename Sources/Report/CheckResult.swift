import MemoryModel

/// What a check found, as the one line of a monitoring plugin.
///
/// The form is that of the Monitoring Plugins' guidelines: words, then performance data behind `|`
/// as `name=value;warning;critical;least;most`.
public struct CheckResult: Hashable, Sendable {
    /// The worst of what was looked at.
    public private(set) var status = CheckStatus.ok
    private var words: [String] = []
    private var data: [String] = []
    private var hostNames = HostNames()

    /// The header field of HTTP that says the number of the status.
    public static let headerName = "highwater-check-status"
    /// What of a name stands in the line, in bytes.
    private static let maximumNameBytes = 64

    /// Looks at `hosts`, all there are, and at the run that matches and held most in the range.
    ///
    /// `unseen` says that no run matches, whenever it was; `problems` are the collector's own.
    public init(
        _ query: CheckQuery, hosts: [ReportedHost], largest: CheckedRun?,
        unseen: UnseenNames? = nil, problems: [String] = [], nowMilliseconds now: Int64
    ) {
        hostNames = HostNames(hosts)
        let chosen = hosts.filter { host in
            query.host?.matches(host: host.id, name: host.description.name) ?? true
        }
        guard !chosen.isEmpty else {
            status = .unknown
            words = [
                hosts.isEmpty
                    ? "no host has reported yet; start memagent on one"
                    : "no host matches '\(CheckResult.shown(RawText(query.host?.pattern ?? "")))'"
            ]
            return
        }
        if !query.missing.isEmpty { addMissing(query, chosen, now) }
        if !query.used.isEmpty { addUsed(query, chosen) }
        if !query.peak.isEmpty { addPeak(query, chosen, largest, unseen) }
        if let problem = problems.first { add(.warning, problem) }
    }

    /// A check that could not be made, because of `reason`.
    public init(unknown reason: String) {
        status = .unknown
        words = [reason]
    }

    /// The line, with its newline.
    public var line: String {
        // What ends the words, or the line, cannot be in them.
        let text = words.joined(separator: "; ").replacing("|", with: "\\x7C")
            .replacing("\n", with: " ")
        let figures = data.isEmpty ? "" : " | " + data.joined(separator: " ")
        return "HIGHWATER \(status.word) - \(text)\(figures)\n"
    }

    // MARK: Parts

    private mutating func add(_ severity: CheckStatus, _ text: String) {
        // The worst is said first.
        if severity > status {
            words.insert(text, at: 0)
            status = severity
        } else {
            words.append(text)
        }
    }

    private mutating func addMissing(_ query: CheckQuery, _ hosts: [ReportedHost], _ now: Int64) {
        // Where only commands are told of there is no agent to miss.
        let hosts = hosts.filter(\.isAwaited)
        guard !hosts.isEmpty else { return add(.ok, "no host has an agent to miss") }
        let silences = hosts.map { host in
            (host, UInt64(clamping: now.subtractingClamped(host.lastHeardAtMilliseconds)))
        }
        let late = silences.filter { query.missing.severity(of: $0.1) > .ok }
        let all = "\(hosts.count) host\(hosts.count == 1 ? "" : "s")"
        data.append(
            "missing=\(late.count);;;0;\(hosts.count)")
        guard let worst = late.max(by: { $0.1 < $1.1 }) else {
            return add(.ok, reporting(silences, all))
        }
        let silence = DurationText.approximate(milliseconds: Int64(clamping: worst.1))
        let others = late.count > 1 ? " (and \(late.count - 1) more of \(all))" : ""
        add(
            query.missing.severity(of: worst.1),
            "\(shown(worst.0)) was last heard \(silence) ago\(others)")
    }

    /// Who reports, and who of the others has been silent longest, though not for too long.
    private func reporting(
        _ silences: [(host: ReportedHost, milliseconds: UInt64)], _ all: String
    ) -> String {
        let silent = silences.filter { $0.host.state != .up }
        guard let worst = silent.max(by: { $0.milliseconds < $1.milliseconds }) else {
            return silences.count == 1 ? "1 host reports" : "all of \(all) report"
        }
        let length = DurationText.approximate(milliseconds: Int64(clamping: worst.milliseconds))
        let name = shown(worst.host)
        guard silences.count > 1 else { return "\(name) was last heard \(length) ago" }
        let others = silent.count > 1 ? " (and \(silent.count - 1) more)" : ""
        return "\(silences.count - silent.count) of \(all) report; \(name) was last heard"
            + " \(length) ago"
            + others
    }

    private mutating func addUsed(_ query: CheckQuery, _ hosts: [ReportedHost]) {
        let shares = hosts.compactMap { host in
            host.memoryUsedBytes
                .flatMap { Permille.of($0, host.description.memoryTotalBytes) }
                .map { (host, UInt64($0)) }
        }
        guard let worst = shares.max(by: { $0.1 < $1.1 }) else {
            return add(.unknown, "the memory in use of no host is known now")
        }
        func tenths(_ value: UInt64?) -> String {
            value.map { DecimalText.tenths(Int(clamping: $0)) } ?? ""
        }
        data.append(
            "used=\(tenths(worst.1))%;\(tenths(query.used.warning));"
                + "\(tenths(query.used.critical));0;100")
        let severity = query.used.severity(of: worst.1)
        let limit = severity == .critical ? query.used.critical : query.used.warning
        let above = severity == .ok ? "" : ", above \(tenths(limit)) %"
        add(
            severity,
            "\(shown(worst.0)) uses \(tenths(worst.1)) % of its memory" + above)
    }

    private mutating func addPeak(
        _ query: CheckQuery, _ hosts: [ReportedHost], _ largest: CheckedRun?,
        _ unseen: UnseenNames?
    ) {
        func bytes(_ value: UInt64?) -> String { value.map { String($0) } ?? "" }
        if let largest {
            data.append(
                "peak=\(largest.bytes)B;\(bytes(query.peak.warning));"
                    + "\(bytes(query.peak.critical));0")
            let severity = query.peak.severity(of: largest.bytes)
            let limit = severity == .critical ? query.peak.critical : query.peak.warning
            let above = severity == .ok ? "" : ", above \(ByteSize(limit ?? 0).text)"
            let record = largest.run.record
            add(
                severity,
                (largest.isPeak ? "the largest peak is " : "the most held in the range is ")
                    + "\(ByteSize(largest.bytes).text)\(above) ("
                    + "\(CheckResult.shown(record.description.program)), pid "
                    + "\(record.key.pid) on \(shown(largest.run.hostName, largest.run.host)))")
        } else if let unseen {
            // A name that is mistyped would be well for ever.
            add(.unknown, unseen.sentence)
        } else {
            add(.ok, "no peak in the range matches")
        }
        // What nobody watches is not shown as well; of commands alone nothing more was expected.
        let hosts = hosts.filter(\.isAwaited)
        let gone = hosts.count { $0.state == .gone }
        if hosts.isEmpty { return }
        if gone == hosts.count {
            add(.unknown, "no host that matches reports")
        } else if gone > 0 {
            add(.ok, "\(gone) of \(hosts.count) hosts do\(gone == 1 ? "es" : "") not report")
        }
    }

    private func shown(_ host: ReportedHost) -> String { shown(host.description.name, host.id) }

    /// The name of a host, with the beginning of its id where another one is called the same.
    private func shown(_ name: RawText, _ host: HostID) -> String {
        let clamped = name.clamped(toBytes: CheckResult.maximumNameBytes)
        return DisplayText.escaped(hostNames.text(clamped, host))
    }

    private static func shown(_ name: RawText) -> String {
        DisplayText.escaped(name.clamped(toBytes: maximumNameBytes))
    }
}

/// Names that a check looks for and that no run ever had.
public struct UnseenNames: Hashable, Sendable {
    private let filters: [String]
    private let nearest: RawText?

    /// The names that `query` asks for; `reason` knows a program that is named much like it.
    public init(_ query: CheckQuery, _ reason: EmptyReason) {
        func words(_ flag: String, _ glob: Glob?) -> String? {
            glob.map { "\(flag) \(InputError.quoted($0.pattern))" }
        }
        filters = [words("--program", query.program), words("--user", query.user)]
            .compactMap { $0 }
        nearest = reason.nearest
    }

    /// What to say.
    var sentence: String {
        let question = nearest.map { "did you mean \(DisplayText.escaped($0))?" }
        return "no process that is kept matches \(filters.joined(separator: " and ")); "
            + (question ?? "memcollector report --by program shows which there are")
    }
}
