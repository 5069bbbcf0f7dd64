import MemoryModel

/// The minutes of an hour as bits, in the same order for a writer and for a reader of them.
///
/// What is `known` is written by a writer and disregarded by a reader; both give what was written.
/// `Protocol/store-v1.md` says which bit is of which kind.
struct MinuteCoder<Bits: BitCoder> {
    private(set) var bits: Bits
    private var models = MinuteModels()
    private var unit: UInt64 = 0
    private var key = ProcessKey(pid: 0, startTicks: 0)
    private let maximumRuns: Int

    /// Writes to `bits`, or reads from it, of which more than `maximumRuns` runs cannot have been
    /// written.
    init(_ bits: Bits, maximumRuns: Int) {
        self.bits = bits
        self.maximumRuns = maximumRuns
    }

    /// Codes all runs of an hour; `unit` is how many low bits are 0 in every amount, and `ends` is
    /// what the hour before ended with.
    mutating func code(
        _ known: WindowHour, unit knownUnit: UInt64, after ends: HourEnds
    ) -> [ProcessKey: RunMinutes] {
        unit = bits.code(even: knownUnit, bits: 6)
        var runs: [ProcessKey: RunMinutes] = [:]
        var others = known.runs
        for (key, window) in ends.windows where !bits.isDamaged {
            let run = others.removeValue(forKey: key)
            guard bits.code(run != nil, &models.isThereStill) else { continue }
            runs[key] = code(run ?? RunMinutes(), after: window)
        }
        let knownRuns = others.sorted { $0.key < $1.key }
        let count = bits.code(UInt64(knownRuns.count), &models.count)
        if count > UInt64(max(maximumRuns - runs.count, 0)) { bits.fail() }
        var index = 0
        while index < count, !bits.isDamaged {
            let known = index < knownRuns.count ? knownRuns[index] : (key: key, value: RunMinutes())
            code(known.key)
            if runs.updateValue(code(known.value, after: nil), forKey: key) != nil { bits.fail() }
            index += 1
        }
        return runs
    }

    private mutating func code(_ known: ProcessKey) {
        let pid = UInt64(bitPattern: Int64(known.pid) - Int64(key.pid))
        let difference = Int64(bitPattern: bits.code(pid, &models.pid))
        guard let found = Int32(exactly: Int64(key.pid) &+ difference) else { return bits.fail() }
        let ticks = Int64(bitPattern: known.startTicks &- key.startTicks)
        let isEarlier = bits.code(ticks < 0, &models.isEarlier)
        let distance = bits.code(ticks.magnitude, &models.ticks)
        guard let image = UInt32(exactly: bits.code(UInt64(known.image), &models.image)) else {
            return bits.fail()
        }
        key = ProcessKey(
            pid: found,
            startTicks: isEarlier ? key.startTicks &- distance : key.startTicks &+ distance,
            image: image)
    }

    /// Codes a run that held `before` at the end of the hour before.
    private mutating func code(_ known: RunMinutes, after before: Window?) -> RunMinutes {
        var run = RunMinutes()
        var held: SteppedWindow?
        if let before,
            bits.code(known.carried.map(PackedMinutes.rounded) == before, &models.goesOn)
        {
            let stepped = self.stepped(before)
            if window(stepped) != before { bits.fail() }
            run.carried = before
            held = stepped
        } else if bits.code(known.carried != nil, &models.isCarried) {
            held = first(stepped(known.carried))
            run.carried = held.map { window($0) }
        }
        if bits.code(known.hour != nil, &models.hasHour) {
            run.hour = window(first(stepped(known.hour)))
        }
        guard bits.code(!known.own.isEmpty, &models.hasOwn) else { return run }
        var trend = Trend(held)
        var rhythm = Rhythm()
        var index = 0
        for minute in 0..<WindowHour.minuteCount where !bits.isDamaged {
            let isKnown = index < known.own.count && known.own[index].minute == minute
            let context = rhythm.context << 3 | trend.direction
            let isThere = bits.code(isKnown, &models.isThere[context])
            if isThere {
                let known = stepped(isKnown ? known.own[index].window : nil)
                if let before = held {
                    held = next(known, after: before, &trend, rhythm)
                } else {
                    held = first(known)
                    trend = Trend(held)
                }
                if let held { run.own.append((minute, window(held))) }
                index += 1
            }
            rhythm.advance(isThere)
        }
        return run
    }

    // MARK: Windows

    /// Codes a window before which nothing is known.
    private mutating func first(_ known: SteppedWindow) -> SteppedWindow {
        guard bits.code(known.most != nil, &models.hasMost[0]) else {
            return SteppedWindow(step: bits.code(known.step, &models.first), most: nil)
        }
        let most = bits.code(known.most ?? 0, &models.first)
        if bits.code(known.isExact, &models.isFirstExact) { return SteppedWindow(exact: most) }
        let step = PackedMinutes.step(most)
        let below = bits.code(step &- known.step, &models.below)
        return SteppedWindow(step: step &- below, most: most)
    }

    /// Codes a window after another one of its run.
    private mutating func next(
        _ known: SteppedWindow, after held: SteppedWindow, _ trend: inout Trend, _ rhythm: Rhythm
    ) -> SteppedWindow {
        let place = held.room << 3 | trend.direction
        var next = SteppedWindow(step: 0, most: nil)
        if bits.code(known.most != nil, &models.hasMost[held.most == nil ? 1 : 2]) {
            next.isExact = bits.code(known.isExact, &models.isExact[place])
            next.most = upper(known.most ?? 0, after: held, isExact: next.isExact)
        }
        let level = trend.level ?? held.step
        let nothing = (next.most == held.most ? 0 : 1) | (held.step == 0 ? 2 : 0)
        if next.isExact {
            next = SteppedWindow(exact: next.most ?? 0)
        } else if !bits.code(known.step == 0, &models.isNothing[nothing]) {
            next.step = step(known.step, from: level, place, trend, rhythm)
        }
        trend.turn(to: next, from: level)
        return next
    }

    private mutating func upper(
        _ known: UInt64, after held: SteppedWindow, isExact: Bool
    ) -> UInt64 {
        guard let before = held.most else { return bits.code(known, &models.first) }
        let kind = isExact ? 1 : 0
        if bits.code(known == before, &models.isSameMost[kind << 1 | (held.isExact ? 1 : 0)]) {
            return before
        }
        let isLess = bits.code(known < before, &models.isLess[kind])
        let difference = isLess ? before &- known : known &- before
        let found = bits.code(difference, &models.difference[kind])
        return isLess ? before &- found : before &+ found
    }

    private mutating func step(
        _ known: UInt64, from level: UInt64, _ place: Int, _ trend: Trend, _ rhythm: Rhythm
    ) -> UInt64 {
        let difference = Int64(bitPattern: known &- level)
        let before = min(trend.distance, 3) << 1 | (rhythm.wasThere ? 1 : 0)
        if bits.code(difference == 0, &models.isSameStep[Int(before)]) { return level }
        let isDown = bits.code(difference < 0, &models.isDown[place])
        var distance = trend.distance
        let isFar = distance >= UInt64(MinuteModels.nearDistances)
        if !isFar || !bits.code(difference.magnitude == distance, &models.isAsFar) {
            let near = Int(min(distance, UInt64(MinuteModels.nearDistances)))
            distance =
                1
                &+ bits.code(
                    difference.magnitude &- 1, &models.distance[near], &models.farther)
        }
        return isDown ? level &- distance : level &+ distance
    }

    // MARK: Units

    private func stepped(_ window: Window?) -> SteppedWindow {
        guard let window else { return SteppedWindow(step: 0, most: nil) }
        let most = window.atMostBytes.map { $0 >> unit }
        if window.isExact, let most { return SteppedWindow(exact: most) }
        return SteppedWindow(step: PackedMinutes.step(window.atLeastBytes >> unit), most: most)
    }

    private mutating func window(_ stepped: SteppedWindow) -> Window {
        let most = stepped.most
        guard stepped.isExact || stepped.step < PackedMinutes.stepCount else {
            bits.fail()
            return Window(atLeastBytes: 0, atMostBytes: nil)
        }
        let least =
            stepped.isExact ? most ?? 0 : PackedMinutes.amount(stepped.step)
        let greatest = max(least, most ?? 0)
        if (greatest << unit) >> unit != greatest || least > most ?? .max { bits.fail() }
        return Window(atLeastBytes: least << unit, atMostBytes: most.map { $0 << unit })
    }
}
