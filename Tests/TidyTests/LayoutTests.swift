import Foundation
import Testing

@Suite("Layout")
struct LayoutTests {
    /// The targets without a test folder of their own, and the tests that prove them.
    static let testedElsewhere = [
        "CLinux": "ProcessSamplerTests",
        "CZlib": "WireTests",
        "CNcurses": "TerminalTests",
        "PeakStore": "SQLiteStoreTests",
        "CollectorClient": "EndToEndTests",
        "LogOutput": "EndToEndTests",
        "CommandLineProgram": "EndToEndTests",
        "memagent": "EndToEndTests",
        "memcollector": "EndToEndTests",
        "memfleet": "EndToEndTests",
    ]

    @Test("Every folder of Sources has its tests")
    func everyTargetIsTested() throws {
        let targets = try Repository.folders(in: "Sources")
        let tests = Set(try Repository.folders(in: "Tests"))
        #expect(targets.contains("MemoryModel"))
        let untested = targets.filter {
            !tests.contains("\($0)Tests") && !tests.contains(Self.testedElsewhere[$0] ?? "none")
        }
        #expect(untested == [])
    }

    @Test("Package.swift declares every folder of Sources and Tests")
    func everyFolderIsDeclared() throws {
        let package = try SourceFile(reading: "Package.swift")
        let names = Set(package.text.literals.map(\.text))
        // Benchmarks are a package of their own, so that their dependencies stay there.
        let folders = try Repository.folders(in: "Sources") + Repository.folders(in: "Tests")
        #expect(folders.filter { !names.contains($0) && $0 != "Benchmarks" } == [])
    }

    @Test("No folder or file has a name that says nothing")
    func names() throws {
        let paths = try Repository.files(below: "Sources", extensions: ["swift", "c", "h"])
        let empty = /(Util|Helper|Manager|Common|Misc|Placeholder)s?(\.swift|\/|\.c|\.h)/
        #expect(paths.filter { $0.firstMatch(of: empty) != nil } == [])
    }

    @Test("The top level has the folders that everybody looks for, and no others")
    func topLevel() throws {
        let allowed: Set = ["Protocol", "Sources", "Tests", "deploy"]
        #expect(Set(try Repository.folders(in: "")).subtracting(allowed) == [])
    }

    @Test("README names every target of make, and make has every target that README names")
    func makeTargets() throws {
        let makefile = try Repository.text("Makefile")
        let declared = Set(
            makefile.matches(of: #/(?m)^([a-z-]+):[^\n#]*## /#).map { String($0.output.1) })
        let readme = try Repository.text("README.md")
        let named = Set(
            readme.matches(of: #/\bmake ([a-z-]+)\b/#).map { String($0.output.1) })
        #expect(declared.isSuperset(of: ["demo", "test", "check", "build", "help"]))
        #expect(declared.subtracting(named) == [])
        // "make" is an English verb, too: what counts is code, in backticks or indented.
        let code = Set(
            readme.matches(of: #/(?m)(?:`|^\s*)make ([a-z-]+)\b/#).map { String($0.output.1) })
        #expect(code.subtracting(declared) == [])
    }
}
