/// The figures at the end, as text and as JSON.
struct FleetReport {
    private let outcome: FleetOutcome
    private let settings: FleetSettings
    private let connectsInOneSecond: Int

    init(_ outcome: FleetOutcome, _ settings: FleetSettings) {
        self.outcome = outcome
        self.settings = settings
        connectsInOneSecond = outcome.figures.greatestConnectsInOneSecond(in: 0...(.max))
    }

    private var figures: FleetFigures { outcome.figures }

    /// Bytes of changes for each process and look; nil if there was none.
    private var bytesPerProcessSample: Double? {
        let count = figures.processSampleCount
        return count > 0 ? Double(figures.changeBytes) / Double(count) : nil
    }

    private func connects(in recovery: Recovery) -> Int {
        figures.greatestConnectsInOneSecond(in: recovery.stretch)
    }

    // MARK: Text

    /// A page for people.
    var text: String {
        let seconds = FleetText.decimal(Double(outcome.lookingMilliseconds) / 1_000)
        var rows: [(String, String)] = [
            (
                "fleet",
                "\(FleetText.number(settings.agentCount)) agents, \(seconds) s, "
                    + "seed \(settings.seed)"
            ),
            (
                "at the end",
                "\(FleetText.number(outcome.settledCount)) sessions stood, with all "
                    + "acknowledged"
            ),
            (
                "connects",
                "\(FleetText.number(figures.connectCount)) of "
                    + "\(FleetText.number(figures.attemptCount)) attempts; at most "
                    + "\(FleetText.number(connectsInOneSecond)) within one second"
            ),
            ("sessions", "\(FleetText.number(figures.acceptedCount)) accepted"),
            (
                "frames",
                "\(FleetText.number(figures.frameCount)), "
                    + "\(FleetText.number(figures.frameBytes)) bytes"
            ),
            (
                "process-samples",
                FleetText.number(figures.processSampleCount)
                    + (bytesPerProcessSample.map { ", \(FleetText.decimal($0)) bytes each" } ?? "")
            ),
            ("runs", FleetText.number(figures.runCount)),
            ("ACK of changes", latency(figures.changeLatencies)),
            ("ACK of full states", latency(figures.stateLatencies)),
            (
                "looks",
                "\(FleetText.number(figures.lookCount)); "
                    + "\(FleetText.number(figures.missedLookCount)) came too late; nothing was let "
                    + "end at \(FleetText.number(figures.heldEndCount))"
            ),
            (
                "memfleet itself",
                "\(FleetText.number(outcome.processorMilliseconds)) ms of "
                    + "processor time"
            ),
        ]
        rows += figures.recoveries.enumerated().map { index, recovery in
            (index == 0 ? "start" : "loss \(index)", text(of: recovery, isStart: index == 0))
        }
        rows += figures.errorCodes.sorted { $0.key < $1.key }.map {
            ("ERROR \($0.key)", "\(FleetText.number($0.value)) times")
        }
        rows += figures.failures.sorted { $0.value > $1.value }.map {
            ("failure", "\($0.key): \(FleetText.number($0.value)) times")
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width + 2 - name.count) + value + "\n"
        }.joined()
    }

    private func latency(_ latencies: LatencyHistogram) -> String {
        guard latencies.count > 0 else { return "none" }
        return "median \(FleetText.milliseconds(latencies.quantile(0.5))), 99 % "
            + "\(FleetText.milliseconds(latencies.quantile(0.99))), at most "
            + FleetText.milliseconds(latencies.longestMicroseconds)
    }

    private func text(of recovery: Recovery, isStart: Bool) -> String {
        func seconds(_ at: Int64?) -> String? {
            at.map { FleetText.decimal(Double($0 - recovery.beganAtMilliseconds) / 1_000) + " s" }
        }
        let fewest =
            isStart ? [] : ["down to \(FleetText.number(recovery.fewestSessions)) sessions"]
        let parts =
            fewest + [
                seconds(recovery.firstConnectAtMilliseconds).map { "first connect after \($0)" }
                    ?? "no connect",
                "at most \(FleetText.number(connects(in: recovery))) connects within one second",
                seconds(recovery.allAcceptedAtMilliseconds).map { "all accepted after \($0)" }
                    ?? "not all accepted",
                seconds(recovery.allKnownAtMilliseconds).map {
                    "all full states acknowledged after \($0)"
                } ?? "not all full states acknowledged",
            ]
        return parts.joined(separator: ", ")
    }

    // MARK: JSON

    /// One JSON object in one line.
    var json: String {
        let members = [
            ("agents", "\(settings.agentCount)"),
            ("processes", "\(settings.processCount)"),
            ("seed", "\(settings.seed)"),
            ("looking_milliseconds", "\(outcome.lookingMilliseconds)"),
            ("settled", "\(outcome.settledCount)"),
            ("attempts", "\(figures.attemptCount)"),
            ("connects", "\(figures.connectCount)"),
            ("connects_in_one_second", "\(connectsInOneSecond)"),
            ("sessions_accepted", "\(figures.acceptedCount)"),
            ("frames", "\(figures.frameCount)"),
            ("frame_bytes", "\(figures.frameBytes)"),
            ("change_bytes", "\(figures.changeBytes)"),
            ("process_samples", "\(figures.processSampleCount)"),
            ("bytes_per_process_sample", bytesPerProcessSample.map { "\($0)" } ?? "null"),
            ("runs", "\(figures.runCount)"),
            ("looks", "\(figures.lookCount)"),
            ("looks_too_late", "\(figures.missedLookCount)"),
            ("looks_without_ends", "\(figures.heldEndCount)"),
            ("processor_milliseconds", "\(outcome.processorMilliseconds)"),
            ("acknowledgements", "\(figures.acknowledgementCount)"),
            ("ack_of_changes", json(figures.changeLatencies)),
            ("ack_of_full_states", json(figures.stateLatencies)),
            ("recoveries", "[" + figures.recoveries.map(json).joined(separator: ",") + "]"),
            (
                "errors",
                object(
                    figures.errorCodes.sorted { $0.key < $1.key }.map {
                        ("\($0.key)", "\($0.value)")
                    })
            ),
            (
                "failures",
                object(
                    figures.failures.sorted { $0.key < $1.key }.map {
                        ($0.key, "\($0.value)")
                    })
            ),
        ]
        return object(members) + "\n"
    }

    private func json(_ latencies: LatencyHistogram) -> String {
        func value(_ microseconds: Int64?) -> String { microseconds.map { "\($0)" } ?? "null" }
        return object([
            ("count", "\(latencies.count)"),
            ("median_microseconds", value(latencies.quantile(0.5))),
            ("p99_microseconds", value(latencies.quantile(0.99))),
            ("longest_microseconds", value(latencies.longestMicroseconds)),
        ])
    }

    private func json(_ recovery: Recovery) -> String {
        func after(_ at: Int64?) -> String {
            at.map { "\($0 - recovery.beganAtMilliseconds)" } ?? "null"
        }
        return object([
            ("fewest_sessions", "\(recovery.fewestSessions)"),
            ("connects_in_one_second", "\(connects(in: recovery))"),
            ("first_connect_milliseconds", after(recovery.firstConnectAtMilliseconds)),
            ("all_accepted_milliseconds", after(recovery.allAcceptedAtMilliseconds)),
            ("all_known_milliseconds", after(recovery.allKnownAtMilliseconds)),
        ])
    }

    private func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    private func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
