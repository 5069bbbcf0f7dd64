import Foundation
import Testing

/// Screens that are kept beside the tests and compared byte by byte.
///
/// With `HIGHWATER_REWRITE_SNAPSHOTS=1` in the environment they are written anew instead, and
/// the test fails, so that nobody leaves it set.
enum Snapshot {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Snapshots")

    static func expect(
        _ text: String, is name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = folder.appending(path: name)
        if ProcessInfo.processInfo.environment["HIGHWATER_REWRITE_SNAPSHOTS"] == "1" {
            try Data(text.utf8).write(to: file)
            Issue.record("wrote \(name) anew", sourceLocation: sourceLocation)
            return
        }
        let kept = try String(decoding: Data(contentsOf: file), as: UTF8.self)
        #expect(text == kept, "differs from Snapshots/\(name)", sourceLocation: sourceLocation)
    }
}
