import MemoryModel

/// Hosts of which something is true: how many there are, and what the first few are called.
struct NamedHosts: Hashable, Sendable {
    /// How many there are.
    private(set) var count = 0
    /// Names of the first few, as their agents tell them.
    private(set) var names: [RawText] = []
    /// The same as text shows them, with the beginning of the id beside a name that several have.
    private(set) var labels: [RawText] = []

    /// How many are called by their names.
    private static let namedLimit = 3

    /// None.
    init() {}

    /// All of `hosts`; `hostNames` knows which hosts of the fleet share a name.
    init(_ hosts: [ReportedHost], _ hostNames: HostNames) {
        count = hosts.count
        let first = hosts.sorted {
            ($0.description.name, $0.id) < ($1.description.name, $1.id)
        }.prefix(NamedHosts.namedLimit)
        names = first.map(\.description.name)
        labels = first.map { hostNames.text($0.description.name, $0.id) }
    }

    /// The labels in a row, and how many more there are.
    func list(ascii: Bool) -> String {
        var shown = labels.map { TextStyle.name($0, ascii: ascii) }
        if count > labels.count { shown.append("and \(count - labels.count) more") }
        return shown.joined(separator: ", ")
    }
}
