import Foundation

/// The tables of a Markdown text, read as far as this project's own texts need it.
enum MarkdownTable {
    /// The cells of all table rows below the first heading that `isHeading` accepts, down to the
    /// next heading of the same or a higher level; rows of dashes left out.
    static func rows(of text: String, below isHeading: (String) -> Bool) -> [[String]] {
        section(of: text, below: isHeading).compactMap(cells)
            .filter { !$0.allSatisfy { cell in cell.allSatisfy { "-: ".contains($0) } } }
    }

    /// The lines of that section, without its heading.
    static func section(of text: String, below isHeading: (String) -> Bool) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(where: { level(of: $0) > 0 && isHeading($0) }) else {
            return []
        }
        let depth = level(of: lines[start])
        return Array(lines[(start + 1)...].prefix { !(1...depth).contains(level(of: $0)) })
    }

    /// The words in backticks in a cell.
    static func codeWords(_ cell: String) -> [String] {
        cell.matches(of: /`([^`]+)`/).map { String($0.output.1) }
    }

    private static func level(of line: String) -> Int {
        let hashes = line.prefix { $0 == "#" }.count
        return line.dropFirst(hashes).hasPrefix(" ") ? hashes : 0
    }

    private static func cells(_ line: String) -> [String]? {
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        guard trimmed.hasPrefix("|"), trimmed.hasSuffix("|"), trimmed.count > 1 else { return nil }
        return trimmed.dropFirst().dropLast().split(
            separator: "|", omittingEmptySubsequences: false
        )
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
