import MemoryModel

/// Why a process that has grown is not watched.
enum PythonRefusal: String, Hashable, Sendable, CaseIterable {
    /// There is no CPython in it.
    case notPython
    /// The kernel does not let this user read its memory.
    case refused
    /// It is a Python of a version or kind that cannot be read.
    case unsupported
    /// It ended first, or something else failed.
    case failed
    /// As many others as may be are watched, and have grown more.
    case withoutRoom

    /// What tells a collector how many runs it was; nil where that says nothing of what is missing.
    var counter: CounterReason? {
        switch self {
        case .refused: .pythonRefused
        case .unsupported: .pythonUnsupported
        case .withoutRoom: .pythonWithoutRoom
        case .notPython, .failed: nil
        }
    }

    /// The reason in words.
    var phrase: String {
        switch self {
        case .notPython: "are no Python programs"
        case .refused: "may not be read by this user"
        case .unsupported: "are Python programs that cannot be read"
        case .failed: "ended first, or could not be read"
        case .withoutRoom: "found no room beside those that grew more"
        }
    }
}

/// What a plan gets to know of one look.
struct PythonSight: Hashable, Sendable {
    /// Runs that are over.
    var ended: [ProcessKey] = []
    /// Runs that were seen for the first time.
    var started: [StartedRun] = []
    /// What they hold.
    var observed: [RunObservation] = []
    /// Whether ends and starts are missing, because there were too many.
    var isCut = false

    /// Nothing.
    init() {}

    /// Takes what a look found.
    init(_ snapshot: HostSnapshot) {
        ended = snapshot.ended.map(\.key)
        started = snapshot.started
        observed = snapshot.observed
    }

    /// Takes in what a later look found, before anybody took this.
    mutating func add(_ later: PythonSight) {
        ended += later.ended
        started += later.started
        observed = later.observed
        isCut = isCut || later.isCut
    }

    /// How many ends and starts it has.
    var eventCount: Int { ended.count + started.count }
}

extension PythonPlan {
    /// What is watched, how often and at what cost.
    struct Settings: Hashable, Sendable {
        /// A process that has grown by less is not watched.
        var thresholdBytes: UInt64 = 32 << 20
        /// So many are watched at a time.
        var maximumWatches = 8
        /// So many processes are known at a time.
        var maximumKnown = 65_536
        /// So many wait to be watched.
        var maximumCandidates = 64
        /// After so long, what was refused is tried again if it has grown again.
        var retryMilliseconds: Int64 = 600_000
        /// After so long without growth, only the agent's own looks are waited for.
        var parkAfterMilliseconds: Int64 = 600_000
        /// A parked process that has grown by so much is looked at again.
        var wakeBytes: UInt64 = 1 << 20
        /// After so long without growth, a process makes room for another one.
        var yieldAfterMilliseconds: Int64 = 60_000
        /// So long after its last growth, looks at a process are not counted as quiet ones.
        var growingMilliseconds: Int64 = 200
        /// What was found of a run is handed over at most so often, and at its end.
        var tellIntervalMilliseconds: Int64 = 10_000
        /// What all of it may take: 2.5 % of one processor.
        var nanosecondsPerMillisecond: Int64 = 25_000
        /// What looks at processes that do not grow may take of it: 0.2 %.
        var quietNanosecondsPerMillisecond: Int64 = 2_000

        /// The usual ones.
        init() {}

        /// Those of a policy.
        init(_ policy: PythonPolicy) {
            guard policy == .all else { return }
            thresholdBytes = 1 << 20
            maximumWatches = 32
        }
    }
}
