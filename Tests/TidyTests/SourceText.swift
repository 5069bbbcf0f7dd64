/// A source text taken apart into what is code and what is a string literal; comments are in
/// neither.
///
/// It knows nested comments, raw and multi-line strings and interpolation, in which code goes on.
/// Regular expression literals are not known to it: the sources have none.
struct SourceText {
    enum Language { case swift, c }

    /// A string literal and the line on which it begins, counted from 1.
    struct Literal: Equatable {
        let line: Int
        let text: String
    }

    /// The lines without comments, and with nothing between the quotes of literals.
    private(set) var codeLines: [String] = []
    private(set) var literals: [Literal] = []
    /// The lines, counted from 1, that lie inside of a multi-line literal.
    private(set) var multilineLiteralLines: Set<Int> = []

    private enum Mode {
        case code(openParentheses: Int)
        case literal(hashes: Int, quotes: Int, firstLine: Int, text: String)
    }

    private let characters: [Character]
    private let language: Language
    private var position = 0
    private var line = 1
    private var code = ""
    private var modes: [Mode] = [.code(openParentheses: 0)]

    init(_ source: String, language: Language = .swift) {
        // "\r\n" is one Character; the rules count lines by "\n".
        characters = Array(source.filter { $0 != "\r" })
        self.language = language
        while position < characters.count { step() }
        codeLines.append(code)
    }

    private mutating func step() {
        if characters[position] == "\n" {
            endLine()
            return
        }
        switch modes[modes.count - 1] {
        case .code(let open): stepInCode(open)
        case .literal(let hashes, let quotes, let firstLine, let text):
            stepInLiteral(hashes, quotes, firstLine, text)
        }
    }

    private mutating func endLine() {
        if case .literal(let hashes, let quotes, let firstLine, let text) = modes[modes.count - 1] {
            if quotes == 3 {
                modes[modes.count - 1] = .literal(
                    hashes: hashes, quotes: quotes, firstLine: firstLine, text: text + "\n")
                multilineLiteralLines.insert(line + 1)
            }
        }
        codeLines.append(code)
        code = ""
        line += 1
        position += 1
    }

    private mutating func stepInCode(_ open: Int) {
        if starts(with: "//") {
            while position < characters.count, characters[position] != "\n" { position += 1 }
        } else if starts(with: "/*") {
            skipBlockComment()
        } else if language == .c, characters[position] == "'" {
            skipCharacterConstant()
        } else if let (hashes, quotes) = openingDelimiter() {
            modes.append(.literal(hashes: hashes, quotes: quotes, firstLine: line, text: ""))
            code.append("\"")
            position += hashes + quotes
        } else {
            followParentheses(open)
            code.append(characters[position])
            position += 1
        }
    }

    /// Counts parentheses, and ends an interpolation where its own is closed.
    private mutating func followParentheses(_ open: Int) {
        switch characters[position] {
        case "(": modes[modes.count - 1] = .code(openParentheses: open + 1)
        case ")" where open == 0 && modes.count > 1: modes.removeLast()
        case ")": modes[modes.count - 1] = .code(openParentheses: max(0, open - 1))
        default: break
        }
    }

    private mutating func stepInLiteral(
        _ hashes: Int, _ quotes: Int, _ firstLine: Int, _ text: String
    ) {
        let fence = String(repeating: "#", count: hashes)
        if starts(with: "\\" + fence + "("), language == .swift {
            modes.append(.code(openParentheses: 0))
            code.append("(")
            position += 2 + hashes
        } else if starts(with: "\\" + fence) {
            keep(1 + hashes + 1)
        } else if starts(with: String(repeating: "\"", count: quotes) + fence) {
            modes.removeLast()
            literals.append(Literal(line: firstLine, text: text))
            code.append("\"")
            position += quotes + hashes
        } else {
            keep(1)
        }
    }

    /// Adds the next characters, as many as there are, to the literal.
    private mutating func keep(_ count: Int) {
        guard case .literal(let hashes, let quotes, let first, let text) = modes[modes.count - 1]
        else { return }
        var end = min(position + count, characters.count)
        if let newline = characters[position..<end].firstIndex(of: "\n") { end = newline }
        modes[modes.count - 1] = .literal(
            hashes: hashes, quotes: quotes, firstLine: first,
            text: text + String(characters[position..<end]))
        position = end
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if starts(with: "/*"), language == .swift || depth == 0 {
                depth += 1
                position += 2
            } else if starts(with: "*/") {
                depth -= 1
                position += 2
            } else if characters[position] == "\n" {
                endLine()
            } else {
                position += 1
            }
        } while depth > 0 && position < characters.count
    }

    private mutating func skipCharacterConstant() {
        position += 1
        while position < characters.count, characters[position] != "'", characters[position] != "\n"
        {
            position += characters[position] == "\\" ? 2 : 1
        }
        if position < characters.count, characters[position] == "'" { position += 1 }
    }

    private func openingDelimiter() -> (hashes: Int, quotes: Int)? {
        var quote = position
        while quote < characters.count, characters[quote] == "#", language == .swift { quote += 1 }
        guard quote < characters.count, characters[quote] == "\"" else { return nil }
        let triple = characters[quote...].prefix(3).allSatisfy { $0 == "\"" }
        let isMultiline = language == .swift && triple && quote + 2 < characters.count
        return (quote - position, isMultiline ? 3 : 1)
    }

    private func starts(with prefix: String) -> Bool {
        characters[position...].starts(with: Array(prefix))
    }
}
