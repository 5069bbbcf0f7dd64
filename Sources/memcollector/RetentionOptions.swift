import ArgumentParser
import Collector
import Report

/// Options that say for how long what is kept.
struct RetentionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long to keep what each process held in each minute.", valueName: "time"))
    var keepMinutes = "48h"

    @Option(
        help: ArgumentHelp(
            "How long to keep what each program held in each hour, and sums.",
            valueName: "time"))
    var keepHours = "60d"

    @Option(
        help: ArgumentHelp(
            "How long to keep what each program held in each day, and sums of hosts.",
            valueName: "time"))
    var keepDays = "2y"

    @Option(
        help: ArgumentHelp(
            "How long to keep processes that ended, with their peaks.", valueName: "time"))
    var keepRuns = "90d"

    @Option(
        help: ArgumentHelp(
            """
            Put processes that stayed below this size and were short together by program, user and \
            cgroup when their minutes go; 0 for none.
            """, valueName: "size"))
    var foldBelow = "16M"

    @Option(
        help: ArgumentHelp(
            "How short: those that lived for less than this, at most 1h; 0 for none.",
            valueName: "time"))
    var foldShorter = "10s"

    func validate() throws { _ = try settings() }

    /// What they say; throws a `ValidationError`.
    func settings() throws -> RetentionSettings {
        RetentionSettings(
            minutesMilliseconds: try length(keepMinutes, "--keep-minutes", least: 2 * hour),
            hoursMilliseconds: try length(keepHours, "--keep-hours", least: 24 * hour),
            daysMilliseconds: try length(keepDays, "--keep-days", least: 24 * hour),
            runsMilliseconds: try length(keepRuns, "--keep-runs", least: 2 * hour),
            foldBelowBytes: try foldBelowBytes(),
            foldShorterMilliseconds: try foldShorterMilliseconds())
    }

    private func foldBelowBytes() throws -> UInt64 {
        do {
            return try ByteSize(parsing: foldBelow).bytes
        } catch {
            throw ValidationError("--fold-below: \(error)")
        }
    }

    /// Those that are folded lived within one hour of UTC.
    private func foldShorterMilliseconds() throws -> Int64 {
        guard foldShorter != "0" else { return 0 }
        let milliseconds = try length(foldShorter, "--fold-shorter", least: 0)
        guard milliseconds <= hour else {
            throw ValidationError("--fold-shorter takes at most 1h, not '\(foldShorter)'")
        }
        return milliseconds
    }

    private var hour: Int64 { 3_600_000 }

    private func length(_ text: String, _ flag: String, least: Int64) throws -> Int64 {
        let milliseconds: Int64
        do {
            milliseconds = try DurationText.parse(text)
        } catch {
            throw ValidationError("\(flag): \(error)")
        }
        guard milliseconds >= least else {
            throw ValidationError(
                "\(flag) takes at least \(DurationText.format(milliseconds: least)), not '\(text)'")
        }
        return milliseconds
    }
}
