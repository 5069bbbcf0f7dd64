import Foundation
import MemoryModel
import ProcessSampler
import PythonStacks
import TestSupport
import Testing

/// Growth of real programs is credited to the lines that ran, on every interpreter there is.
@Suite("Growth by line", .serialized)
struct GrowthWatchTests {
    /// Watches a program through one step of it, and another one if the result is not as wanted.
    private func growth(
        _ interpreter: String, _ step: String,
        faultSamples: GrowthLedger.FaultSamples = .auto,
        until isWanted: (PythonGrowth) throws -> Bool
    ) async throws -> PythonGrowth {
        try await measured(until: isWanted) {
            try await growth(interpreter, step, faultSamples: faultSamples)
        }
    }

    /// Watches a program through one step of it.
    private func growth(
        _ interpreter: String, _ step: String, faultSamples: GrowthLedger.FaultSamples
    ) async throws -> PythonGrowth {
        let program = try GrowingProgram(interpreter)
        try await program.program.waitForText("ready")
        var settings = GrowthLedger.Settings()
        settings.faultSamples = faultSamples
        let watch = try GrowthWatch(pid: program.program.pid, settings: settings)
        _ = watch.look()
        try program.begin(step)
        while true {
            guard case .goesOn(let wait) = watch.look() else {
                throw Program.Failure(description: "it ended: \(program.program.errors)")
            }
            if program.program.output.contains("done \(step)") { break }
            watch.wait(milliseconds: wait)
            await Task.yield()
        }
        let result = watch.result()
        try program.close()
        try await program.program.waitForExit()
        return result
    }

    private func share(_ growth: PythonGrowth, line: Int32, function: String) -> Double {
        // The pause after each block is in the same line, and most looks find it.
        share(growth.lines + growth.sleepingLines, of: growth, line: line, function: function)
    }

    private func share(
        _ lines: [PythonGrowth.Line], of growth: PythonGrowth, line: Int32, function: String
    ) -> Double {
        let bytes = lines.filter {
            $0.line.line == line && $0.line.file.bytes.ends(with: "/grow.py")
                && String(decoding: $0.line.function.bytes, as: UTF8.self).hasSuffix(function)
        }.reduce(0) { $0 + $1.grownBytes }
        return Double(bytes) / Double(max(1, growth.grownBytes))
    }

    private func described(_ growth: PythonGrowth) -> String {
        let lines = growth.lines.prefix(6).map {
            "\($0.grownBytes >> 20) MiB \(String(decoding: $0.line.function.bytes, as: UTF8.self))"
                + ":\($0.line.line)"
        }
        return "\(growth.pythonVersion) grew \(growth.grownBytes >> 20) MiB, "
            + "\(growth.unattributedBytes >> 20) unattributed, \(growth.sleepingBytes >> 20) "
            + "asleep, \(growth.stackCount) stacks, "
            + "\(growth.failedStackCount) failed, \(growth.faults), \(lines)"
    }

    @Test(
        "the line that grew has at least nine tenths of what a function grew by",
        arguments: Interpreters.all,
        ["blocks", "innermost", "objects", "in_thread", "recurse", "generator", "größe"])
    func line(_ interpreter: String, _ name: String) async throws {
        let steps = ["innermost": "nested", "in_thread": "thread"]
        let functions = ["objects": "", "generator": "values"]
        let number = try GrowingProgram.line(name)
        func share(_ growth: PythonGrowth) -> Double {
            self.share(growth, line: number, function: functions[name] ?? name)
        }
        let least: UInt64 = ["recurse", "größe"].contains(name) ? 55 : 110
        let growth = try await growth(interpreter, steps[name] ?? name) {
            share($0) >= 0.9 && $0.grownBytes >> 20 >= least
        }
        #expect(growth.grownBytes >> 20 >= least, "\(described(growth))")
        #expect(share(growth) >= 0.9, "\(described(growth))")
        #expect(growth.pythonVersion == "3.\(Interpreters.minor(of: interpreter) ?? 0)")
        if name == "recurse" { #expect(growth.cutStackCount > 0) }
    }

    @Test(
        "looking alone finds the same lines, and says that it was by looking",
        arguments: Interpreters.all, ["blocks", "objects", "in_thread"])
    func looks(_ interpreter: String, _ name: String) async throws {
        let steps = ["in_thread": "thread"]
        let number = try GrowingProgram.line(name)
        func share(_ growth: PythonGrowth) -> Double {
            self.share(growth, line: number, function: name == "objects" ? "" : name)
        }
        let growth = try await growth(interpreter, steps[name] ?? name, faultSamples: .off) {
            share($0) >= 0.9
        }
        #expect(share(growth) >= 0.9, "\(described(growth))")
        #expect(growth.method == .ticks && growth.methodReason == nil)
        #expect(growth.faultSampleCount == 0 && growth.atPeakBytes == nil)
        #expect(growth.lines.allSatisfy { $0.atPeakBytes == nil })
    }

    @Test(
        "what looks and samples find of bursts is not credited to the pause behind them",
        arguments: Interpreters.all, [GrowthLedger.FaultSamples.off, .auto])
    func bursts(
        _ interpreter: String, _ faultSamples: GrowthLedger.FaultSamples
    ) async throws {
        let (line, pause) = (try GrowingProgram.line("bursts"), try GrowingProgram.line("pause"))
        // On its way into the pause and out of it a thread runs, too.
        func inPause(_ growth: PythonGrowth) -> Double {
            share(growth.lines, of: growth, line: pause, function: "bursts")
        }
        func known(_ growth: PythonGrowth) -> Double {
            share(growth.lines, of: growth, line: line, function: "bursts")
                + share(growth.sleepingLines, of: growth, line: pause, function: "bursts")
        }
        let growth = try await growth(interpreter, "bursts", faultSamples: faultSamples) {
            inPause($0) <= 0.1 && known($0) >= 0.8 && $0.grownBytes >> 20 >= 170
        }
        #expect(growth.grownBytes >> 20 >= 170, "\(described(growth))")
        #expect(inPause(growth) <= 0.1 && known(growth) >= 0.8, "\(described(growth))")
        #expect(growth.unattributedBytes >= growth.sleepingBytes)
    }

    @Test(
        "two threads that both compute and grow share the growth, by looks and by samples",
        arguments: Interpreters.all, [GrowthLedger.FaultSamples.off, .auto])
    func lockedThreads(
        _ interpreter: String, _ faultSamples: GrowthLedger.FaultSamples
    ) async throws {
        let numbers = try ["computing", "other_computing"].map { try GrowingProgram.line($0) }
        func shares(_ growth: PythonGrowth) -> [Double] {
            numbers.map { share(growth.lines, of: growth, line: $0, function: "") }
        }
        // One of the two always waits for the interpreter's lock, and sleeps for nothing else.
        func isShared(_ growth: PythonGrowth) -> Bool {
            shares(growth).allSatisfy { $0 > 0.1 && $0 < 0.9 }
                && growth.sleepingBytes <= growth.grownBytes / 10
        }
        let growth = try await growth(
            interpreter, "computing_threads", faultSamples: faultSamples, until: isShared)
        #expect(isShared(growth), "\(shares(growth)) \(described(growth))")
    }

    @Test(
        "with page-fault samples, what was given back before the peak has no part in it",
        .enabled(if: samplesArePermitted, "needs a kernel that lets page faults be sampled"),
        arguments: Interpreters.all)
    func atPeak(_ interpreter: String) async throws {
        // What the lines that are not as they should be have.
        func wrong(_ growth: PythonGrowth) throws -> [String] {
            try [
                ("first_to_stay", 40, 40), ("to_be_dropped", 50, 0), ("last_to_stay", 60, 60),
            ].compactMap { name, grown, atPeak in
                let number = try GrowingProgram.line(name)
                let found = growth.lines.first { $0.line.line == number }
                let isRight = [(found?.grownBytes, grown), (found?.atPeakBytes, atPeak)]
                    .allSatisfy { abs(Int($0 ?? 0) - $1 << 20) <= 8 << 20 }
                return isRight ? nil : "\(name): \(found as Any)"
            }
        }
        let growth = try await growth(interpreter, "dropped") { try wrong($0).isEmpty }
        #expect(growth.method == .faultSamples && growth.faultSampleCount > 200)
        let notRight = try wrong(growth)
        #expect(notRight.isEmpty, "\(notRight) \(described(growth))")
        let known = try #require(growth.atPeakBytes)
        #expect(known <= growth.peakBytes && known >= 90 << 20)
    }

    private static var samplesArePermitted: Bool {
        guard let own = try? WatchedProcess(pid: getpid()) else { return false }
        return (try? FaultSampler(own, period: 1_000)) != nil
    }

    @Test(
        "the stack at the peak has the callers with their lines, and functions their peaks",
        arguments: Interpreters.all)
    func stack(_ interpreter: String) async throws {
        func names(_ growth: PythonGrowth) -> [Substring] {
            growth.peakStack.map {
                String(decoding: $0.function.bytes, as: UTF8.self).split(separator: ".").last ?? ""
            }.filter { $0 != "<listcomp>" }
        }
        let expected: [Substring] = ["innermost", "middle", "load", "nested", "<module>"]
        func isWhole(_ growth: PythonGrowth) -> Bool {
            growth.peakStackBytes > (growth.firstBytes ?? 0) + 100 << 20
        }
        let growth = try await growth(interpreter, "nested") {
            names($0) == expected && isWhole($0)
        }
        #expect(names(growth) == expected)
        #expect(
            growth.peakStack.first { $0.function.bytes.ends(with: "nested") }?.line
                == (try GrowingProgram.line("nested")))
        #expect(isWhole(growth))
        let middle = growth.functionPeaks.first { $0.function.function == "middle" }
        #expect(middle?.residentBytes == growth.peakStackBytes)
        #expect(growth.markBytes.map { $0 + 4 << 20 >= growth.peakBytes } ?? false)
    }

    @Test("two threads that grow at a time share the growth", arguments: Interpreters.all)
    func threads(_ interpreter: String) async throws {
        func shares(_ growth: PythonGrowth) throws -> [Double] {
            try ["in_thread", "other_thread"].map {
                share(growth, line: try GrowingProgram.line($0), function: $0)
            }
        }
        let growth = try await growth(interpreter, "two_threads") {
            try shares($0).allSatisfy { $0 > 0.3 && $0 < 0.7 }
        }
        for share in try shares(growth) {
            #expect(share > 0.3 && share < 0.7, "\(described(growth))")
        }
        #expect(growth.otherThreadCount <= growth.stackCount / 10, "\(described(growth))")
    }

    @Test("an interpreter that is too old is named and not read", arguments: Interpreters.old)
    func old(_ interpreter: String) async throws {
        let program = try GrowingProgram(interpreter)
        defer { program.program.signal(SIGKILL) }
        try await program.program.waitForText("ready")
        let minor = Interpreters.minor(of: interpreter) ?? 0
        #expect {
            _ = try GrowthWatch(pid: program.program.pid)
        } throws: { error in
            guard case .unsupported(_, let reason)? = error as? GrowthWatchError else {
                return false
            }
            return reason == "it is CPython 3.\(minor); 3.8 to 3.13 can be read"
        }
    }

    @Test("what is no Python, what has ended and what is another user's are told apart")
    func others() async throws {
        let sleeper = try Program("/bin/sleep", ["60"])
        defer { sleeper.signal(SIGKILL) }
        try await eventually("sleep runs") {
            try WatchedProcess(pid: sleeper.pid).programPath()?.bytes.ends(with: "/sleep") ?? false
        }
        #expect(throws: GrowthWatchError.noPython(pid: sleeper.pid, name: "sleep")) {
            _ = try GrowthWatch(pid: sleeper.pid)
        }
        let ended = try Program("/bin/true", [])
        try await ended.waitForExit()
        #expect(throws: GrowthWatchError.gone(pid: ended.pid)) {
            _ = try GrowthWatch(pid: ended.pid)
        }
        #expect(throws: GrowthWatchError.gone(pid: 0)) { _ = try GrowthWatch(pid: 0) }
    }
}

extension [UInt8] {
    /// Whether they end with the UTF-8 form of `text`.
    func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
