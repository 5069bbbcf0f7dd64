/// The image numbers of processes that executed another program while they were watched.
///
/// The kernel does not count how often a process executed a program, so an agent has to remember
/// it beyond its own end: if it began again at 0, another program's run would get the figures of
/// the process's first one.
public struct ImageNumbers: Hashable, Sendable {
    /// The newest run of each process whose image is not its first, by pid.
    private var runs: [Int32: ProcessKey] = [:]

    /// No process has executed anything.
    public init() {}

    /// The image number of a process: 0 unless it is known to have executed something.
    public func image(ofPid pid: Int32, startTicks: UInt64) -> UInt32 {
        guard let run = runs[pid], run.startTicks == startTicks else { return 0 }
        return run.image
    }

    /// Takes in what one look at all processes found.
    ///
    /// Returns whether there is a number that was not there before.
    public mutating func apply(_ snapshot: HostSnapshot) -> Bool {
        for run in snapshot.ended where runs[run.key.pid] == run.key { runs[run.key.pid] = nil }
        var isChanged = false
        for run in snapshot.started where run.key.image > 0 && runs[run.key.pid] != run.key {
            runs[run.key.pid] = run.key
            isChanged = true
        }
        return isChanged
    }
}

extension ImageNumbers {
    /// Reads what `text` wrote; nil for anything else.
    public init?(text: some StringProtocol) {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, let pid = Int32(parts[0]), let ticks = UInt64(parts[1]),
                let image = UInt32(parts[2]), pid > 0, image > 0
            else { return nil }
            runs[pid] = ProcessKey(pid: pid, startTicks: ticks, image: image)
        }
    }

    /// One line for each process: its pid, its start in ticks, its image number.
    public var text: String {
        runs.values.sorted().map { "\($0.pid) \($0.startTicks) \($0.image)\n" }.joined()
    }
}
