import MemoryModel

/// Names of ended runs, each kept once however many runs have it.
struct SharedNames {
    private var uses: [RawText: Int32] = [:]
    /// What the bytes of the names take, the blocks that they are in included.
    private var textBytes = 0

    /// What the names take, in bytes.
    var bytes: Int { textBytes + HeldBytes.table(capacity: uses.capacity, strideBytes: 8 + 4) }

    /// Puts the kept copies in the place of all names of a description.
    mutating func share(_ description: inout RunDescription) {
        share(&description.program)
        share(&description.comm)
        share(&description.executable)
        share(&description.command)
        share(&description.user)
        share(&description.cgroup)
        share(&description.unit)
        share(&description.container)
    }

    /// Lets go of all names of a description whose names were shared.
    mutating func release(_ description: RunDescription) {
        release(description.program)
        release(description.comm)
        release(description.executable)
        release(description.command)
        release(description.user)
        release(description.cgroup)
        release(description.unit)
        release(description.container)
    }

    /// Puts the kept copies in the place of all names of a fold.
    mutating func share(_ subject: inout FoldSubject) {
        share(&subject.program)
        share(&subject.user)
        share(&subject.cgroup)
    }

    /// Lets go of all names of a fold whose names were shared.
    mutating func release(_ subject: FoldSubject) {
        release(subject.program)
        release(subject.user)
        release(subject.cgroup)
    }

    /// Moves to smaller storage if there are far fewer names than there were.
    mutating func giveBackMemory() { uses.giveBackMemory() }

    private mutating func share(_ name: inout RawText) {
        guard !name.isEmpty else { return }
        if let index = uses.index(forKey: name) {
            uses.values[index] += 1
            name = uses.keys[index]
        } else {
            uses[name] = 1
            textBytes += HeldBytes.text(name)
        }
    }

    private mutating func share(_ name: inout RawText?) {
        guard var known = name else { return }
        share(&known)
        name = known
    }

    private mutating func release(_ name: RawText?) {
        guard let name, let index = uses.index(forKey: name) else { return }
        if uses.values[index] > 1 {
            uses.values[index] -= 1
        } else {
            uses.remove(at: index)
            textBytes -= HeldBytes.text(name)
        }
    }
}
