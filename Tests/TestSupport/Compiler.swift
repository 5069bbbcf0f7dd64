import Foundation

/// The C compiler that the Swift toolchain brings along.
public enum Compiler {
    /// Compiles a source file, named by its path in the repository or from the root, and gives the
    /// path of the program, or of what `arguments` make of it.
    public static func build(
        _ source: String, in folder: TemporaryFolder, arguments: [String] = []
    ) async throws -> String {
        let name = URL(fileURLWithPath: source).deletingPathExtension().lastPathComponent
        let path = folder.path + "/" + name
        let file =
            source.hasPrefix("/") ? source : Program.repository.appending(path: source).path
        let answer = try await Program.run(
            try command(),
            ["-O1", "-w", "-pthread"] + arguments + ["-o", path, file])
        guard answer.status == 0 else {
            throw Program.Failure(description: "\(source) does not compile: \(answer.errors)")
        }
        return path
    }

    private static func command() throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        for name in ["clang", "cc", "gcc"] {
            for folder in folders {
                let path = "\(folder)/\(name)"
                if FileManager.default.isExecutableFile(atPath: path) { return path }
            }
        }
        throw Program.Failure(description: "no C compiler in PATH")
    }
}
