import Testing

@Suite("Source text")
struct SourceTextTests {
    @Test("Comments, also nested ones, are neither code nor literals")
    func comments() {
        let text = SourceText("a // \"x\" print(\nb /* c /* d */ \"y\"\n e */ f\n/// \"/proc\"")
        #expect(text.codeLines == ["a ", "b ", " f", ""])
        #expect(text.literals == [])
    }

    @Test("Literals are found with their line, escapes and raw fences")
    func literals() {
        let text = SourceText("let a = \"x \\\" // y\"\nlet b = #\"p\"q\\n\"# + \"\"")
        #expect(text.codeLines == ["let a = \"\"", "let b = \"\" + \"\""])
        #expect(
            text.literals == [
                .init(line: 1, text: "x \\\" // y"), .init(line: 2, text: "p\"q\\n"),
                .init(line: 2, text: ""),
            ])
    }

    @Test("Code goes on inside of an interpolation, with literals of its own")
    func interpolation() {
        let text = SourceText("let a = \"1 \\(f(x, \"in)ner\") as! Y) 2\" + z")
        #expect(text.codeLines == ["let a = \"(f(x, \"\") as! Y)\" + z"])
        #expect(text.literals.map(\.text) == ["in)ner", "1  2"])
    }

    @Test("A multi-line literal is one literal, and its lines are known")
    func multiline() {
        let text = SourceText("a = \"\"\"\n    one \"two\"\n    // three\n    \"\"\"\nb")
        #expect(text.codeLines == ["a = \"", "", "", "\"", "b"])
        #expect(text.literals.map(\.text) == ["\n    one \"two\"\n    // three\n    "])
        #expect(text.multilineLiteralLines == [2, 3, 4])
    }

    @Test("A quote as a C character constant opens no literal")
    func characterConstants() {
        let text = SourceText("if (c == '\"' || c == '\\'') f(\"s\");", language: .c)
        #expect(text.literals.map(\.text) == ["s"])
    }

    @Test(
        "A text that ends anywhere is read to its end",
        arguments: ["\"", "\"\"\"", "/*", "#\"a\\", "\"\\(", "\"a\\"])
    func unfinished(_ source: String) {
        #expect(SourceText(source).codeLines.count == 1)
    }
}
