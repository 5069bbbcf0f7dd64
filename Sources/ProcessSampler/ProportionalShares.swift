import MemoryModel

/// How many processes' proportional shares are read, and what that may cost.
///
/// The kernel walks all pages of a process for it (`/proc/PID/smaps_rollup`, since Linux 4.14) and
/// holds its memory map meanwhile: milliseconds for a GiB.
public struct ProportionalPolicy: Hashable, Sendable {
    /// How many processes, the largest ones; 0 for none.
    public var processCount: Int
    /// Processes above this are left out, in bytes of resident memory.
    public var maximumBytes: UInt64
    /// The most of the time that reading may take, in percent.
    public var maximumPercent: Double

    /// How often each of them is read, if the time allows.
    static let intervalMilliseconds: Int64 = 10_000

    /// The most processes that may be asked for.
    public static let maximumProcessCount = 1_000

    /// Reads the shares of the `processCount` largest processes.
    public init(
        processCount: Int, maximumBytes: UInt64 = 4 << 30, maximumPercent: Double = 1
    ) {
        self.processCount = processCount
        self.maximumBytes = maximumBytes
        self.maximumPercent = maximumPercent
    }

    /// Reads none.
    public static let none = ProportionalPolicy(processCount: 0)
}

/// `/proc/PID/smaps_rollup`: the sums over a process's mappings (`proc_pid_smaps(5)`).
struct SmapsRollupFile: Equatable {
    /// `Pss` in bytes: private memory, and of each shared page its part; nil if it is not there.
    var proportionalBytes: UInt64?

    /// Takes from `bytes` what is there.
    init(_ bytes: UnsafeRawBufferPointer) {
        var scanner = ByteScanner(bytes)
        while let line = scanner.line() {
            guard line.starts(withText: "Pss:") else { continue }
            var words = ByteScanner(line, from: 4)
            proportionalBytes = words.kibibytes()
            return
        }
    }
}

/// Whose turn it is to have its proportional share read.
struct ProportionalQueue {
    /// Who is still to be read in this round, the largest last.
    private var waiting: [ProcessKey] = []
    private var roundDueMilliseconds: Int64 = .min
    private var readyAtMilliseconds: Int64 = .min

    /// Whether a new round is to begin, with `refill`.
    func isRoundDue(at now: Int64) -> Bool { roundDueMilliseconds <= now && waiting.isEmpty }

    /// Begins a round with these, the largest first.
    mutating func refill(_ keys: [ProcessKey], at now: Int64) {
        waiting = keys.reversed()
        roundDueMilliseconds = now + ProportionalPolicy.intervalMilliseconds
    }

    /// The next one; nil if there is none, or the time that may be spent is used up.
    mutating func next(at now: Int64) -> ProcessKey? {
        readyAtMilliseconds <= now ? waiting.popLast() : nil
    }

    /// Takes note of what reading one took: as much time passes without reading as makes it the
    /// share that is allowed.
    mutating func spent(
        microseconds: Int64, at now: Int64, maximumPercent: Double
    ) {
        guard maximumPercent > 0 else { return }
        let rest = Double(microseconds) / 1_000 * (100 / maximumPercent)
        readyAtMilliseconds = max(readyAtMilliseconds, now) + Int64(rest.rounded(.up))
    }
}

/// Reading proportional shares of the largest processes.
extension Sampler {
    /// Reads as many as the time allows, and adds them to the snapshot.
    func readProportionalShares(into snapshot: inout HostSnapshot) {
        guard proportional.processCount > 0 else { return }
        let now = snapshot.takenAtMilliseconds
        if shares.isRoundDue(at: now) { shares.refill(largestProcesses(), at: now) }
        while let key = shares.next(at: now) {
            guard let index = place(of: key.pid), processes[index].state.key == key else {
                continue
            }
            let begun = BootClock.nowMicroseconds()
            let thread = processes[index].state.thread
            let outcome = files.read("smaps_rollup", of: key.pid, thread: thread)
            shares.spent(
                microseconds: BootClock.nowMicroseconds() - begun, at: now,
                maximumPercent: proportional.maximumPercent)
            guard let bytes = outcome.content.flatMap({ SmapsRollupFile($0).proportionalBytes })
            else { continue }
            snapshot.add(proportionalBytes: bytes, of: key)
        }
    }

    private func largestProcesses() -> [ProcessKey] {
        let sizes = processes.compactMap { process -> (pages: UInt64, key: ProcessKey)? in
            guard let pages = process.state.statm?.resident,
                pages <= proportional.maximumBytes / pageBytes
            else { return nil }
            return (pages, process.state.key)
        }
        return sizes.sorted { $0.pages > $1.pages }.prefix(proportional.processCount).map(\.key)
    }
}

extension HostSnapshot {
    /// Adds a proportional share to what was measured of a run.
    fileprivate mutating func add(proportionalBytes: UInt64, of key: ProcessKey) {
        if let index = observed.firstIndex(where: { $0.key == key }) {
            observed[index].proportionalBytes = proportionalBytes
            return
        }
        var observation = RunObservation(key: key)
        observation.proportionalBytes = proportionalBytes
        observed.append(observation)
    }
}
