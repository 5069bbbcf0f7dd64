import Foundation
import TestSupport
import Testing

/// What somebody types wrong is answered with one line that helps, and the documented status.
@Suite("Command lines", .serialized)
struct CommandLineTests {
    /// A command line that nobody meant, and what the line about it has to name.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let program: String
        let arguments: [String]
        let says: String

        var testDescription: String { ([program] + arguments).joined(separator: " ") }

        static func agent(_ says: String, _ arguments: String...) -> Mistake {
            Mistake(
                program: "memagent", arguments: ["--collector", "127.0.0.1:1"] + arguments,
                says: says)
        }

        static func collector(_ says: String, _ arguments: String...) -> Mistake {
            Mistake(program: "memcollector", arguments: arguments, says: says)
        }
    }

    static let ofAgent: [Mistake] = [
        Mistake(program: "memagent", arguments: [], says: "MEMAGENT_COLLECTOR"),
        Mistake(program: "memagent", arguments: ["--collector"], says: "--collector"),
        .agent("--bogus", "--bogus"),
        .agent("extra", "extra"),
        .agent("memagent ps", "ps"),
        .agent("memagent ps", "top"),
        Mistake(program: "memagent", arguments: ["ps", "--collector", "x"], says: "--collector"),
        Mistake(program: "memagent", arguments: ["ps", "--format", "xml"], says: "json"),
        Mistake(program: "memagent", arguments: ["ps", "--top", "0"], says: "--top"),
        Mistake(program: "memagent", arguments: ["ps", "--min-peak", "much"], says: "100M"),
        Mistake(program: "memagent", arguments: ["ps", "--procfs", ""], says: "--procfs"),
        Mistake(program: "memagent", arguments: ["ps", "--top", "-1"], says: "from 1 to"),
        Mistake(
            program: "memagent", arguments: ["run", "--top", "-1", "--", "true"],
            says: "from 0 to"),
        Mistake(
            program: "memagent", arguments: ["run", "--python-names", "hash", "--", "true"],
            says: "is for a collector"),
        Mistake(
            program: "memagent",
            arguments: [
                "run", "--collector", "x:1", "--python-names", "hash", "--", "true",
            ], says: "is for --python"),
        Mistake(
            program: "memagent",
            arguments: [
                "run", "--python", "--collector", "x:1", "--python-names", "all", "--", "true",
            ], says: "full, base or hash"),
        Mistake(program: "memagent", arguments: ["ps", "--host-id", "a b"], says: "--host-id"),
        Mistake(program: "memagent", arguments: ["top", "--host-id", ""], says: "--host-id"),
        Mistake(program: "memagent", arguments: ["top", "--interval", "1"], says: "--interval"),
        Mistake(program: "memagent", arguments: ["top", "--interval", "1ms"], says: "200ms"),
        .agent("'x:99999'", "--collector", "x:99999"),
        .agent("'x:0'", "--collector", "x:0"),
        .agent("'x:'", "--collector", "x:"),
        .agent("':7000'", "--collector", ":7000"),
        .agent("'[::1'", "--collector", "[::1"),
        .agent("''", "--collector", ""),
        .agent("'http://x'", "--collector", "http://x"),
        .agent("--interval", "--interval", "0"),
        .agent("--interval", "--interval", "0s"),
        .agent("--interval", "--interval", "-5s"),
        .agent("--interval", "--interval=-5s"),
        .agent("10ms to 1h", "--interval", "2h"),
        .agent("500ms", "--interval", "soon"),
        .agent("--report-interval", "--report-interval", "x"),
        .agent("shorter than", "--interval", "5s", "--report-interval", "1s"),
        .agent("2%", "--cpu-budget", "0"),
        .agent("2%", "--cpu-budget", "lots"),
        .agent("'-1'", "--cpu-budget=-1"),
        .agent("''", "--cpu-budget", ""),
        .agent("100%", "--cpu-budget", "101%"),
        .agent("1M to 1G", "--memory-limit", "2G"),
        .agent("1M to 64G", "--state-limit", "1K"),
        .agent("--state-limit", "--state-limit", "much"),
        .agent("key=value", "--label", "rack"),
        .agent("key=value", "--label", "=b7"),
        .agent("key=value", "--label", "rack=" + String(repeating: "x", count: 257)),
        .agent("twice", "--label", "a=1", "--label", "a=2"),
        Mistake(
            program: "memagent",
            arguments: ["--collector", "x"] + (0..<33).flatMap { ["--label", "k\($0)=v"] },
            says: "32 labels"),
        .agent("--host-id", "--host-id", "a b"),
        .agent("--host-id", "--host-id", ""),
        .agent("--host-id", "--host-id", ".hidden"),
        .agent("--host-id", "--host-id", String(repeating: "a", count: 65)),
        .agent("--hostname", "--hostname", ""),
        .agent("--procfs", "--procfs", ""),
        .agent("--state-dir", "--state-dir", ""),
        .agent("redacted", "--command-line", "all"),
        .agent("--log-level", "--log-level", "loud"),
        .agent("--log-format", "--log-format", "xml"),
    ]

    static let ofCollector: [Mistake] = [
        .collector("bogus", "bogus"),
        .collector("--bogus", "serve", "--bogus"),
        .collector("--insecure", "serve", "--listen", "0.0.0.0:0"),
        .collector("--insecure", "serve", "--listen", "[::]:0"),
        .collector("--insecure", "serve", "--listen", "127.0.0.1.example:0"),
        .collector("--insecure", "serve", "--http", "0.0.0.0:0"),
        .collector("'x'", "serve", "--listen", "x"),
        .collector("'127.0.0.1'", "serve", "--listen", "127.0.0.1"),
        .collector("'127.0.0.1:99999'", "serve", "--listen", "127.0.0.1:99999"),
        .collector("--http", "serve", "--http", "::1:7070"),
        .collector("--data-dir", "serve", "--data-dir", ""),
        .collector("--log-level", "serve", "--log-level", "loud"),
        .collector("--log-format", "serve", "--log-format", "xml"),
        .collector("--bogus", "report", "--bogus"),
        .collector("user, cgroup", "report", "--by", "process"),
        .collector("peak, p95, runs", "report", "--sort", "name"),
        .collector("did you mean program?", "report", "--by", "progam"),
        .collector("add --by, such as --by program", "report", "--min-runs", "3"),
        .collector("add --suggest", "report", "--margin", "5%"),
        .collector("csv, ndjson or markdown", "report", "--suggest", "--format", "openmetrics"),
        .collector("rack=b*", "report", "--label", "rack"),
        .collector("--output", "report", "--output", ""),
        .collector("json", "report", "--format", "xml"),
        .collector("json", "hosts", "--format", ""),
        .collector("24h", "report", "--since", "whenever"),
        .collector("24h", "report", "--until", "2026-13-01T00:00:00Z"),
        .collector("later", "report", "--since", "1h", "--until", "2h"),
        .collector("100M", "report", "--min-peak", "much"),
        .collector("--top", "report", "--top", "0"),
        .collector("--top", "ps", "--top", "x"),
        .collector("--top", "report", "--top", "1000000"),
        .collector("a number from 1", "report", "--top", "-5"),
        .collector("is not a size", "report", "--min-peak", "-1G"),
        .collector("in the future", "report", "--since", "2200-01-01"),
        .collector("in the future", "oom", "--since", "2200-01-01"),
        .collector("in the future", "cgroups", "--since", "2200-01-01"),
        .collector("in the future", "composition", "--since", "2200-01-01"),
        .collector("by program", "report", "--by", "run", "--compare", "7d"),
        .collector("by program", "report", "--by", "run", "--suggest"),
        .collector("--output", "export", "-o", ""),
        .collector("did you mean json?", "report", "--format", "JSON"),
        .collector("--host: is given twice", "report", "--host", "a", "--host", "b"),
        .collector("--host: is given twice", "ps", "--host", "a", "--host", "b"),
        .collector("give all of --host, --since and --until", "purge", "--host", "vm"),
        .collector("opened by its name", "export", "--format", "sqlite", "-o", "-"),
        .collector("--program", "report", "--program", ""),
        .collector("--host", "ps", "--host", String(repeating: "*", count: 1_025)),
        .collector("--by", "hosts", "--by", "run"),
        .collector("--interval", "top", "--interval", "often"),
        .collector("--format", "top", "--format", "json"),
        .collector("http://", "top", "--url", ""),
        .collector("show needs a subject", "show"),
        .collector("--run", "show", "--run", "x"),
        .collector("one", "show", "db-01", "--program", "nginx"),
        .collector("24h", "show", "db-01", "--since", "whenever"),
        .collector("http://", "hosts", "--url", "ftp://127.0.0.1"),
        .collector("http://", "hosts", "--url", "127.0.0.1:7070"),
        .collector("http://", "summary", "--url", ""),
    ]

    @Test("a wrong command line is status 2 and one line", arguments: ofAgent + ofCollector)
    func usage(_ mistake: Mistake) async throws {
        let answer = try await Program.run(
            mistake.program, mistake.arguments, environment: ["MEMAGENT_COLLECTOR": ""])
        #expect(answer.status == 2)
        #expect(answer.output.isEmpty)
        let lines = answer.errors.split(separator: "\n")
        let first = try #require(lines.first)
        #expect(first.hasPrefix("Error: ") && first.contains(mistake.says), "\(answer.errors)")
        #expect(first.count > "Error: ".count + 10)
        let rest = lines.dropFirst()
        #expect(rest.count { $0.hasPrefix("Usage: ") } == 1, "\(answer.errors)")
        #expect(rest.allSatisfy { $0.firstMatch(of: /^(Usage: |Help: |  See ')/) != nil })
        // The usage is that of the command that was meant.
        if let command = mistake.arguments.first, !command.hasPrefix("-"), command != "bogus" {
            #expect(answer.errors.contains("Usage: \(mistake.program) \(command) "))
        }
    }

    @Test(
        "help and version are status 0, on standard output, and help shows an example",
        arguments: ["memagent", "memagent ps", "memagent top"]
            + ["memcollector", "memcollector top", "memcollector serve", "memcollector summary"]
            + ["memcollector hosts", "memcollector ps", "memcollector report"])
    func help(_ command: String) async throws {
        let words = command.split(separator: " ").map(String.init)
        let help = try await Program.run(words[0], words.dropFirst() + ["--help"])
        #expect(help.status == 0 && help.errors.isEmpty)
        #expect(help.output.contains("EXAMPLE") && help.output.contains("USAGE: "))
        let examples = help.output.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(examples.contains { $0.hasPrefix(command) }, "an example of the command itself")
        let version = try await Program.run(words[0], words.dropFirst() + ["--version"])
        #expect(version.status == 0 && version.errors.isEmpty)
        #expect(version.output.firstMatch(of: /^\d+\.\d+\.\d+\S*\n$/) != nil)
    }

    @Test("an interval longer than a second needs no report interval beside it")
    func longInterval() async throws {
        let closed = try ClosedPort()
        let agent = try Program(
            "memagent",
            ["--collector", "127.0.0.1:\(closed.port)", "--interval", "5s", "--host-id", "slow"])
        try await agent.waitForText("cannot reach the collector")
        #expect(agent.errors.contains("Connection refused"))
        #expect(!agent.errors.contains("SingleConnectionFailure"))
        agent.signal(SIGTERM)
        #expect(try await agent.waitForExit() == 0)
    }
}
