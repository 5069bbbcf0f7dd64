import Foundation
import Testing

@Suite("Source rules")
struct SourceRulesTests {
    typealias Rule = @Sendable (SourceFile) -> [Finding]

    static let rulesForSources: [(name: String, rule: Rule)] = [
        ("no path of procfs outside of ProcRoot", SourceRules.procPaths),
        ("no path of one machine", SourceRules.machinePaths),
        ("no unfinished work", SourceRules.unfinishedWork),
        ("no trap on input", SourceRules.trapsOnInput),
        ("no print outside of the programs", SourceRules.prints),
    ]

    @Test("The sources keep each rule of the house", arguments: rulesForSources.indices)
    func sourcesKeepTheRules(_ index: Int) throws {
        let (name, rule) = Self.rulesForSources[index]
        let sources = try Repository.sources()
        #expect(sources.count >= 20)
        let findings = sources.flatMap(rule)
        #expect(findings.isEmpty, "\(name):\n\(report(findings))")
    }

    @Test("No file is longer than 450 lines and no line longer than 100 columns")
    func sizes() throws {
        let tests = try Repository.files(below: "Tests", extensions: ["swift", "c", "h"])
            .map(SourceFile.init(reading:))
        let package = try SourceFile(reading: "Package.swift")
        let files = try Repository.sources() + tests + [package]
        let findings = files.flatMap { SourceRules.longFile($0) + SourceRules.longLines(in: $0) }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("No text file of the project names the folder in which it was checked out")
    func noCheckoutPaths() throws {
        let checkout = Repository.root.path(percentEncoded: false)
        let folders = ["Sources", "Tests", "Protocol", "deploy"]
        let paths =
            try folders.flatMap {
                try Repository.files(below: $0, extensions: ["swift", "md", "c", "h", "sh", "py"])
            } + ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", "Package.swift"]
        let guilty = try paths.filter { try Repository.text($0).contains(checkout) }
        // A checkout directly below the root would forbid a word like "/src/".
        if checkout.split(separator: "/").count > 1 { #expect(guilty.isEmpty) }
    }

    @Test(
        "Each rule finds what it is for",
        arguments: [
            (0, "let a = \"/proc/1/stat\""), (0, "let a = \"\\(root)/proc\""),
            (1, "let a = \"/tmp/x\""), (2, "/// TODO: later"), (3, "let a = try! f()"),
            (3, "fatalError(\"no\")"), (3, "f(\"\\(a as! B)\")"), (4, "print(\"a\")"),
        ])
    func rulesFind(_ index: Int, _ source: String) {
        let file = SourceFile(path: "Sources/Wire/Sample.swift", content: source)
        #expect(Self.rulesForSources[index].rule(file).count == 1)
    }

    @Test(
        "No rule finds what is allowed",
        arguments: [
            "/// Reads `/proc/PID/stat`.", "let a = \"Read /proc of this host.\"",
            "let a = \"/process\"", "let a = \"/proc-like\"", "writer.print(a)",
            "let a = \"print(x), try! and as! are words here\"", "func fingerprint(_ a: Int) {}",
        ])
    func rulesAllow(_ source: String) {
        let file = SourceFile(path: "Sources/Wire/Sample.swift", content: source)
        let findings = Self.rulesForSources.flatMap { $0.rule(file) }
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("A file of 451 lines and a line of 101 columns are found; 450 and 100 are not")
    func sizesAreFound() {
        func file(lines: Int, columns: Int) -> SourceFile {
            let content = String(repeating: "\n", count: lines - 1)
            return SourceFile(
                path: "Tests/X.swift",
                content: content + String(repeating: "a", count: columns) + "\n")
        }
        #expect(SourceRules.longFile(file(lines: 451, columns: 1)).count == 1)
        #expect(SourceRules.longFile(file(lines: 450, columns: 1)).isEmpty)
        #expect(SourceRules.longLines(in: file(lines: 2, columns: 101)).count == 1)
        #expect(SourceRules.longLines(in: file(lines: 2, columns: 100)).isEmpty)
    }
}

/// The findings, one a line.
func report(_ findings: [Finding]) -> String {
    findings.map(\.description).joined(separator: "\n")
}
