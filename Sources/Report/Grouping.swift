public import MemoryModel

extension ReportQuery {
    /// By what the runs are put together, one row each.
    public enum Grouping: Hashable, Sendable {
        /// Every run by itself.
        case run
        /// Runs of one program.
        case program
        /// Runs of one command line.
        case command
        /// Runs of one executable.
        case executable
        /// Runs of one user.
        case user
        /// Runs of one cgroup.
        case cgroup
        /// Runs of one systemd unit.
        case unit
        /// Runs of one container.
        case container
        /// Runs of one host.
        case host
        /// Runs on hosts whose label of this key has one value.
        case label(RawText)
    }
}

extension ReportQuery.Grouping: CaseIterable {
    /// Every grouping but those by a label, of which there are as many as labels.
    public static let allCases: [ReportQuery.Grouping] = [
        .run, .program, .command, .executable, .user, .cgroup, .unit, .container, .host,
    ]

    /// The longest key of a label, in bytes.
    public static let maximumLabelBytes = 256

    private static let labelPrefix = "label:"

    /// The words that are taken, for people who typed another.
    static let words =
        allCases.map(\.word) + RunPart.allCases.map(\.word) + [labelPrefix + "KEY"]

    /// The word for it in a query, and in JSON.
    ///
    /// The key of a label stands in it as it is where it is UTF-8.
    public var word: String {
        switch self {
        case .run: "run"
        case .program: "program"
        case .command: "command"
        case .executable: "executable"
        case .user: "user"
        case .cgroup: "cgroup"
        case .unit: "unit"
        case .container: "container"
        case .host: "host"
        case .label(let key): Self.labelPrefix + JSONText.content(of: key)
        }
    }

    /// Reads a word; nil for what is none.
    public init?(word: String) {
        if let grouping = Self.allCases.first(where: { $0.word == word }) {
            self = grouping
            return
        }
        let key = word.dropFirst(Self.labelPrefix.count)
        guard word.hasPrefix(Self.labelPrefix),
            (1...Self.maximumLabelBytes).contains(key.utf8.count)
        else { return nil }
        self = .label(RawText(String(key)))
    }

    /// Whether what runs in a row has no more in common than where it runs, or who runs it.
    var isOfManyProcesses: Bool {
        switch self {
        case .user, .host, .label: true
        case .run, .program, .command, .executable, .cgroup, .unit, .container: false
        }
    }

    /// Whether folded runs can be told apart by it.
    var isKnownOfFolds: Bool {
        switch self {
        case .run, .program, .user, .cgroup, .host, .label: true
        case .command, .executable, .unit, .container: false
        }
    }
}

/// A name of a run that a pattern can be held against.
public enum NamedField: String, Hashable, Sendable, CaseIterable {
    /// The name people know it by.
    case program
    /// The command line, as far as the agent's policy lets it out.
    case command
    /// The path of the executable.
    case executable
    /// The path of the cgroup.
    case cgroup
    /// The systemd unit.
    case unit
    /// The container.
    case container
}

extension RunDescription {
    /// The name of `field`; nil where it is not known.
    public func name(_ field: NamedField) -> RawText? {
        switch field {
        case .program: program
        case .command: command
        case .executable: executable
        case .cgroup: cgroup
        case .unit: unit
        case .container: container
        }
    }
}

extension FoldSubject {
    /// Whether every pattern matches; nil where nobody can tell, as folds do not keep that name.
    func matches(_ patterns: [NamedField: Glob]) -> Bool? {
        var isKnown = true
        for (field, pattern) in patterns {
            switch field {
            case .program: guard pattern.matches(program) else { return false }
            case .cgroup: guard cgroup.map(pattern.matches) ?? false else { return false }
            case .command, .executable, .unit, .container: isKnown = false
            }
        }
        return isKnown ? true : nil
    }
}

/// A label that a host has to have.
public struct LabelPattern: Hashable, Sendable {
    /// The label's key.
    public var key: RawText
    /// What its value has to match.
    public var value: Glob

    /// Takes both parts as they are.
    public init(key: RawText, value: Glob) {
        self.key = key
        self.value = value
    }

    /// Reads `KEY=GLOB`; throws what is wrong, with an example.
    init(parsing text: String) throws(InputError) {
        let equals = UInt8(ascii: "=")
        let key = Array(text.utf8.prefix { $0 != equals })
        let pattern = text.utf8.dropFirst(key.count + 1)
        guard !key.isEmpty, key.count < text.utf8.count,
            text.utf8.count <= Glob.maximumBytes, !pattern.isEmpty
        else {
            throw InputError(
                text: text, problem: "is not a label and a pattern",
                advice: "the label, an equals sign and a pattern, such as rack=b*")
        }
        self.init(key: RawText(key), value: Glob(String(Substring(pattern))))
    }

    /// The text that `init(parsing:)` reads as this pattern.
    var text: String { "\(JSONText.content(of: key))=\(value.pattern)" }

    /// Whether this is such a label.
    public func matches(_ label: HostLabel) -> Bool {
        label.key == key && value.matches(label.value)
    }
}

extension ReportQuery {
    /// The hosts that pass.
    public func matching(_ hosts: [ReportedHost]) -> [ReportedHost] {
        guard isRestrictedToHosts else { return hosts }
        return hosts.filter {
            matches(host: $0.id, name: $0.description.name, labels: $0.description.labels)
        }
    }
}

extension ReportResult {
    /// What its rows are by, in words.
    var groupTitle: String {
        if case .label(let key) = grouping { return "label \(DisplayText.escaped(key))" }
        return grouping.word
    }

    /// The title of the column of the groups' names.
    func groupColumnTitle(_ style: TextStyle) -> String { grouping.columnTitle(style) }
}

extension ReportQuery.Grouping {
    /// The most that the key of a label takes as the title of its column.
    private static let titleColumns = 20

    /// The title of the column of the groups' names.
    func columnTitle(_ style: TextStyle) -> String {
        if case .label(let key) = self {
            return DisplayWidth.clamped(
                style.name(key), toColumns: Self.titleColumns, ellipsis: style.ellipsis)
        }
        return word.uppercased()
    }
}
