import ArgumentParser
import CLinux
import CollectorClient
import CommandLineProgram
import Glibc
import Report

/// The command `memcollector check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says in one line whether memory and hosts are well, for monitoring.",
        discussion: """
            For Nagios, Icinga and what runs their plugins: the line ends with performance data, \
            and the exit status is 0 for OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. UNKNOWN is also \
            what cannot be asked for, and a collector that does not answer.

            Without a threshold it is CRITICAL if a host was not heard of for five minutes. \
            --warning and --critical take a size for peaks, or a percentage for memory in use; \
            --peak-above, --used-above and --missing are CRITICAL. Of several the worst counts.

            EXAMPLES:
              memcollector check
              memcollector check --host 'db*' --peak-above 8G --missing 5m
              memcollector check --program postgres --warning 6G --critical 8G --since 24h
              memcollector check --warning 80% --critical 90%
            """)

    @Option(help: ArgumentHelp("Only hosts whose name or id matches.", valueName: "glob"))
    var host: String?

    @OptionGroup var runs: RunFilters

    @Option(
        help: ArgumentHelp("Peaks from this time on: 1h, 24h, today or a time.", valueName: "time"))
    var since = "1h"

    @Option(
        help: ArgumentHelp(
            "CRITICAL if a process held more than this size in that time.", valueName: "size"))
    var peakAbove: String?

    @Option(
        help: ArgumentHelp(
            "CRITICAL if a host uses more than this share of its memory now, such as 90%.",
            valueName: "percent"))
    var usedAbove: String?

    @Option(
        help: ArgumentHelp(
            "CRITICAL if a host was not heard of for longer than this, such as 5m.",
            valueName: "duration"))
    var missing: String?

    @Option(
        help: ArgumentHelp(
            "WARNING above this: a size for peaks, a percentage for memory in use.",
            valueName: "size or percent"))
    var warning: String?

    @Option(
        help: ArgumentHelp(
            "CRITICAL above this, likewise.", valueName: "size or percent"))
    var critical: String?

    @OptionGroup var collector: CollectorOptions

    func validate() throws {
        let pairs = try pairs()
        do {
            _ = try CheckQuery(
                pairs: pairs, nowMilliseconds: clinux_wall_nanoseconds() / 1_000_000)
        } catch {
            throw ValidationError("\(CheckCommand.flag(error.key)): \(error.reason)")
        }
    }

    private func pairs() throws -> [QueryPair] {
        var pairs =
            [QueryPair("since", try beginning())]
            + QueryPair.given(("host", host)) + runs.pairs
            + QueryPair.given(
                ("peak_critical", peakAbove), ("used_critical", usedAbove),
                ("missing_critical", missing))
        for (value, severity) in [(warning, "warning"), (critical, "critical")] {
            guard let value else { continue }
            if let number = UInt64(value), number <= 100 {
                throw ValidationError(
                    "--\(severity) \(value) has no unit; write \(value)% of memory in use, or a"
                        + " size of a peak such as \(value)G")
            }
            let key = (value.hasSuffix("%") ? "used_" : "peak_") + severity
            guard !pairs.contains(where: { $0.key == key }) else {
                throw ValidationError(
                    "--\(severity) \(value) says the same as another threshold; give one of them")
            }
            pairs.append(QueryPair(key, value))
        }
        return pairs
    }

    /// The beginning of the range, written out, so that it does not depend on the collector's zone.
    private func beginning() throws -> String {
        do {
            let time = try TimeExpression.parse(
                since, nowMilliseconds: clinux_wall_nanoseconds() / 1_000_000,
                utcOffsetSeconds: Int(clinux_utc_offset_seconds()))
            return Timestamp.text(time) ?? since
        } catch {
            throw ValidationError("--since: \(error)")
        }
    }

    /// Which option a key of the query was made of.
    private static func flag(_ key: String) -> String {
        switch key {
        case "peak_critical": "--peak-above or --critical"
        case "used_critical": "--used-above or --critical"
        case "missing_critical": "--missing"
        case "peak_warning", "used_warning": "--warning"
        default: "--" + key
        }
    }

    func run() async throws {
        do {
            let answer = try await collector.client()
                .get("/v1/check", query: pairs().map { ($0.key, $0.value) })
            guard let status = answer.fields[CheckResult.headerName].flatMap({ Int32($0) }) else {
                throw CollectorClient.Problem(
                    description: "what answers there is no collector of this version")
            }
            try StandardOutput.print(answer.bytes)
            throw ExitCode(status)
        } catch let status as ExitCode {
            throw status
        } catch {
            CheckCommand.say(unknown: "\(error)")
            throw ExitCode(CheckStatus.unknown.rawValue)
        }
    }

    /// Says in the one line of a plugin why nobody can tell.
    static func say(unknown reason: String) {
        print(CheckResult(unknown: reason).line, terminator: "")
        fflush(nil)
    }

    /// Whether `arguments`, with the program's name first, are those of a check.
    static func isMeant(by arguments: [String]) -> Bool {
        arguments.dropFirst().first == configuration.commandName
    }
}
