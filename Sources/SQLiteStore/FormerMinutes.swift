import MemoryModel

/// Reads blocks of minutes as they were until version 6 of the database: columns that are deflated.
enum FormerMinutes {
    /// The number of the format.
    static let format: UInt8 = 1
    /// Columns of a block.
    static let columnCount = 12

    /// The hour of a block; throws `DamagedRow` for what cannot have been written.
    static func hour(
        of block: [UInt8], maximumRuns: Int = BlockLimits.usual.runs
    ) throws -> WindowHour {
        var decoder = Decoder(
            columns: try BlockColumns.columns(of: block, format: format, count: columnCount),
            maximumRuns: maximumRuns)
        return try decoder.hour()
    }

    /// What a column is of.
    enum Column: Int {
        case unit, pid, ticks, ticksHigh, image, counts, most, mostHigh, relation, minutes
        case changes, extra
    }

    /// What the next window of a run is told against.
    struct Held {
        var step: UInt64
        var most: UInt64?
    }

    static let exactAsBefore: UInt8 = 0
    static let exactAndGreater: UInt8 = 1
    static let anything: UInt8 = 2
    static let stepsFrom: UInt64 = 3

    private struct Decoder {
        var columns: [BlockColumn]
        let maximumRuns: Int
        var unit: UInt64 = 0

        subscript(column: Column) -> BlockColumn {
            get { columns[column.rawValue] }
            _modify { yield &columns[column.rawValue] }
        }

        init(columns: [BlockColumn], maximumRuns: Int) {
            self.columns = columns
            self.maximumRuns = maximumRuns
        }

        mutating func hour() throws -> WindowHour {
            unit = UInt64(try self[.unit].byte())
            guard unit < 64 else { throw BlockColumn.damaged }
            var hour = WindowHour()
            var (pid, ticks) = (Int64(0), UInt64(0))
            while !self[.pid].isEmpty {
                guard hour.runs.count < maximumRuns else { throw BlockColumn.damaged }
                let (next, overflow) = pid.addingReportingOverflow(try self[.pid].signed())
                pid = next
                let low = UInt64(try self[.ticks].byte())
                let folded = try self[.ticksHigh].number() << 8 | low
                ticks &+= UInt64(
                    bitPattern: Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1))
                guard !overflow, let number = Int32(exactly: pid) else {
                    throw BlockColumn.damaged
                }
                let key = ProcessKey(
                    pid: number, startTicks: ticks,
                    image: try self[.image].number(as: UInt32.self))
                guard hour.runs.updateValue(try run(), forKey: key) == nil else {
                    throw BlockColumn.damaged
                }
            }
            guard columns.allSatisfy(\.isEmpty) else { throw BlockColumn.damaged }
            return hour
        }

        private mutating func run() throws -> RunMinutes {
            let counts = try self[.counts].number()
            guard counts >> 2 <= UInt64(WindowHour.minuteCount) else {
                throw BlockColumn.damaged
            }
            var run = RunMinutes()
            var held: Held?
            if counts & 1 != 0 { (run.carried, held) = try first() }
            if counts & 2 != 0 { run.hour = try first().0 }
            var minute = -1
            for _ in 0..<(counts >> 2) {
                minute += 1 + Int(try self[.minutes].byte())
                guard minute < WindowHour.minuteCount else { throw BlockColumn.damaged }
                let (window, next) = try held.map { try change(after: $0) } ?? first()
                run.own.append((minute, window))
                held = next
            }
            return run
        }

        private mutating func first() throws -> (Window, Held) {
            let low = UInt64(try self[.most].byte())
            let value = try self[.mostHigh].number() << 8 | low
            return try window(relation: self[.relation].number(), value)
        }

        private mutating func change(after before: Held) throws -> (Window, Held) {
            let change = try self[.changes].byte()
            switch change {
            case exactAsBefore, exactAndGreater:
                guard let known = before.most else { throw BlockColumn.damaged }
                let more = change == exactAsBefore ? 0 : try self[.extra].number()
                let (most, overflow) = known.addingReportingOverflow(more)
                guard !overflow else { throw BlockColumn.damaged }
                return try window(relation: 0, most)
            case anything:
                let relation = try self[.extra].number()
                return try window(relation: relation, self[.extra].number())
            default:
                let folded = Int64(UInt64(change) - stepsFrom)
                let steps = folded >> 1 ^ -(folded & 1)
                guard let step = UInt64(exactly: Int64(before.step) + steps) else {
                    throw BlockColumn.damaged
                }
                return try window(Held(step: step, most: before.most))
            }
        }

        private func window(relation: UInt64, _ value: UInt64) throws -> (Window, Held) {
            switch relation {
            case 0:
                return (
                    Window(atLeastBytes: try bytes(value), atMostBytes: try bytes(value)),
                    Held(step: PackedMinutes.step(value), most: value)
                )
            case 1: return try window(Held(step: value, most: nil))
            default:
                let most = PackedMinutes.step(value)
                guard relation - 2 <= most else { throw BlockColumn.damaged }
                return try window(Held(step: most - (relation - 2), most: value))
            }
        }

        private func window(_ held: Held) throws -> (Window, Held) {
            guard held.step < PackedMinutes.stepCount else { throw BlockColumn.damaged }
            let atLeast = try bytes(PackedMinutes.amount(held.step))
            let atMost = try held.most.map { try bytes($0) }
            guard atLeast <= atMost ?? .max else { throw BlockColumn.damaged }
            return (Window(atLeastBytes: atLeast, atMostBytes: atMost), held)
        }

        private func bytes(_ units: UInt64) throws -> UInt64 {
            guard (units << unit) >> unit == units else { throw BlockColumn.damaged }
            return units << unit
        }
    }
}
