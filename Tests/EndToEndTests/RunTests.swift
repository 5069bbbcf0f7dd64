import Foundation
import TestSupport
import Testing

/// A command that is run by `memagent run`: it must not notice, and nothing of it may be missed.
@Suite("Running a command")
struct RunTests {
    private let runner: CommandRunner

    init() throws {
        runner = try CommandRunner()
    }

    private func holder(_ steps: String...) async throws -> [String] {
        [try await CommandRunner.holder.value.path] + steps
    }

    @Test(
        "the exit status is the command's: any code, not found, not executable, a signal",
        arguments: [
            (["true"], 0), (["false"], 1), (["sh", "-c", "exit 42"], 42),
            (["sh", "-c", "exit 255"], 255), (["/no/such/program"], 127),
            (["no-such-program-anywhere"], 127), (["/etc/passwd"], 126), (["/etc"], 126),
            (["sh", "-c", "kill -TERM $$"], 15), (["sh", "-c", "kill -KILL $$"], 9),
            (["sh", "-c", "kill -SEGV $$"], 11), (["sh", "-c", "kill -PIPE $$"], 13),
            (["sh", "-c", "kill -INT $$"], 2), (["sh", "-c", "kill -USR1 $$"], 10),
        ] as [([String], Int32)])
    func status(_ command: [String], _ expected: Int32) async throws {
        let result = try await runner.run(command)
        #expect(result.status == expected, "\(result.errors)")
    }

    @Test("a shell that asks how it ended gets 128 and the signal, as of the command itself")
    func shellStatus() async throws {
        let script = "\(Program.folder)/memagent run -q -- sh -c 'kill -TERM $$'; echo $?"
        let words = try await CommandRunner.unblocked() + ["/bin/sh", "-c", script]
        let answer = try await Program.run(words[0], Array(words.dropFirst()))
        #expect(answer.output == "143\n")
    }

    @Test(
        "wrong usage is 2 and runs nothing",
        arguments: [
            [], ["--"], ["--no-such-option", "true"], ["--top", "-1", "--", "true"],
            ["--interval", "1", "--", "true"], ["--limit", "lots", "--", "true"],
            ["--label", "novalue", "--", "true"], ["--limit", "1G", "--no-cgroup", "--", "true"],
        ])
    func usage(_ arguments: [String]) async throws {
        let answer = try await Program.run("memagent", ["run"] + arguments)
        #expect(answer.status == 2, "\(answer.errors)")
        #expect(answer.errors.contains("memagent run"))
    }

    @Test("a file that cannot be written is 125 before anything runs")
    func unwritable() async throws {
        let mark = runner.folder.path + "/ran"
        let answer = try await Program.run(
            "memagent", ["run", "--output", "/no/such/folder/file", "--", "touch", mark])
        #expect(answer.status == 125)
        #expect(!FileManager.default.fileExists(atPath: mark))
    }

    @Test("options of the command are the command's, with -- and without")
    func passthrough() async throws {
        for dash in [["--"], []] {
            let answer = try await Program.run(
                "memagent", ["run", "-q"] + dash + ["echo", "--json", "--", "-q", "--help"])
            #expect(answer.output == "--json -- -q --help\n", "\(answer.errors)")
        }
    }

    @Test("ten megabytes of random bytes go through standard input and output unchanged")
    func pipes() async throws {
        let input = runner.folder.path + "/input"
        var generator = SeededGenerator(seed: 11)
        let bytes = (0..<1_250_000).map { _ in generator.next() }
        try bytes.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: input))
        let output = runner.folder.path + "/output"
        let script = """
            cat '\(input)' | \(Program.folder)/memagent run -q -- cat - | cat > '\(output)'; \
            cmp '\(input)' '\(output)' && echo same
            """
        let answer = try await Program.run("/bin/sh", ["-c", script])
        #expect(answer.output == "same\n", "\(answer.errors)")
    }

    @Test("the command has no file, signal or limit that it would not have without")
    func inheritance() async throws {
        // A file that the caller opened goes on to the command.
        let script = """
            ls /proc/self/fd | wc -l; ulimit -n; echo word >&7 && echo inherited
            grep -E '^(Sig(Blk|Ign|Cgt)|ShdPnd)' /proc/self/status | sed -E 's/\t.{8}/ /'
            """
        // Of signals those up to 32: the next is the C library's own, which it sets for threads.
        let quoted = script.replacingOccurrences(of: "'", with: "'\\''")
        // Both by one shell: what the tests have open changes from moment to moment.
        let whole = """
            exec 7>/dev/null; ulimit -Sn 512; sh -c '\(quoted)'; echo next
            \(Program.folder)/memagent run -q -- sh -c '\(quoted)'
            """
        let words = try await CommandRunner.unblocked() + ["/bin/bash", "-c", whole]
        let answer = try await Program.run(words[0], Array(words.dropFirst()))
        let parts = answer.output.components(separatedBy: "next\n")
        #expect(parts.count == 2 && parts[0].contains("inherited"), "\(answer)")
        #expect(parts.first == parts.last, "\(answer)")
    }

    @Test("signals that are sent to memagent reach the command", arguments: [15, 1, 10, 12])
    func forwarded(_ signal: Int32) async throws {
        let names: [Int32: String] = [15: "TERM", 1: "HUP", 10: "USR1", 12: "USR2"]
        let name = try #require(names[signal])
        let (words, json) = try await runner.words([
            "sh", "-c", "trap 'echo got; exit 7' \(name); echo ready; while :; do sleep 0.05; done",
        ])
        let program = try Program(words[0], Array(words.dropFirst()))
        try await program.waitForText("ready")
        program.signal(signal)
        #expect(try await program.waitForExit() == 7)
        #expect(program.output.hasSuffix("got\n"))
        #expect((try runner.document(json)["exit_code"] as? NSNumber)?.intValue == 7)
    }

    @Test("what the command leaves behind is named and not waited for, or waited for if asked")
    func leftBehind() async throws {
        let steps = try await holder("d+1,a600", "a2")
        let result = try await runner.run(steps)
        #expect(result.status == 0)
        let pids = result.leftBehind
        #expect(pids.count == 1)
        #expect(result.errors.contains("still there"))
        for pid in pids {
            #expect(kill(pid, SIGKILL) == 0)
        }
        let waited = try await runner.run(
            try await holder("d+64,a5"), options: ["--wait-all"])
        #expect(waited.leftBehind == [])
        #expect((waited.number("peak_of_sum", "bytes") ?? 0) >= 64 << 20)
    }

    @Test("processor time, page faults, elapsed time and swap are those of what the command did")
    func figures() async throws {
        // Pages of its own, each touched once, by a process that ends when it has used 0.3 s.
        let pages: UInt64 = 8_000
        let before = ContinuousClock.now
        let result = try await runner.run(try await holder("p\(pages)", "b3"))
        let took = (ContinuousClock.now - before) / .seconds(1)
        func seconds(_ key: String) throws -> Double {
            try #require((result.document[key] as? NSNumber)?.doubleValue, "\(result.document)")
        }
        let (user, system) = (try seconds("user_seconds"), try seconds("system_seconds"))
        let elapsed = try seconds("elapsed_seconds")
        // One thread: it cannot have used more than passed. Figures are cut to milliseconds.
        #expect(user + system >= 0.298 && user + system <= elapsed + 0.02, "\(result.document)")
        #expect(elapsed >= 0.298 && elapsed <= took, "\(result.document)")
        let faults = try #require(result.number("minor_faults"))
        #expect(faults >= pages && faults < 2 * pages, "\(result.document)")
        #expect(result.number("major_faults") != nil)
        // Nobody can say that nothing of it was ever swapped out; that it was looked at, they can.
        let swap = try #require(result.number("swap_peak_bytes"))
        #expect(swap <= 64 << 20)
        let row = try #require(result.processes.first)
        if result.hasExitRecords {
            // The kernel's record counts by clock ticks, and may miss some of them.
            let used = (row["cpu_seconds"] as? NSNumber)?.doubleValue ?? 0
            #expect(used >= 0.1 && used <= elapsed + 0.1, "\(row)")
            let own = (row["minor_faults"] as? NSNumber)?.uint64Value ?? 0
            #expect(own >= pages && own < 2 * pages, "\(row)")
        }
        let block = result.errors
        let processor = String(
            format: "CPU        %.3f s user, %.3f s system, of all waited for", user, system)
        #expect(block.contains(processor), "\(block)")
        #expect(block.contains(String(format: "ran %.3f s", elapsed)), "\(block)")
        let grouped = "\(faults / 1_000)," + String(format: "%03d", faults % 1_000)
        #expect(block.contains("Faults     \(grouped) without"), "\(block)")
    }

    @Test("the sum counts two that hold memory at once, and the largest counts one")
    func sum() async throws {
        let result = try await runner.run(
            try await holder("f+80,a6", "f+60,a6", "w"), options: ["--interval", "10ms"])
        let sum = try #require(result.number("peak_of_sum", "bytes"))
        #expect(sum >= 140 << 20 && sum < 170 << 20)
        #expect(result.text("peak_of_sum", "bound") == "at_least")
        let largest = try #require(result.number("largest_process", "bytes"))
        #expect(largest >= 80 << 20 && largest < 90 << 20)
        let curve = try #require(result.document["sum_bytes"] as? [Any])
        #expect(curve.compactMap { ($0 as? NSNumber)?.uint64Value }.max() == sum)
    }

    @Test("labels, files and a plot are written as asked, and nothing where asked to be quiet")
    func outputs() async throws {
        let file = runner.folder.path + "/block"
        let result = try await runner.run(
            try await holder("+50", "a2"),
            options: ["--output", file, "--label", "job=42", "--plot"])
        #expect(result.errors == "")
        let block = String(
            decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        #expect(block.contains("job=42") && block.contains("\u{2588}"))
        #expect((result.document["labels"] as? [String: String]) == ["job": "42"])
        let quiet = try await runner.run(["true"], options: ["--quiet"])
        #expect(quiet.errors == "" && quiet.output == "")
        #expect(quiet.text("started_at") != nil)
    }
}
