import Foundation
import Testing

/// Which target may import what: the table "Targets" of ARCHITECTURE.md.
struct ImportMatrix {
    /// The allowed modules by target; `NIO*` allows every module whose name begins so.
    let allowed: [String: Set<String>]
    /// The targets that the table announces and that need not be there yet.
    let later: Set<String>

    init(markdown: String) {
        var allowed: [String: Set<String>] = [:]
        var later: Set<String> = []
        for row in MarkdownTable.rows(of: markdown, below: { $0.hasSuffix(" Targets") })
        where row.count == 3 {
            for target in MarkdownTable.codeWords(row[0]) {
                allowed[target] = Set(MarkdownTable.codeWords(row[2]))
                if row[1].hasPrefix("Later:") { later.insert(target) }
            }
        }
        self.allowed = allowed
        self.later = later
    }

    func allows(_ module: String, in target: String) -> Bool {
        let names = allowed[target] ?? []
        return names.contains(module)
            || names.contains { $0.hasSuffix("*") && module.hasPrefix($0.dropLast()) }
    }

    /// The modules that a Swift file imports, with their lines.
    static func imports(of file: SourceFile) -> [(module: String, line: Int)] {
        let statement =
            #/
            ^\s*
            (?:(?:@\w+(?:\([^)]*\))?|public|package|internal|fileprivate|private)\s+)*
            import\s+
            (?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)?
            (\w+)
            /#
        return file.text.codeLines.enumerated().compactMap { offset, line in
            guard let match = line.firstMatch(of: statement) else { return nil }
            return (String(match.output.1), offset + 1)
        }
    }
}

@Suite("Import matrix")
struct ImportMatrixTests {
    private func matrix() throws -> ImportMatrix {
        ImportMatrix(markdown: try Repository.text("ARCHITECTURE.md"))
    }

    @Test("Every target imports only what the table of ARCHITECTURE.md allows")
    func imports() throws {
        let matrix = try matrix()
        var count = 0
        var findings: [Finding] = []
        for file in try Repository.sources() where file.path.hasSuffix(".swift") {
            for (module, line) in ImportMatrix.imports(of: file) {
                count += 1
                guard !matrix.allows(module, in: file.target) else { continue }
                findings.append(
                    Finding(
                        path: file.path, line: line, text: "\(file.target) imports \(module)"))
            }
        }
        #expect(count > 10)
        #expect(findings.isEmpty, "\(report(findings))")
    }

    @Test("The table has a row for every folder of Sources, and no row for one that is not there")
    func rows() throws {
        let matrix = try matrix()
        let folders = Set(try Repository.folders(in: "Sources"))
        #expect(folders.subtracting(matrix.allowed.keys).sorted() == [])
        #expect(Set(matrix.allowed.keys).subtracting(folders).subtracting(matrix.later) == [])
    }

    @Test("The table's own order has no circle: no target imports one that imports it")
    func noCircle() throws {
        let allowed = try matrix().allowed
        func reaches(_ goal: String, from start: String, without seen: Set<String>) -> Bool {
            (allowed[start] ?? []).contains { next in
                next == goal
                    || !seen.contains(next)
                        && reaches(goal, from: next, without: seen.union([next]))
            }
        }
        #expect(allowed.keys.filter { reaches($0, from: $0, without: [$0]) } == [])
    }

    @Test("The model imports nothing, and the insides of both programs no Foundation")
    func core() throws {
        let matrix = try matrix()
        #expect(matrix.allowed["MemoryModel"] == [])
        #expect(matrix.allowed.keys.filter { matrix.allows("Foundation", in: $0) } == [])
        #expect(!matrix.allows("GRDB", in: "Collector"))
        #expect(!matrix.allows("SQLiteStore", in: "Agent"))
    }

    @Test("Imports are found in all their spellings, and not in comments and texts")
    func parsing() {
        let file = SourceFile(
            path: "Sources/Wire/A.swift",
            content: """
                import A
                public import B
                @preconcurrency internal import struct C.D
                @_spi(X) private import E  // import F
                // import G
                let text = "import H"
                    import I.J
                """)
        #expect(ImportMatrix.imports(of: file).map(\.module) == ["A", "B", "C", "E", "I"])
    }
}
