import Foundation
import TestSupport

/// The CPython interpreters of this machine: those in PATH and those of pyenv.
enum Interpreters {
    /// Paths of interpreters from 3.8 on, each once.
    static let all: [String] = candidates().filter { minor(of: $0).map { $0 >= 8 } ?? false }

    /// Paths of interpreters that are too old to be read.
    static let old: [String] = candidates().filter { minor(of: $0).map { $0 < 8 } ?? false }

    private static func candidates() -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let pyenv =
            environment["PYENV_ROOT"] ?? FileManager.default.homeDirectoryForCurrentUser.path
            + "/.pyenv"
        let versions = pyenv + "/versions"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []
        var paths = names.sorted().map { "\(versions)/\($0)/bin/python" }
        paths.append("/usr/bin/python3")
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            paths += (8...13).map { "\(folder)/python3.\($0)" }
        }
        var seen: Set<String> = []
        return paths.filter { path in
            let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
            // A shim is a script that looks for an interpreter.
            return isProgram(real) && seen.insert(real).inserted
        }
    }

    private static func isProgram(_ path: String) -> Bool {
        guard FileManager.default.isExecutableFile(atPath: path),
            let file = FileHandle(forReadingAtPath: path)
        else { return false }
        defer { file.closeFile() }
        return file.readData(ofLength: 4) == Data([0x7F, 0x45, 0x4C, 0x46])
    }

    /// 11 of `/usr/bin/python3.11`, behind all links.
    static func minor(of path: String) -> Int? {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let match = real.firstMatch(of: /python3\.([0-9]+)$/) else { return nil }
        return Int(match.output.1)
    }

    /// The folder of an interpreter's C headers, if they are installed with the internal ones.
    static func headers(of path: String) async throws -> String? {
        let answer = try await Program.run(
            path, ["-c", "import sysconfig; print(sysconfig.get_paths()['include'])"])
        let folder = answer.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let internals = folder + "/internal/pycore_pystate.h"
        return FileManager.default.fileExists(atPath: internals) ? folder : nil
    }
}

/// A running `grow.py`.
final class GrowingProgram {
    let program: Program
    private let input: Pipe
    private static let script =
        Program.repository.appending(path: "Tests/PythonStacksTests/Programs/grow.py").path

    init(_ interpreter: String) throws {
        input = Pipe()
        program = try Program(interpreter, [GrowingProgram.script], input: input)
    }

    /// Has it do a step.
    func begin(_ step: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data("\(step)\n".utf8))
    }

    /// Closes its input, at which it ends.
    func close() throws { try input.fileHandleForWriting.close() }

    /// The number of the line that has `# line: NAME` at its end.
    static func line(_ name: String) throws -> Int32 {
        let text = try String(contentsOfFile: script, encoding: .utf8)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        where line.hasSuffix("# line: \(name)") {
            return Int32(index + 1)
        }
        throw Program.Failure(description: "no line is \(name)")
    }
}
