import Foundation
import PythonStacks
import TestSupport
import Testing

/// A file in memory that counts what is read of it.
private final class CountedSource: ElfSource {
    var content: [UInt8]
    var readCount = 0
    var byteCount = 0

    init(_ content: [UInt8]) {
        self.content = content
    }

    func bytes(atOffset offset: UInt64, count: Int) -> [UInt8]? {
        readCount += 1
        guard let start = Int(exactly: offset), count >= 0, start <= content.count,
            count <= content.count - start
        else { return nil }
        byteCount += count
        return Array(content[start..<(start + count)])
    }
}

/// A file whose 1,024 sections all are the same million symbols, none with the name looked for.
private final class CrowdedSource: ElfSource {
    var readCount = 0

    func bytes(atOffset offset: UInt64, count: Int) -> [UInt8]? {
        readCount += 1
        var bytes = [UInt8](repeating: 0, count: count)
        func write(_ value: UInt64, _ size: Int, at place: Int) {
            for byte in 0..<size { bytes[place + byte] = UInt8(value >> (8 * byte) & 255) }
        }
        if offset == 0, count == 64 {
            bytes.replaceSubrange(0..<6, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
            write(64, 8, at: 40)
            write(56, 2, at: 54)
            write(64, 2, at: 58)
            write(1_024, 2, at: 60)
        } else if count == 65_536 {
            for section in 0..<1_024 {
                write(2, 4, at: section * 64 + 4)
                write(1 << 20, 8, at: section * 64 + 24)
                write(24 << 20, 8, at: section * 64 + 32)
            }
        } else if count % 24 == 0 {
            for symbol in 0..<count / 24 {
                bytes[symbol * 24 + 4] = 1
                bytes[symbol * 24 + 6] = 1
                bytes[symbol * 24 + 8] = 1
            }
        }
        return bytes
    }
}

/// Symbols are found in every real libpython, and a broken one harms nothing.
@Suite("ELF files")
struct ElfImageTests {
    /// Programs and libraries with an interpreter in them.
    private static let files: [String] = Interpreters.all.compactMap { interpreter in
        let real = URL(fileURLWithPath: interpreter).resolvingSymlinksInPath()
        let library = real.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "lib/lib\(real.lastPathComponent).so.1.0").path
        return FileManager.default.fileExists(atPath: library) ? library : real.path
    }

    private func content(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func word(_ content: [UInt8], _ offset: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 | Int(content[offset + $1]) << (8 * $1) }
    }

    /// The program headers' end and the place of the dynamic section.
    private func places(_ content: [UInt8]) -> (headersEnd: Int, dynamic: Range<Int>) {
        let start = word(content, 32, 8)
        let count = word(content, 56, 2)
        var dynamic = 0..<0
        for index in 0..<count where word(content, start + index * 56, 4) == 2 {
            let offset = word(content, start + index * 56 + 8, 8)
            dynamic = offset..<(offset + word(content, start + index * 56 + 32, 8))
        }
        return (start + count * 56, dynamic)
    }

    /// A reference answer by a plain walk through the section `.dynsym`.
    private func slowValue(_ symbol: String, _ content: [UInt8]) -> UInt64? {
        let sections = word(content, 40, 8)
        for index in 0..<word(content, 60, 2) {
            let header = sections + index * 64
            guard word(content, header + 4, 4) == 11 else { continue }
            let strings = word(content, sections + word(content, header + 40, 4) * 64 + 24, 8)
            let start = word(content, header + 24, 8)
            for offset in stride(from: start, to: start + word(content, header + 32, 8), by: 24) {
                let name = strings + word(content, offset, 4)
                if content[name...].starts(with: Array(symbol.utf8) + [0]) {
                    return UInt64(word(content, offset + 8, 8))
                }
            }
        }
        return nil
    }

    @Test("however many sections name a table of symbols, a search ends soon")
    func crowded() throws {
        let source = CrowdedSource()
        let image = try #require(ElfImage(source))
        #expect(image.value(of: "_PyRuntime") == nil)
        #expect(source.readCount > 10_000 && source.readCount < 70_000)
    }

    @Test("symbols have the values of the symbol table, with each kind of table", arguments: files)
    func symbols(_ path: String) throws {
        let whole = try content(path)
        let dynamic = places(whole).dynamic
        let symbols = ["_PyRuntime", "PyCode_Type", "PyUnicode_Type", "PyBytes_Type"]
        let expected = symbols.map { slowValue($0, whole) }
        #expect(!expected.contains(nil))
        func values(_ content: [UInt8]) throws -> [UInt64?] {
            let image = try #require(ElfImage(CountedSource(content)))
            return symbols.map { image.value(of: $0) }
        }
        func without(tag: Int, _ content: [UInt8]) -> [UInt8] {
            var content = content
            for offset in stride(from: dynamic.lowerBound, to: dynamic.upperBound, by: 16)
            where word(content, offset, 8) == tag { content[offset + 1] = 0x77 }
            return content
        }
        #expect(try values(whole) == expected)
        var stripped = whole
        for index in [60, 61] { stripped[index] = 0 }
        #expect(try values(stripped) == expected, "stripped of its sections")
        let withoutGNU = without(tag: 0x6FFF_FEF5, whole)
        #expect(try values(withoutGNU) == expected, "without a GNU hash table")
        let withoutHashes = without(tag: 4, withoutGNU)
        #expect(try values(withoutHashes) == expected, "by its sections alone")
        let image = try #require(ElfImage(CountedSource(whole)))
        #expect(image.value(of: "no such symbol") == nil && image.value(of: "") == nil)
        #expect(image.value(of: "malloc") == nil, "what another library defines is not its own")
    }

    @Test("every cut of the headers, and every cut of the file elsewhere, is survived")
    func truncations() throws {
        let whole = try content(try #require(Self.files.first))
        let (headersEnd, dynamic) = places(whole)
        var lengths = Array(0...(headersEnd + 64))
        lengths += Array(stride(from: dynamic.lowerBound, to: dynamic.upperBound, by: 3))
        lengths += Array(stride(from: headersEnd, to: whole.count, by: 65_536))
        for length in lengths {
            let source = CountedSource(Array(whole[..<min(length, whole.count)]))
            let value = ElfImage(source)?.value(of: "_PyRuntime")
            if length < headersEnd { #expect(value == nil, "cut at \(length)") }
            #expect(source.readCount < 20_000 && source.byteCount < 64 << 20, "cut at \(length)")
        }
    }

    @Test("flipped bytes in headers and tables end in a value or in none, after bounded reads")
    func flippedBytes() throws {
        var generator = SeededGenerator()
        let whole = try content(try #require(Self.files.first))
        let (headersEnd, dynamic) = places(whole)
        let source = CountedSource(whole)
        func check(_ offset: Int, _ value: UInt8) {
            let before = source.content[offset]
            source.content[offset] = value
            (source.readCount, source.byteCount) = (0, 0)
            _ = ElfImage(source)?.value(of: "_PyRuntime")
            source.content[offset] = before
            // At most a million symbols are searched, and a name is read of objects only.
            #expect(
                source.readCount < 2 << 20 && source.byteCount < 512 << 20,
                "byte \(offset) is \(value)")
        }
        for offset in 0..<headersEnd {
            check(offset, ~whole[offset])
            check(offset, whole[offset] ^ 1 << UInt8.random(in: 0...7, using: &generator))
        }
        for offset in dynamic { check(offset, UInt8.random(in: 0...255, using: &generator)) }
        for _ in 0..<3_000 {
            let offset = Int.random(in: headersEnd..<min(whole.count, 1 << 20), using: &generator)
            check(offset, UInt8.random(in: 0...255, using: &generator))
        }
        print("ELF: \(generator)")
    }

    @Test("random bytes behind a right beginning are survived")
    func randomFiles() {
        var generator = SeededGenerator()
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...2_000, using: &generator)
            var content = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let start: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1]
            if count >= 64 {
                content.replaceSubrange(0..<6, with: start)
                for index in 32..<48 where index % 8 > 1 { content[index] = 0 }
                (content[54], content[55], content[57]) = (56, 0, 0)
                (content[58], content[59], content[61]) = (64, 0, 0)
            }
            let source = CountedSource(content)
            _ = ElfImage(source)?.value(of: "_PyRuntime")
            #expect(source.readCount < 1 << 20, "\(generator)")
        }
    }
}
