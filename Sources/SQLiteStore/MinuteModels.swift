/// What a block's bits are like, by their kind.
struct MinuteModels {
    var count = NumberModel()
    var pid = NumberModel()
    var isEarlier = BitModel()
    var ticks = NumberModel()
    var image = NumberModel()

    var isThereStill = BitModel()
    var goesOn = BitModel()
    var isCarried = BitModel()
    var hasHour = BitModel()
    var hasOwn = BitModel()
    /// By rhythm and direction.
    var isThere = [BitModel](repeating: BitModel(), count: Rhythm.contextCount << 3)

    /// Of a first window; after one without an upper bound; after one with it.
    var hasMost = [BitModel](repeating: BitModel(), count: 3)
    var first = NumberModel()
    var isFirstExact = BitModel()
    var below = NumberModel()

    /// By room and direction.
    var isExact = [BitModel](repeating: BitModel(), count: 32)
    /// By whether it is exact, and whether the one before was.
    var isSameMost = [BitModel](repeating: BitModel(), count: 4)
    /// By whether it is exact.
    var isLess = [BitModel](repeating: BitModel(), count: 2)
    var difference = [NumberModel](repeating: NumberModel(), count: 2)

    /// By whether the upper bound is another one, and whether it was so before.
    var isNothing = [BitModel](repeating: BitModel(), count: 4)
    /// By the distance before, and whether the minute before had a window.
    var isSameStep = [BitModel](repeating: BitModel(), count: 8)
    /// By room and direction.
    var isDown = [BitModel](repeating: BitModel(), count: 32)
    var isAsFar = BitModel()
    /// By the distance before.
    var distance = [SmallNumberModel](
        repeating: SmallNumberModel(), count: MinuteModels.nearDistances + 1)
    var farther = NumberModel()

    /// Distances below have a model of their own; those above may come again as they are.
    static let nearDistances = 5
}

/// A window as it is coded: in units, and its lower bound as a step.
struct SteppedWindow {
    var step: UInt64
    var most: UInt64?
    var isExact = false

    init(step: UInt64, most: UInt64?) {
        self.step = step
        self.most = most
    }

    init(exact amount: UInt64) {
        step = PackedMinutes.step(amount)
        most = amount
        isExact = true
    }

    /// How far the lower bound is below the upper one: 3 not at all, 2 and 1 little, 0 far or
    /// nobody knows.
    var room: Int {
        guard let most else { return 0 }
        if isExact { return 3 }
        switch PackedMinutes.step(most) &- step {
        case 0...1: return 2
        case 2...3: return 1
        default: return 0
        }
    }
}

/// Where the windows of a run went last.
struct Trend {
    /// 0 nobody knows; 1 up, 2 down, 3 nowhere; 4 the last was exact, 5 its lower bound was 0.
    private(set) var direction = 0
    /// By how many steps it went.
    private(set) var distance: UInt64 = 0
    /// The step of the last lower bound that was neither exact nor 0, where most go back to.
    private(set) var level: UInt64?

    /// Begins with the first window of a run.
    init(_ first: SteppedWindow?) {
        if let first, !first.isExact, first.step != 0 { level = first.step }
    }

    /// Takes note of a window that was told against `level`.
    mutating func turn(to next: SteppedWindow, from level: UInt64) {
        if next.isExact {
            direction = 4
        } else if next.step == 0 {
            direction = 5
        } else {
            direction = next.step > level ? 1 : next.step < level ? 2 : 3
            distance = next.step > level ? next.step - level : level - next.step
            self.level = next.step
        }
    }
}

/// In which minutes a run had windows so far.
struct Rhythm {
    private var minute = 0
    private var count = 0
    /// Minutes without a window since the last one.
    private var silence = 0
    /// From the last window but one to the last; 0 where there are none.
    private var gap = 0

    /// There are so many contexts.
    static let contextCount = 96

    /// What the next minute is like: how often it had one, since when not, and how long it was
    /// silent before.
    var context: Int {
        let share = minute == 0 ? 0 : 1 + 6 * count / minute
        let due = gap == 0 ? 3 : silence + 1 < gap ? 0 : silence + 1 == gap ? 1 : 2
        return share * 12 + min(silence, 2) * 4 + due
    }

    /// Whether the last minute had one.
    var wasThere: Bool { count > 0 && silence == 0 }

    /// Takes note of a minute.
    mutating func advance(_ isThere: Bool) {
        minute += 1
        silence += 1
        guard isThere else { return }
        gap = count > 0 ? silence : 0
        count += 1
        silence = 0
    }
}
