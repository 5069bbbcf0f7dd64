import Foundation
import Testing

/// The files of this repository, as the rules read them.
enum Repository {
    /// The folder that holds Package.swift.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The targets that are programs: only these may print.
    static let programs: Set<String> = ["memagent", "memcollector", "memfleet"]

    /// The text of a file, by its path from the root.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The names of the folders in `path`, sorted; hidden ones left out.
    static func folders(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            at: root.appending(path: path), includingPropertiesForKeys: [.isDirectoryKey],
            options: .skipsHiddenFiles
        )
        .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false }
        .map(\.lastPathComponent).sorted()
    }

    /// The paths from the root of all files below `folder` that end in one of `extensions`.
    ///
    /// Sorted. Recorded fixtures and hidden folders are left out.
    static func files(below folder: String, extensions: Set<String>) throws -> [String] {
        let directory = root.appending(path: folder)
        let walk = try #require(FileManager.default.subpaths(atPath: directory.path))
        return walk.filter { path in
            let parts = path.split(separator: "/")
            return extensions.contains((path as NSString).pathExtension)
                && !parts.contains { $0.hasPrefix(".") || $0 == "Fixtures" }
        }
        .map { "\(folder)/\($0)" }.sorted()
    }

    /// The sources of the programs and their libraries, read and taken apart.
    static func sources() throws -> [SourceFile] { try sourcesRead.get() }

    /// They are taken apart once, because that takes longer than all rules.
    private static let sourcesRead = Result {
        try files(below: "Sources", extensions: ["swift", "c", "h"]).map(SourceFile.init(reading:))
    }
}

/// One source file and what the rules need to know of it.
struct SourceFile {
    let path: String
    let content: String
    let text: SourceText

    init(path: String, content: String) {
        self.path = path
        self.content = content
        text = SourceText(content, language: path.hasSuffix(".swift") ? .swift : .c)
    }

    init(reading path: String) throws {
        self.init(path: path, content: try Repository.text(path))
    }

    /// The target that a file below Sources belongs to.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
}
