import MemoryModel

/// A program, user and cgroup by the numbers of their names.
struct SubjectKey: Hashable, Comparable, Sendable {
    /// The program.
    var program: Int64
    /// The user, or the user's number as a name; nil where nobody knows.
    var user: Int64?
    /// The cgroup; nil where nobody knows.
    var cgroup: Int64?

    static func < (left: SubjectKey, right: SubjectKey) -> Bool {
        (left.program, left.user ?? 0, left.cgroup ?? 0)
            < (right.program, right.user ?? 0, right.cgroup ?? 0)
    }
}

/// What the runs of a subject held at most in an hour or a day.
struct SubjectWindow: Equatable, Sendable {
    /// Of the largest of them.
    var window: Window
    /// How many runs there were in an hour; of a day, in that of its hours with most.
    var runCount: UInt64

    /// The greater of each.
    func merged(with other: SubjectWindow) -> SubjectWindow {
        SubjectWindow(
            window: window.merged(with: other.window), runCount: max(runCount, other.runCount))
    }
}

/// The hours of a day, or 32 days, of all subjects of a host.
struct SubjectWindows: Equatable, Sendable {
    /// A bit for each hour or day in which anything was watched.
    var covered: UInt64 = 0
    /// What was held, by subject and the number of the hour or day.
    var windows: [SubjectKey: [Int: SubjectWindow]] = [:]

    /// The number of the format.
    private static let format: UInt8 = 2
    /// Days of one block.
    static let dayCount = 32

    /// How long the time of one block is, in milliseconds.
    static func span(of length: WindowLength) -> Int64 {
        length == .hour ? WindowLength.day.milliseconds : 32 * WindowLength.day.milliseconds
    }

    /// Where the block begins that has this moment in it.
    static func start(of milliseconds: Int64, _ length: WindowLength) -> Int64 {
        let rest = milliseconds % span(of: length)
        return milliseconds.saturatingDifference(rest < 0 ? rest + span(of: length) : rest)
    }

    /// Takes in a window.
    mutating func merge(_ window: SubjectWindow, of subject: SubjectKey, at slot: Int) {
        let known = windows[subject]?[slot]
        windows[subject, default: [:]][slot] = known.map { $0.merged(with: window) } ?? window
    }

    /// Forgets everything of an hour or day.
    mutating func remove(at slot: Int) {
        covered &= ~(1 << UInt64(slot))
        for subject in windows.keys { windows[subject]?[slot] = nil }
        windows = windows.filter { !$0.value.isEmpty }
    }

    private enum Column: Int, CaseIterable {
        case program, user, cgroup, count, slot, relation, most, runs
    }

    /// The block of it, without what was watched.
    var block: [UInt8] {
        var columns = [BlockColumn](repeating: BlockColumn(), count: Column.allCases.count)
        func append(_ number: UInt64, _ column: Column) {
            columns[column.rawValue].append(number)
        }
        var program: Int64 = 0
        for (subject, slots) in windows.sorted(by: { $0.key < $1.key }) {
            columns[Column.program.rawValue].append(signed: subject.program - program)
            program = subject.program
            append(subject.user.map { UInt64($0) + 1 } ?? 0, .user)
            append(subject.cgroup.map { UInt64($0) + 1 } ?? 0, .cgroup)
            append(UInt64(slots.count), .count)
            var most: Int64 = 0
            for (slot, held) in slots.sorted(by: { $0.key < $1.key }) {
                append(UInt64(slot), .slot)
                append(held.runCount, .runs)
                let (least, known) = (held.window.atLeastBytes, held.window.atMostBytes)
                append(known.map { $0 == least ? 0 : $0 - least + 1 } ?? 1, .relation)
                let value = Int64(clamping: known ?? least)
                columns[Column.most.rawValue].append(signed: value - most)
                most = value
            }
        }
        return BlockColumns.block(of: columns, format: SubjectWindows.format)
    }

    /// Takes subjects from a block's columns, one after the other.
    private struct Subjects {
        var columns: [BlockColumn]
        private var program: Int64 = 0

        init(_ block: [UInt8], columnCount: Int) throws {
            columns = try BlockColumns.columns(
                of: block, format: SubjectWindows.format, count: columnCount)
        }

        mutating func next() throws -> SubjectKey? {
            guard !columns[Column.program.rawValue].isEmpty else { return nil }
            let step = try columns[Column.program.rawValue].signed()
            let (sum, isOver) = program.addingReportingOverflow(step)
            guard !isOver, sum >= 0 else { throw BlockColumn.damaged }
            program = sum
            return SubjectKey(
                program: program, user: try name(.user), cgroup: try name(.cgroup))
        }

        private mutating func name(_ column: Column) throws -> Int64? {
            let number = try columns[column.rawValue].number()
            guard number > 0 else { return nil }
            guard let name = Int64(exactly: number - 1) else { throw BlockColumn.damaged }
            return name
        }
    }

    /// The subjects that a block has; throws as `init` does.
    static func subjects(in block: [UInt8]) throws -> [SubjectKey] {
        var rows = try Subjects(block, columnCount: Column.cgroup.rawValue + 1)
        var subjects: [SubjectKey] = []
        while let subject = try rows.next() { subjects.append(subject) }
        return subjects
    }

    /// Nothing.
    init() {}

    /// Reads a block; throws `DamagedRow` for what `block` cannot have made.
    init(block: [UInt8], covered: UInt64) throws {
        self.covered = covered
        var rows = try Subjects(block, columnCount: Column.allCases.count)
        func number(_ column: Column) throws -> UInt64 {
            try rows.columns[column.rawValue].number()
        }
        while let subject = try rows.next() {
            var slots: [Int: SubjectWindow] = [:]
            var most: Int64 = 0
            for _ in 0..<(try number(.count)) {
                let slot = try number(.slot)
                let runCount = try number(.runs)
                let relation = try number(.relation)
                let step = try rows.columns[Column.most.rawValue].signed()
                let (sum, isOver) = most.addingReportingOverflow(step)
                guard slot < 64, !isOver, let value = UInt64(exactly: sum), relation <= value + 1
                else { throw BlockColumn.damaged }
                most = sum
                let window =
                    switch relation {
                    case 0: Window(atLeastBytes: value, atMostBytes: value)
                    case 1: Window(atLeastBytes: value, atMostBytes: nil)
                    default: Window(atLeastBytes: value - (relation - 1), atMostBytes: value)
                    }
                slots[Int(slot)] = SubjectWindow(window: window, runCount: runCount)
            }
            windows[subject] = slots
        }
    }
}

extension RunMinutes {
    /// What it held in the whole hour, and nil if nothing is known of any minute of it.
    ///
    /// The upper bound is one only if the end of the hour, or of the run, was watched: the kernel's
    /// mark then tells of all time before.
    func whole(covered: UInt64, lastMinute: Int) -> Window? {
        let minutes = effective(covered: covered, lastMinute: lastMinute)
        var whole = hour
        for window in minutes {
            guard let window else { continue }
            whole = whole.map { $0.merged(with: window) } ?? window
        }
        guard let found = whole, hour == nil else { return whole }
        let lastKnown = minutes.lastIndex { $0 != nil } ?? 0
        let lived = min(lastMinute, WindowHour.minuteCount - 1)
        guard lastKnown < lived else { return found }
        return Window(atLeastBytes: found.atLeastBytes, atMostBytes: nil)
    }
}
