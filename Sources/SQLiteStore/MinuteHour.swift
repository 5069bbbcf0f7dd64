import MemoryModel

/// What one run held in the minutes of an hour.
struct RunMinutes: Equatable, Sendable {
    /// What it held in the last minute of the hour before, if that was watched and it lived.
    var carried: Window?
    /// The minutes that have a window of their own, 0 to 59, ascending.
    var own: [(minute: Int, window: Window)] = []
    /// What it held in the whole hour, where its agent had no room for minutes.
    var hour: Window?

    static func == (left: RunMinutes, right: RunMinutes) -> Bool {
        left.carried == right.carried && left.hour == right.hour
            && left.own.elementsEqual(right.own) { $0 == $1 }
    }

    /// Takes in a window of its own.
    mutating func merge(_ window: Window, minute: Int) {
        let place = own.firstIndex { $0.minute >= minute } ?? own.endIndex
        if place < own.endIndex, own[place].minute == minute {
            own[place].window = own[place].window.merged(with: window)
        } else {
            own.insert((minute, window), at: place)
        }
    }

    /// Takes in a window of the whole hour.
    mutating func mergeHour(_ window: Window) {
        hour = hour.map { $0.merged(with: window) } ?? window
    }

    /// What it held in each of the 60 minutes; nil where that is not known or it did not live.
    ///
    /// `covered` has a bit for each minute that was watched, and `lastMinute` is the last in which
    /// it lived. A watched minute without a window was as the minute before, unless the run's
    /// minutes were merged into an hour.
    func effective(covered: UInt64, lastMinute: Int) -> [Window?] {
        var minutes = [Window?](repeating: nil, count: WindowHour.minuteCount)
        var place = own.startIndex
        var held = carried
        for minute in 0..<WindowHour.minuteCount {
            if place < own.endIndex, own[place].minute == minute {
                held = own[place].window
                place += 1
            } else if hour != nil || covered & (1 << UInt64(minute)) == 0 || minute > lastMinute {
                held = nil
            }
            minutes[minute] = held
        }
        return minutes
    }
}

/// The windows of all runs of one boot in one hour, as far as they are known.
struct WindowHour: Equatable, Sendable {
    /// A bit for each minute that was watched.
    var covered: UInt64 = 0
    /// The runs that have a window, or held something when the hour began.
    var runs: [ProcessKey: RunMinutes] = [:]

    /// Minutes of an hour.
    static let minuteCount = 60
    /// How long an hour is.
    static let lengthMilliseconds = WindowLength.hour.milliseconds

    /// What each run held in the last minute, for the next hour to begin with.
    ///
    /// `lastMinutes` says in which minute of this hour runs ended; who is not in it lives on.
    func carriedOn(lastMinutes: [ProcessKey: Int]) -> [ProcessKey: Window] {
        var carried: [ProcessKey: Window] = [:]
        let last = WindowHour.minuteCount - 1
        for (key, run) in runs where lastMinutes[key] ?? .max > last {
            carried[key] = run.effective(covered: covered, lastMinute: .max)[last]
        }
        return carried
    }

    /// Lets each run begin with what it held before.
    mutating func begin(with carried: [ProcessKey: Window]) {
        for key in runs.keys { runs[key]?.carried = nil }
        for (key, window) in carried { runs[key, default: RunMinutes()].carried = window }
        runs = runs.filter { !$0.value.isEmpty }
    }
}

extension RunMinutes {
    /// Whether it says nothing.
    var isEmpty: Bool { carried == nil && own.isEmpty && hour == nil }
}
