/// Which names something refers to, while that is being found out: a bit for each number.
///
/// A name that is looked up or given meanwhile counts as referred to, so that what is written
/// beside a row that was looked at already is not missed.
struct NameMarks {
    private var words: [UInt64] = []
    /// Names from this number on came since the marking began, and stay.
    ///
    /// What refers to one and is damaged costs no memory.
    private let limit: Int64

    /// There are so many names at most.
    private static let mostNames: Int64 = 1 << 32

    /// Marks names whose numbers are `greatest` or less.
    init(through greatest: Int64) {
        limit = min(max(greatest, 0), NameMarks.mostNames - 1) + 1
    }

    /// Of how many numbers there is a bit.
    var capacity: Int { words.count * 64 }

    /// Takes note that something refers to a name.
    mutating func insert(_ id: Int64) {
        guard id >= 0, id < limit else { return }
        let place = Int(id / 64)
        if place >= words.count {
            words.append(contentsOf: repeatElement(0, count: place + 1 - words.count))
        }
        words[place] |= 1 << UInt64(id % 64)
    }

    /// Takes note that something refers to a program, its user and its cgroup.
    mutating func insert(_ subject: SubjectKey) {
        for id in [subject.program, subject.user, subject.cgroup] {
            if let id { insert(id) }
        }
    }

    /// Whether something may refer to it.
    func contains(_ id: Int64) -> Bool {
        guard id >= 0, id < limit else { return true }
        let place = Int(id / 64)
        return place < words.count && words[place] & (1 << UInt64(id % 64)) != 0
    }
}
