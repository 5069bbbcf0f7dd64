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

    func validate() throws { _ = try settings() }

    /// What they say; throws a `ValidationError`.
    func settings() throws -> RetentionSettings {
        RetentionSettings(
            minutesMilliseconds: try length(keepMinutes, "--keep-minutes", least: 2 * hour),
            hoursMilliseconds: try length(keepHours, "--keep-hours", least: 24 * hour),
            daysMilliseconds: try length(keepDays, "--keep-days", least: 24 * hour),
            runsMilliseconds: try length(keepRuns, "--keep-runs", least: 2 * hour))
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
