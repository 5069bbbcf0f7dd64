import Foundation
import TestSupport
import Testing

/// Whatever is cut, killed or lost: what was acknowledged is there, what is there is true.
@Suite("Oracle")
struct OracleTests {
    /// How many disturbances: 200, or as many as `HIGHWATER_CYCLES` says.
    private static let cycles =
        ProcessInfo.processInfo.environment["HIGHWATER_CYCLES"].flatMap { Int($0) } ?? 200

    @Test(
        """
        every acknowledged figure is in the database, every figure there was sent, every peak is \
        true, what lives ends exact, what ended does not live, and what was seen is told of or a \
        gap says that it may be missing
        """,
        .timeLimit(.minutes(120)))
    func oracle() async throws {
        let seed = SeededGenerator()
        say("\(seed)")
        let run = try await OracleRun(cycles: Self.cycles, seed: seed, say: say)
        // A cycle takes half a second where nothing else runs.
        let problems = try await run.problems(seconds: 240 + Double(Self.cycles) * 2)
        for problem in problems.prefix(50) { Issue.record("\(problem); \(seed)") }
        #expect(problems.isEmpty, "\(problems.count) problems; \(seed)")
    }

    /// Progress goes where it is seen at once.
    private func say(_ text: String) {
        FileHandle.standardError.write(Data("oracle: \(text)\n".utf8))
    }
}
