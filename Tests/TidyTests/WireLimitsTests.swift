import Foundation
import Testing

/// Numbers as the specification and the code write them.
enum WrittenNumber {
    /// The value of `262_144`, `262,144 bytes`, `2^18`, `1 << 18`, `256 * 1024` or `256 KiB`;
    /// nil when it is none of these.
    static func value(_ text: String) -> UInt64? {
        let plain = text.replacing("`", with: "").trimmingCharacters(in: .whitespaces)
        guard
            let match = plain.prefixMatch(of: #/(\d[\d_,]*)\s*(?:(\^|<<|\*)\s*([\d_,]+)|(\w+))?/#),
            let first = digits(match.output.1)
        else { return nil }
        if let sign = match.output.2, let second = match.output.3.flatMap(digits) {
            return combine(first, sign, second)
        }
        let units: [Substring: UInt64] = ["KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        return match.output.4.flatMap { units[$0] }.map { first * $0 } ?? first
    }

    private static func combine(_ first: UInt64, _ sign: Substring, _ second: UInt64) -> UInt64? {
        switch sign {
        case "*": first.multipliedReportingOverflow(by: second).partialValue
        case "<<": second < 64 ? first << second : nil
        default: first == 2 && second < 64 ? 1 << second : nil
        }
    }

    private static func digits(_ text: Substring) -> UInt64? {
        UInt64(text.filter(\.isNumber))
    }
}

@Suite("Wire limits")
struct WireLimitsTests {
    /// The constants of WireLimits by name, as the code writes them.
    private func constants() throws -> [String: UInt64] {
        let code = try SourceFile(reading: "Sources/Wire/WireLimits.swift").text.codeLines
        var values: [String: UInt64] = [:]
        for line in code {
            let declaration = /^\s*public static let (\w+)\s*(?::\s*\w+)?\s*=\s*(.+)$/
            guard let match = line.firstMatch(of: declaration) else { continue }
            let name = String(match.output.1)
            let value: UInt64 = try #require(
                WrittenNumber.value(String(match.output.2)), "not a number: \(line)")
            values[name] = value
        }
        return values
    }

    /// The rows of the table "Limits" of the specification.
    private func specified() throws -> [String: UInt64] {
        let markdown = try Repository.text("Protocol/frame-v1.md")
        let rows = MarkdownTable.rows(of: markdown, below: { $0.hasSuffix(" Limits") })
        var values: [String: UInt64] = [:]
        for row in rows where row.count >= 2 {
            guard let name = MarkdownTable.codeWords(row[0]).first else { continue }
            let value: UInt64 = try #require(
                WrittenNumber.value(row[1]), "not a number: \(row)")
            values[name] = value
        }
        return values
    }

    @Test("The limits of Protocol/frame-v1.md are the constants of WireLimits, all of them")
    func limits() throws {
        let specified = try specified()
        let constants = try constants()
        #expect(specified.count >= 8)
        for name in Set(specified.keys).union(constants.keys).sorted() {
            #expect(specified[name] == constants[name], "\(name) differs")
        }
    }

    @Test(
        "Numbers are understood as people write them",
        arguments: [
            "262_144", "262,144", "262,144 bytes (256 KiB)", "2^18", "`2^18` = 262,144", "1 << 18",
            "256 * 1024", "256 KiB",
        ])
    func numbers(_ text: String) {
        #expect(WrittenNumber.value(text) == 262_144)
    }

    @Test("What is no number is none", arguments: ["", "about 5", "maximumBytes", "2^64", "3^2"])
    func notNumbers(_ text: String) {
        #expect(WrittenNumber.value(text) == nil)
    }
}
