import MemoryModel

@testable import SQLiteStore

extension FormerMinutes {
    /// A block as they were written until version 6 of the database.
    static func block(of hour: WindowHour) -> [UInt8] {
        var encoder = Encoder(unit: PackedMinutes.unit(of: hour))
        for (key, run) in hour.runs.sorted(by: { $0.key < $1.key }) { encoder.add(run, of: key) }
        return BlockColumns.block(of: encoder.columns, format: format)
    }

    private struct Encoder {
        typealias Column = FormerMinutes.Column
        typealias Held = FormerMinutes.Held

        var columns = [BlockColumn](repeating: BlockColumn(), count: FormerMinutes.columnCount)
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
                    byte: most == known
                        ? FormerMinutes.exactAsBefore : FormerMinutes.exactAndGreater)
                if most > known { self[.extra].append(most - known) }
                return held
            }
            let steps = Int64(held.step) - Int64(before.step)
            let folded = UInt64(bitPattern: steps << 1 ^ steps >> 63)
            if !window.isExact, held.most == before.most, folded <= 255 - FormerMinutes.stepsFrom {
                self[.changes].append(byte: UInt8(folded + FormerMinutes.stepsFrom))
            } else {
                self[.changes].append(byte: FormerMinutes.anything)
                self[.extra].append(relation(window, held))
                self[.extra].append(held.most ?? held.step)
            }
            return held
        }

        private func held(_ window: Window) -> Held {
            Held(
                step: PackedMinutes.step(window.atLeastBytes >> unit),
                most: window.atMostBytes.map { $0 >> unit })
        }

        /// 0 for an exact pair, 1 for no upper bound, else by how many steps the bounds differ.
        private func relation(_ window: Window, _ held: Held) -> UInt64 {
            guard let most = held.most else { return 1 }
            return window.isExact ? 0 : 2 + PackedMinutes.step(most) - held.step
        }
    }
}
