import Foundation
import Synchronization

/// A folder of its own for a test, removed with the last reference to it, or when the tests end.
public final class TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// The folders that are there; what tests share until they end has no last reference.
    private static let kept = Mutex<Set<String>>([])
    private static let removesAtExit: Bool = {
        atexit { TemporaryFolder.kept.withLock { $0 }.forEach(TemporaryFolder.remove) } == 0
    }()

    /// Makes the folder; throws what the file system says.
    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("highwater-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
        precondition(TemporaryFolder.removesAtExit, "there is room for one more exit handler")
        TemporaryFolder.kept.withLock { _ = $0.insert(path) }
    }

    deinit {
        TemporaryFolder.kept.withLock { _ = $0.remove(path) }
        TemporaryFolder.remove(path)
    }

    private static func remove(_ path: String) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            FileHandle.standardError.write(Data("cannot remove \(path): \(error)\n".utf8))
        }
    }
}
