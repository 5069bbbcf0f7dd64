import MemoryModel

/// Names that many processes have in common, kept once.
///
/// A thousand processes of one program have a dozen distinct names between them.
struct NamePool {
    private var names: Set<RawText> = []
    private let maximumCount: Int

    /// A pool that keeps at most so many names; beyond that it starts anew.
    init(maximumCount: Int = 8_192) {
        self.maximumCount = maximumCount
    }

    /// The copy that is kept of `name`.
    mutating func shared(_ name: RawText) -> RawText {
        if names.count >= maximumCount { names.removeAll() }
        return names.insert(name).memberAfterInsert
    }

    /// The copy that is kept of `name`, if there is one.
    mutating func shared(_ name: RawText?) -> RawText? {
        name.map { shared($0) }
    }

    /// Takes the kept copies of all names but the command line, which most have for themselves.
    mutating func share(_ description: inout RunDescription) {
        description.program = shared(description.program)
        description.comm = shared(description.comm)
        description.executable = shared(description.executable)
        description.user = shared(description.user)
        description.cgroup = shared(description.cgroup)
        description.unit = shared(description.unit)
        description.container = shared(description.container)
    }
}
