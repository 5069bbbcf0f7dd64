import MemoryModel

/// When to look: at whole intervals of the wall clock, of which the nearest to each minute's edge
/// is moved to the edge.
struct LookSchedule {
    /// Time between two looks.
    let intervalMilliseconds: Int64
    /// What makes a time of day of boot time.
    let wallMinusBootMilliseconds: Int64

    /// The next look after `time`, in boot time.
    func next(after time: Int64) -> Int64 {
        let wall = time &+ wallMinusBootMilliseconds
        var whole = LookSchedule.multiple(of: intervalMilliseconds, notAfter: wall)
        while moved(whole) <= wall { whole += intervalMilliseconds }
        return moved(whole) &- wallMinusBootMilliseconds
    }

    /// Where the look at a whole interval is.
    private func moved(_ whole: Int64) -> Int64 {
        let minute = WindowLength.minute.milliseconds
        let edge = LookSchedule.multiple(of: minute, notAfter: whole &+ minute / 2)
        return abs(edge &- whole) * 2 <= intervalMilliseconds && intervalMilliseconds <= minute
            ? edge : whole
    }

    private static func multiple(of length: Int64, notAfter wall: Int64) -> Int64 {
        let rest = wall % length
        return wall &- (rest < 0 ? rest + length : rest)
    }
}
