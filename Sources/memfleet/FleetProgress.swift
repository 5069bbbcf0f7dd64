import Glibc

/// Shows how a fleet is doing, once a second: in place on a terminal, a line each in a pipe.
struct FleetProgress: Sendable {
    private let settings: FleetSettings
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var before: FleetFigures?

    init(settings: FleetSettings) {
        self.settings = settings
    }

    /// Says what is simulated.
    func begin() {
        FleetProgress.write(
            """
            \(FleetText.number(settings.agentCount)) agents with \
            \(FleetText.number(settings.processCount)) processes each, seed \(settings.seed)\n
            """)
    }

    /// Shows the figures at the end of a second; after the last one of the warm-up they begin
    /// anew.
    mutating func show(_ now: FleetFigures, second: Int, isLastOfWarmUp: Bool) {
        let before = before ?? FleetFigures(agentCount: 0, beginningAtMilliseconds: 0)
        self.before = now
        if isLastOfWarmUp { self.before?.endWarmUp() }
        let latency = now.recentLatencies.quantile(0.5).map { "\($0 / 1_000) ms" } ?? "-"
        let parts = [
            "\(second) s",
            "\(FleetText.number(now.sessionCount)) of \(FleetText.number(settings.agentCount)) up",
            "\(FleetText.number(now.knownCount)) known",
            "\(FleetText.number(now.frameCount - before.frameCount)) frames/s",
            "\(FleetText.number(now.processSampleCount - before.processSampleCount)) samples/s",
            "\(FleetText.number((now.frameBytes - before.frameBytes) / 1_024)) KiB/s",
            "\(FleetText.number(now.acknowledgementCount - before.acknowledgementCount)) ACKs/s",
            "\(FleetText.number(now.inFlightCount)) unacknowledged",
            "ACK \(latency)",
        ]
        let line = parts.joined(separator: "  ")
        FleetProgress.write(isTerminal ? "\r\(line)\u{1B}[K" : line + "\n")
    }

    /// Ends the line that is shown in place.
    func end() {
        if isTerminal { FleetProgress.write("\n") }
    }

    /// Writes to standard error, so that the figures at the end stand alone in standard output.
    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
