/// How a collector is and what it did since it started, for monitoring.
public struct CollectorFigures: Hashable, Sendable {
    /// How long commits took.
    public struct CommitTimes: Hashable, Sendable {
        /// The upper bounds of the buckets, in milliseconds.
        public static let boundsMilliseconds: [UInt64] = [
            5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
        ]

        /// How many commits took so long at most, a bucket each; longer ones are in none.
        public private(set) var counts = [UInt64](repeating: 0, count: boundsMilliseconds.count)
        /// How many there were.
        public private(set) var count: UInt64 = 0
        /// How long all of them took, in microseconds.
        public private(set) var sumMicroseconds: UInt64 = 0

        /// No commit.
        public init() {}

        /// Counts one in.
        public mutating func add(microseconds: UInt64) {
            count += 1
            sumMicroseconds += microseconds
            let bounds = CommitTimes.boundsMilliseconds
            if let index = bounds.firstIndex(where: { microseconds <= $0 * 1_000 }) {
                counts[index] += 1
            }
        }
    }

    /// The version of the program.
    public var version = ""
    /// Sessions that stand.
    public var sessionCount = 0
    /// Sessions that were accepted since the start.
    public var acceptedSessionCount: UInt64 = 0
    /// Sessions and frames that were turned away since the start, by reason.
    public var refusedCounts: [(reason: String, count: UInt64)] {
        get { refused.map { ($0.reason, $0.count) } }
        set { refused = newValue.map { Refused(reason: $0.reason, count: $0.count) } }
    }
    /// Frames that came in since the start.
    public var frameCount: UInt64 = 0
    /// What they took on the wire, in bytes.
    public var receivedBytes: UInt64 = 0
    /// How long commits took since the start.
    public var commitTimes = CommitTimes()
    /// Commits that failed for something that can pass.
    public var failedCommitCount: UInt64 = 0
    /// When it last committed, in milliseconds since the epoch in UTC; nil if it has not yet.
    public var lastCommitAtMilliseconds: Int64?
    /// Runs that were written, each as often as it changed.
    public var committedRunCount: UInt64 = 0
    /// Small runs that came folded.
    public var foldedRunCount: UInt64 = 0
    /// Purges that were done since the start.
    public var purgeCount: UInt64 = 0
    /// What agents told takes in memory, by its own estimate, in bytes.
    public var heldBytes: UInt64 = 0
    /// What of it is not on the disk.
    public var uncommittedBytes: UInt64 = 0
    /// What it may take.
    public var memoryLimitBytes: UInt64 = 0
    /// Data frames that a session may have without an acknowledgement.
    public var credit: UInt64 = 0
    /// The database with its write-ahead log, in bytes; nil where that is not known.
    public var storeBytes: UInt64?
    /// The write-ahead log alone, likewise.
    public var logBytes: UInt64?
    /// Processor time that the collector used since its start, in microseconds.
    public var processorMicroseconds: UInt64 = 0
    /// What is wrong, as many sentences as a person would be told.
    public var problemCount = 0

    private struct Refused: Hashable {
        var reason: String
        var count: UInt64
    }
    private var refused: [Refused] = []

    /// A collector that did nothing yet.
    public init() {}

    // MARK: Text

    private typealias Sample = MetricsText.Sample

    func add(to text: inout MetricsText) {
        text.add(
            "highwater_collector", .info, "The collector.",
            [Sample(.integer(1), [("version", version)])])
        addSessions(to: &text)
        addCommits(to: &text)
        addStore(to: &text)
    }

    private func gauge(
        _ name: String, unit: String? = nil, _ help: String, _ value: MetricValue?,
        to text: inout MetricsText
    ) {
        text.add(
            "highwater_collector_" + name, .gauge, unit: unit, help,
            value.map { [Sample($0)] } ?? [])
    }

    private func counter(
        _ name: String, unit: String? = nil, _ help: String, _ value: MetricValue,
        to text: inout MetricsText
    ) {
        text.add("highwater_collector_" + name, .counter, unit: unit, help, [Sample(value)])
    }

    private func addSessions(to text: inout MetricsText) {
        gauge("sessions", "Sessions that stand.", .integer(UInt64(sessionCount)), to: &text)
        counter(
            "sessions_accepted", "Accepted sessions.", .integer(acceptedSessionCount), to: &text)
        text.add(
            "highwater_collector_refused", .counter,
            "Sessions and frames that were turned away, by reason.",
            refused.map { Sample(.integer($0.count), [("reason", $0.reason)]) })
        counter("frames", "Frames that came in.", .integer(frameCount), to: &text)
        counter(
            "received_bytes", unit: "bytes", "What frames took on the wire.",
            .integer(receivedBytes), to: &text)
        gauge(
            "credit", "Data frames that a session may have without an acknowledgement.",
            .integer(credit), to: &text)
    }

    private func addCommits(to text: inout MetricsText) {
        var samples: [Sample] = []
        var sum: UInt64 = 0
        for (bound, count) in zip(CommitTimes.boundsMilliseconds, commitTimes.counts) {
            sum += count
            samples.append(
                Sample(
                    .integer(sum), [("le", MetricValue.thousandths(bound).text)],
                    suffix: "_bucket"))
        }
        samples.append(
            Sample(.integer(commitTimes.count), [("le", "+Inf")], suffix: "_bucket"))
        samples.append(Sample(.integer(commitTimes.count), suffix: "_count"))
        samples.append(Sample(.millionths(commitTimes.sumMicroseconds), suffix: "_sum"))
        text.add(
            "highwater_collector_commit_duration_seconds", .histogram, unit: "seconds",
            "How long commits took until they were on the disk.", samples)
        counter(
            "commits_failed", "Commits that failed and were tried again.",
            .integer(failedCommitCount), to: &text)
        gauge(
            "last_commit_timestamp_seconds", unit: "seconds",
            "When the last commit was on the disk, since the epoch.",
            lastCommitAtMilliseconds.map { .thousandths(UInt64(clamping: $0)) }, to: &text)
        counter(
            "runs_committed", "Runs that were written, each as often as it changed.",
            .integer(committedRunCount), to: &text)
        counter(
            "runs_folded", "Small runs that agents had folded.", .integer(foldedRunCount),
            to: &text)
        counter("purges", "Purges that were done.", .integer(purgeCount), to: &text)
    }

    private func addStore(to text: inout MetricsText) {
        gauge(
            "store_size_bytes", unit: "bytes", "The database with its write-ahead log.",
            storeBytes.map { .integer($0) }, to: &text)
        gauge(
            "log_size_bytes", unit: "bytes", "The write-ahead log of the database.",
            logBytes.map { .integer($0) }, to: &text)
        gauge(
            "held_bytes", unit: "bytes", "What agents told takes in memory, as estimated.",
            .integer(heldBytes), to: &text)
        gauge(
            "uncommitted_bytes", unit: "bytes", "What of it is not on the disk.",
            .integer(uncommittedBytes), to: &text)
        gauge(
            "memory_limit_bytes", unit: "bytes", "What it may take (--memory-limit).",
            .integer(memoryLimitBytes), to: &text)
        gauge(
            "problems", "What is wrong with the collector; /healthz says it in words.",
            .integer(UInt64(problemCount)), to: &text)
        text.add(
            "process_cpu_seconds", .counter, unit: "seconds", "Processor time of the collector.",
            [Sample(.millionths(processorMicroseconds))])
    }
}
