import MemoryModel

/// What hosts are called in tables: their names, and beside a name that several have the beginning
/// of the id.
public struct HostNames: Hashable, Sendable {
    /// The beginnings of the ids of those that share their name with another, by id.
    private var marks: [String: String] = [:]

    /// No fewer characters of an id are shown.
    private static let leastCharacters = 4

    /// Every host has a name of its own.
    public init() {}

    /// Finds out who of these hosts, each with its id and its name as bytes, share a name.
    public init(_ hosts: [(id: String, name: [UInt8])]) {
        for namesakes in Dictionary(grouping: hosts, by: \.name).values where namesakes.count > 1 {
            let ids = namesakes.map(\.id)
            let longest = ids.map(\.utf8.count).max() ?? 0
            var length = HostNames.leastCharacters
            while length < longest, Set(ids.map { $0.prefix(length) }).count < ids.count {
                length += 1
            }
            for id in ids { marks[id] = String(id.prefix(length)) }
        }
    }

    /// Finds out who of `hosts` share a name.
    init(_ hosts: [ReportedHost]) {
        self.init(hosts.map { ($0.id.text, $0.description.name.bytes) })
    }

    /// `name` as bytes, with the beginning of `id` where another host has that name.
    public func text(_ name: [UInt8], _ id: String) -> [UInt8] {
        marks[id].map { name + Array(" (\($0))".utf8) } ?? name
    }

    /// The same of a host as views know it; nil where there is no name.
    func text(_ name: RawText?, _ id: HostID?) -> RawText? {
        guard let name, let id else { return name }
        return text(name, id)
    }

    /// The same.
    func text(_ name: RawText, _ id: HostID) -> RawText { RawText(text(name.bytes, id.text)) }
}
