import Agent
import ArgumentParser

/// Turns what the user typed into settings, or into one line that says what to type instead.
struct FleetArguments {
    private let command: Memfleet

    init(_ command: Memfleet) {
        self.command = command
    }

    /// The settings; throws a `ValidationError` for the first thing that is wrong.
    func settings() throws -> FleetSettings {
        var settings = FleetSettings(collectors: try collectors())
        settings.agentCount = try number(command.agents, "--agents", 1...100_000)
        settings.processCount = try number(command.processes, "--processes", 1...65_536)
        settings.changingShare = try share(command.changing)
        settings.isSteady = command.steady
        settings.intervalMilliseconds = try interval(command.interval)
        settings.exitsPerSecond = try rate(command.exits)
        settings.seconds = try number(command.seconds, "--seconds", 1...31_536_000)
        settings.spanMilliseconds = try span(command.span, seconds: settings.seconds)
        settings.warmUpSeconds = try number(
            command.warmUp, "--warm-up", 0...max(0, settings.seconds - 1))
        settings.rampUpSeconds = try number(command.rampUp, "--ramp-up", 0...settings.seconds)
        settings.seed = command.seed ?? UInt64.random(in: 0..<1_000_000_000)
        settings.threadCount = try number(command.threads, "--threads", 1...256)
        settings.isAligned = command.aligned
        settings.expectationPath = command.expect
        guard command.expect?.isEmpty != true else {
            throw ValidationError("--expect is empty; give it a file, or leave it out")
        }
        guard ["text", "json"].contains(command.format) else {
            throw ValidationError("--format takes text or json, not '\(command.format)'")
        }
        return settings
    }

    private func collectors() throws -> [CollectorAddress] {
        guard !command.collector.isEmpty else {
            throw ValidationError(
                """
                which collector? Name one that is there to be measured with --collector \
                127.0.0.1:7000; 'memcollector serve' starts one
                """)
        }
        return try command.collector.map { text in
            guard let address = CollectorAddress(text) else {
                throw ValidationError(
                    "--collector '\(text)' is not an address; it looks like 127.0.0.1:7000")
            }
            return address
        }
    }

    private func number(
        _ value: Int, _ flag: String, _ allowed: ClosedRange<Int>
    ) throws -> Int {
        guard allowed.contains(value) else {
            throw ValidationError(
                """
                \(flag) \(value) is out of range; it is from \(allowed.lowerBound) to \
                \(allowed.upperBound)
                """)
        }
        return value
    }

    private func share(_ text: String) throws -> Double {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let percent = Double(digits), (0...100).contains(percent) else {
            throw ValidationError(
                "--changing '\(text)' is not a share of all processes; it is from 0% to 100%")
        }
        return percent / 100
    }

    private func rate(_ value: Double) throws -> Double {
        guard (0...10_000).contains(value) else {
            throw ValidationError("--exits \(value) is out of range; it is from 0 to 10000")
        }
        return value
    }

    private func interval(_ text: String) throws -> Int64 {
        guard let length = length(text) else {
            throw ValidationError(
                "--interval '\(text)' is not a length of time; it looks like 1s, 500ms or 1m")
        }
        guard (10...3_600_000).contains(length) else {
            throw ValidationError("--interval \(text) is out of range; it is from 10ms to 60m")
        }
        return Int64(length)
    }

    /// How much time passes on the hosts, which is no less than here.
    private func span(_ text: String?, seconds: Int) throws -> Int64? {
        guard let text else { return nil }
        guard let length = length(text) else {
            throw ValidationError(
                "--span '\(text)' is not a length of time; it looks like 24h or 90m")
        }
        guard (Double(seconds) * 1_000...90 * 86_400_000).contains(length) else {
            throw ValidationError(
                "--span \(text) is out of range; it is from --seconds, \(seconds)s, to 2160h")
        }
        return Int64(length)
    }

    /// Milliseconds; nil for what is no length of time.
    private func length(_ text: String) -> Double? {
        let units: [(unit: String, milliseconds: Double)] = [
            ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000),
        ]
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            if let count = Double(text.dropLast(unit.count)) { return count * milliseconds }
        }
        return nil
    }
}
