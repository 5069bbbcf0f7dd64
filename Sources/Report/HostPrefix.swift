public import MemoryModel

/// A host as tables print it: the beginning of an id, alone or in brackets behind the name.
struct HostPrefix {
    /// No fewer characters of an id mean one.
    static let leastLength = 4
    /// Ids of machines have so many characters, so that a part of one is no id or name by itself.
    static let machineLength = 32

    /// The name before the brackets; nil without them.
    let name: RawText?
    private let beginning: Substring

    /// Reads `3d12` and `vm (3d12)`; nil for what is neither.
    init?(_ text: String) {
        let parts = text.last == ")" ? text.dropLast().split(separator: " (") : []
        if let last = parts.last, parts.count > 1 {
            beginning = last
            name = RawText(String(text.dropLast(last.count + 3)))
        } else {
            beginning = text[...]
            name = nil
        }
        guard beginning.utf8.count >= HostPrefix.leastLength else { return nil }
    }

    /// Whether it means a host of this id and name.
    func matches(_ id: HostID, _ known: RawText) -> Bool {
        id.text.hasPrefix(beginning) && (name == nil || name == known)
    }
}

extension Glob {
    /// Whether a host is meant: its id or name matches, or it is what tables call it, or the
    /// pattern is the beginning of the id of a machine.
    public func matches(host id: HostID, name: RawText) -> Bool {
        if matches(RawText(id.text)) || matches(name) { return true }
        let isWhole = pattern.utf8.last == UInt8(ascii: ")")
        guard isWhole || id.text.utf8.count >= HostPrefix.machineLength,
            let prefix = HostPrefix(pattern), prefix.name != nil || !isWhole
        else { return false }
        return prefix.matches(id, name)
    }
}
