import MemoryModel

/// What one frame says that lasts.
enum WireFact: Hashable, Sendable {
    case peak(ProcessKey, Peak)
    case end(ProcessKey, FactName?)
    case fold(FactName, Fold)
    case gap(FactName, Gap)
    case total(TotalName, TotalPeak)
    case counter(CounterName, UInt64)
    case window(WindowName, Window)
    case covered(minute: Int64)
}

/// The name of a fold, a gap or an end within its host.
struct FactName: Hashable, Sendable {
    var epoch: UInt64
    var ordinal: UInt64
}

/// The name of a sum within its host: its hour is that of UTC.
struct TotalName: Hashable, Sendable {
    var subject: TotalSubject
    var hourMilliseconds: Int64
}

/// The name of a counter within its host.
struct CounterName: Hashable, Sendable {
    var epoch: UInt64
    var reason: CounterReason
}

/// The name of a window within its host: its beginning is that of UTC.
struct WindowName: Hashable, Sendable {
    var key: ProcessKey
    var length: WindowLength
    var startsAtMilliseconds: Int64
}

/// What one host said, or what of it one store acknowledged, whether or not the host was told.
struct ToldFacts: Sendable {
    var peaks: [ProcessKey: Set<Peak>] = [:]
    var ends: [ProcessKey: Set<FactName?>] = [:]
    var folds: [FactName: Fold] = [:]
    var gaps: [FactName: Gap] = [:]
    var totals: [TotalName: Set<TotalPeak>] = [:]
    var counters: [CounterName: Set<UInt64>] = [:]
    var windows: [WindowName: Set<Window>] = [:]
    var coveredMinutes: Set<Int64> = []
    private var all: Set<WireFact> = []

    /// Whether this was told before.
    func contains(_ fact: WireFact) -> Bool { all.contains(fact) }

    /// Takes it in; gives what else was told under a name of which all copies are to be the same.
    mutating func take(_ fact: WireFact) -> String? {
        guard all.insert(fact).inserted else { return nil }
        switch fact {
        case .peak(let key, let peak): peaks[key, default: []].insert(peak)
        case .end(let key, let name): ends[key, default: []].insert(name)
        case .fold(let name, let fold):
            return folds.updateValue(fold, forKey: name).map { "\($0)" }
        case .gap(let name, let gap): return gaps.updateValue(gap, forKey: name).map { "\($0)" }
        case .total(let name, let peak): totals[name, default: []].insert(peak)
        case .counter(let name, let value): counters[name, default: []].insert(value)
        case .window(let name, let window): windows[name, default: []].insert(window)
        case .covered(let minute): coveredMinutes.insert(minute)
        }
        return nil
    }
}
