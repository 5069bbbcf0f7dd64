import Foundation

/// The built programs where a user without any rights can start them.
public struct UnprivilegedPrograms {
    /// The user without rights, by custom `nobody`.
    public static let userID = 65_534
    private let folder: TemporaryFolder

    /// Copies the programs into a folder that everybody can enter.
    public init() async throws {
        folder = try TemporaryFolder()
        chmod(folder.path, 0o755)
        for name in ["memagent", "memcollector"] {
            let target = folder.path + "/" + name
            // By another program: a file that this one has open for writing, others that are
            // started meanwhile have, too, and it cannot be executed.
            let copy = try await Program.run("/bin/cp", [Program.folder + "/" + name, target])
            guard copy.status == 0 else { throw Program.Failure(description: copy.errors) }
            chmod(target, 0o755)
        }
    }

    /// Starts one of them as that user; the caller must be root.
    public func start(_ name: String, _ arguments: [String]) throws -> Program {
        let words = try command(name, arguments)
        return try Program(words[0], Array(words.dropFirst()))
    }

    /// The command line that starts one of them as that user (`setpriv(1)`).
    public func command(_ name: String, _ arguments: [String]) throws -> [String] {
        let path = ["/usr/bin/setpriv", "/bin/setpriv"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let path else { throw Program.Failure(description: "there is no setpriv") }
        return [
            path, "--reuid", "\(Self.userID)", "--regid", "\(Self.userID)", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", folder.path + "/" + name,
        ] + arguments
    }
}
