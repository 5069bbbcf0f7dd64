import MemoryModel

/// An hour of minutes as one block: `Protocol/store-v1.md`, "Packed minutes".
///
/// An exact pair stays exact. Of any other the upper bound stays, and the lower one is rounded down
/// to a step of at most a 32nd of it: it stays a lower bound, and most changes take a byte.
enum PackedMinutes {
    /// The number of the format.
    static let format: UInt8 = 1

    private static let columnCount = 12
    /// Bits of a lower bound that are kept below its highest.
    private static let keptBits = 5

    /// The block of an hour, without which of its minutes were watched.
    static func block(of hour: WindowHour) -> [UInt8] {
        var encoder = Encoder(unit: unit(of: hour))
        for (key, run) in hour.runs.sorted(by: { $0.key < $1.key }) { encoder.add(run, of: key) }
        return BlockColumns.block(of: encoder.columns, format: format)
    }

    /// The hour of a block; throws `DamagedRow` for what `block(of:)` cannot have made.
    static func hour(of block: [UInt8]) throws -> WindowHour {
        var decoder = Decoder(
            columns: try BlockColumns.columns(of: block, format: format, count: columnCount))
        return try decoder.hour()
    }

    /// A window as it comes out of a block.
    static func rounded(_ window: Window) -> Window {
        if window.isExact { return window }
        return Window(
            atLeastBytes: amount(step(window.atLeastBytes)), atMostBytes: window.atMostBytes)
    }

    /// The step of an amount: those below 64 have their own, and each doubling above has 32.
    private static func step(_ amount: UInt64) -> UInt64 {
        let bits = UInt64.bitWidth - amount.leadingZeroBitCount
        guard bits > keptBits + 1 else { return amount }
        let shift = UInt64(bits - keptBits - 1)
        return shift << UInt64(keptBits) + amount >> shift
    }

    /// The least amount of a step.
    private static func amount(_ step: UInt64) -> UInt64 {
        guard step >= 2 << UInt64(keptBits) else { return step }
        let shift = step >> UInt64(keptBits) - 1
        return (step & 31 | 32) << shift
    }

    /// As many low bits as are 0 in every amount: those of a page, mostly.
    private static func unit(of hour: WindowHour) -> UInt64 {
        var all: UInt64 = 1 << 16
        for run in hour.runs.values {
            for window in [run.carried, run.hour].compactMap({ $0 }) + run.own.map(\.window) {
                all |= window.atLeastBytes | (window.atMostBytes ?? 0)
            }
        }
        return UInt64(all.trailingZeroBitCount)
    }

    private enum Column: Int {
        case unit, pid, ticks, ticksHigh, image, counts, most, mostHigh, relation, minutes
        case changes, extra
    }

    /// What the next window of a run is told against.
    private struct Held {
        var step: UInt64
        var most: UInt64?
    }

    private static let exactAsBefore: UInt8 = 0
    private static let exactAndGreater: UInt8 = 1
    private static let anything: UInt8 = 2
    private static let stepsFrom: UInt64 = 3

    private struct Encoder {
        var columns = [BlockColumn](repeating: BlockColumn(), count: columnCount)
        let unit: UInt64
        var pid: Int64 = 0
        var ticks: UInt64 = 0

        init(unit: UInt64) {
            self.unit = unit
            self[.unit].append(byte: UInt8(unit))
        }

        subscript(column: Column) -> BlockColumn {
            get { columns[column.rawValue] }
            _modify { yield &columns[column.rawValue] }
        }

        mutating func add(_ run: RunMinutes, of key: ProcessKey) {
            self[.pid].append(signed: Int64(key.pid) - pid)
            let difference = Int64(bitPattern: key.startTicks &- ticks)
            let folded = UInt64(bitPattern: difference << 1 ^ difference >> 63)
            self[.ticks].append(byte: UInt8(truncatingIfNeeded: folded))
            self[.ticksHigh].append(folded >> 8)
            self[.image].append(UInt64(key.image))
            (pid, ticks) = (Int64(key.pid), key.startTicks)
            let marks: UInt64 = (run.carried == nil ? 0 : 1) | (run.hour == nil ? 0 : 2)
            self[.counts].append(UInt64(run.own.count) << 2 | marks)
            var held = run.carried.map { first($0) }
            if let hour = run.hour { _ = first(hour) }
            var before = -1
            for (minute, window) in run.own {
                self[.minutes].append(byte: UInt8(minute - before - 1))
                before = minute
                held = held.map { change(window, after: $0) } ?? first(window)
            }
        }

        /// Writes a window that has none before it.
        private mutating func first(_ window: Window) -> Held {
            let held = held(window)
            let value = held.most ?? held.step
            self[.most].append(byte: UInt8(truncatingIfNeeded: value))
            self[.mostHigh].append(value >> 8)
            self[.relation].append(relation(window, held))
            return held
        }

        private mutating func change(_ window: Window, after before: Held) -> Held {
            let held = held(window)
            if window.isExact, let most = held.most, let known = before.most, most >= known {
                self[.changes].append(
                    byte: most == known ? exactAsBefore : exactAndGreater)
                if most > known { self[.extra].append(most - known) }
                return held
            }
            let steps = Int64(held.step) - Int64(before.step)
            let folded = UInt64(bitPattern: steps << 1 ^ steps >> 63)
            if !window.isExact, held.most == before.most, folded <= 255 - stepsFrom {
                self[.changes].append(byte: UInt8(folded + stepsFrom))
            } else {
                self[.changes].append(byte: anything)
                self[.extra].append(relation(window, held))
                self[.extra].append(held.most ?? held.step)
            }
            return held
        }

        private func held(_ window: Window) -> Held {
            Held(
                step: step(window.atLeastBytes >> unit),
                most: window.atMostBytes.map { $0 >> unit })
        }

        /// 0 for an exact pair, 1 for no upper bound, else by how many steps the bounds differ.
        private func relation(_ window: Window, _ held: Held) -> UInt64 {
            guard let most = held.most else { return 1 }
            return window.isExact ? 0 : 2 + step(most) - held.step
        }
    }

    private struct Decoder {
        var columns: [BlockColumn]
        var unit: UInt64 = 0

        subscript(column: Column) -> BlockColumn {
            get { columns[column.rawValue] }
            _modify { yield &columns[column.rawValue] }
        }

        init(columns: [BlockColumn]) { self.columns = columns }

        mutating func hour() throws -> WindowHour {
            unit = UInt64(try self[.unit].byte())
            guard unit < 64 else { throw BlockColumn.damaged }
            var hour = WindowHour()
            var (pid, ticks) = (Int64(0), UInt64(0))
            while !self[.pid].isEmpty {
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
                    Held(step: step(value), most: value)
                )
            case 1: return try window(Held(step: value, most: nil))
            default:
                let most = step(value)
                guard relation - 2 <= most else { throw BlockColumn.damaged }
                return try window(Held(step: most - (relation - 2), most: value))
            }
        }

        private func window(_ held: Held) throws -> (Window, Held) {
            guard held.step < 64 << UInt64(keptBits) else { throw BlockColumn.damaged }
            let atLeast = try bytes(amount(held.step))
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
