import Foundation
import TestSupport

/// A Python program that grows when it is told to.
struct GrowingScript {
    static let interpreter = "/usr/bin/python3"
    static let isThere = FileManager.default.isExecutableFile(atPath: interpreter)
    /// The line that grows.
    static let line: Int32 = 6
    private static let text = """
        import sys
        kept = []
        def load():
            kept.clear()
            for _ in range(80):
                kept.append([(number, [number]) for number in range(20000)])
        print("ready", flush=True)
        for word in iter(sys.stdin.readline, ""):
            load()
            print("done", flush=True)
        """

    let program: Program
    let folder: TemporaryFolder
    private let input = Pipe()

    init() async throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/job.py"
        try Data(GrowingScript.text.utf8).write(to: URL(fileURLWithPath: path))
        program = try Program(GrowingScript.interpreter, [path], input: input)
        try await program.waitForText("ready")
    }

    func grow() throws { try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8)) }
    func close() throws { try input.fileHandleForWriting.close() }
}
