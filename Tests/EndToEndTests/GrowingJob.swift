import Foundation
import TestSupport
import Testing

/// A real Python program that grows when it is told to.
struct GrowingJob {
    static let interpreter = "/usr/bin/python3"
    static let isThere = FileManager.default.isExecutableFile(atPath: interpreter)
    /// The line that grows.
    static let line = 8
    private static let script = """
        import resource, sys
        kept = []
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
        def load(steps):
            for _ in range(steps):
                kept.append([(number, [number]) for number in range(20000)])
        for line in iter(sys.stdin.readline, ""):
            before = resident()
            load(int(line))
            print("grew", resident() - before, flush=True)
        """

    let program: Program
    private let input = Pipe()
    private let folder: TemporaryFolder

    /// Starts it, by the words of `launcher` if there are any.
    init(launcher: [String] = []) throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/growing.py"
        try Data(Self.script.utf8).write(to: URL(fileURLWithPath: path))
        chmod(folder.path, 0o755)
        chmod(path, 0o644)
        let words = launcher + [Self.interpreter, path]
        program = try Program(words[0], Array(words.dropFirst()), input: input)
    }

    /// Grows by about 3 MiB for each step; returns by how much, in bytes.
    @discardableResult
    func grow(steps: Int) async throws -> UInt64 {
        let count = growths.count
        try input.fileHandleForWriting.write(contentsOf: Data("\(steps)\n".utf8))
        try await eventually("the job has grown", seconds: 120) {
            guard program.status == nil else {
                throw Program.Failure(description: "the job ended: \(program.errors)")
            }
            return growths.count > count
        }
        return growths[count]
    }

    private var growths: [UInt64] {
        program.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .compactMap { line in
                line.hasPrefix("grew ") ? UInt64(line.dropFirst(5)) : nil
            }
    }

    /// Ends it.
    func end() async throws {
        try input.fileHandleForWriting.close()
        #expect(try await program.waitForExit() == 0)
    }
}
