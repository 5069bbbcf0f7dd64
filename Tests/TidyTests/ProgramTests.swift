import Foundation
import Testing

/// Runs the programs that were built with these tests.
enum BuiltProgram {
    /// The folder of the programs that were built along with these tests.
    ///
    /// These link the Swift runtime dynamically, so that its libraries can be listed.
    static var builtFolder: URL {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let isBuilt = FileManager.default.fileExists(
            atPath: bundle.appending(path: "memagent").path)
        return isBuilt ? bundle : Repository.root.appending(path: ".build/debug")
    }

    /// The folder of the programs to run: HIGHWATER_BIN, else those built along with the tests.
    static var folder: URL {
        guard let path = ProcessInfo.processInfo.environment["HIGHWATER_BIN"] else {
            return builtFolder
        }
        return URL(filePath: path)
    }

    /// Whether a program can be run; the simulated fleet is not among those for use.
    static func isThere(_ program: String) -> Bool {
        program != "memfleet"
            || FileManager.default.fileExists(atPath: folder.appending(path: program).path)
    }

    /// The standard output of a program that must exit 0.
    static func output(of path: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ["LC_ALL": "C", "PATH": "/usr/bin:/bin", "COLUMNS": "200"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(path) \(arguments) failed")
        return String(decoding: data, as: UTF8.self)
    }
}

@Suite("Programs")
struct ProgramTests {
    @Test("memagent links no SQLite and of Foundation only its essentials")
    func agentLibraries() throws {
        let agent = BuiltProgram.builtFolder.appending(path: "memagent").path
        let listing = try BuiltProgram.output(of: "/usr/bin/ldd", [agent])
        let libraries = listing.split(separator: "\n").compactMap { line in
            line.split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
        // Of a program with the runtime linked in, the list would say nothing about Foundation.
        #expect(libraries.contains { $0.hasPrefix("libswiftCore.so") })
        let forbidden = [
            "libsqlite3", "libFoundation.so", "libFoundationNetworking.so",
            "libFoundationInternationalization.so", "libFoundationXML.so", "lib_FoundationICU.so",
            "libcurl", "libssl",
        ]
        let found = libraries.filter { library in
            forbidden.contains { library.split(separator: "/").last?.hasPrefix($0) ?? false }
        }
        #expect(found == [])
    }

    @Test(
        "README tells of every option of the programs, and of no other",
        arguments: ["memagent", "memcollector", "memfleet"].filter(BuiltProgram.isThere))
    func options(_ program: String) throws {
        let path = BuiltProgram.folder.appending(path: program).path
        let help = try BuiltProgram.output(of: path, ["--help"])
        let helps =
            try [help]
            + subcommands(in: help).map { try BuiltProgram.output(of: path, [$0, "--help"]) }
        let known = Set(helps.flatMap(options(in:)))
        #expect(!known.isEmpty)

        let readme = try Repository.text("README.md")
        let section = MarkdownTable.section(of: readme, below: { $0.hasSuffix(" `\(program)`") })
        let told = Set(section.flatMap(options(in:)))
        let ofEveryProgram: Set = ["--help", "--version"]
        #expect(known.subtracting(told).subtracting(ofEveryProgram).sorted() == [])
        #expect(told.subtracting(known).subtracting(ofEveryProgram).sorted() == [])
    }

    private func options(in text: String) -> [String] {
        text.matches(of: /(?:^|[^\w-])(--[a-z][a-z-]*[a-z])/).map { String($0.output.1) }
    }

    /// The names below the line "SUBCOMMANDS:" of a help text.
    private func subcommands(in help: String) -> [String] {
        help.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "SUBCOMMANDS:" }.dropFirst().prefix { $0.hasPrefix("  ") }
            .compactMap { line in
                guard !line.hasPrefix("   "), let name = line.split(separator: " ").first else {
                    return nil
                }
                return String(name)
            }
    }
}
