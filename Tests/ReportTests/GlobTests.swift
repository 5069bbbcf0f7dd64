import MemoryModel
import Report
import TestSupport
import Testing

@Suite("Patterns")
struct GlobTests {
    @Test("each kind of pattern matches what it should and nothing else")
    func examples() {
        let expectations: [(String, String, Bool)] = [
            ("", "", true), ("", "a", false), ("*", "", true), ("*", "anything", true),
            ("web-*", "web-01", true), ("web-*", "db-01", false), ("web-0?", "web-01", true),
            ("web-0?", "web-0", false), ("web-[0-9]", "web-7", true), ("[!0-9]", "7", false),
            ("[!0-9]", "x", true), ("[^a]", "a", false), ("[]]", "]", true), ("[a-]", "-", true),
            ("[", "[", true), ("[a", "[a", true), ("\\*", "*", true), ("\\*", "x", false),
            ("a\\", "a\\", true), ("[\\]]", "]", true), ("*.py", "train.py.bak", false),
            ("*a*b*c", "xxaxxbxxc", true), ("A", "a", false), ("[z-a]", "m", false),
        ]
        for (pattern, name, expected) in expectations {
            #expect(Glob(pattern).matches(RawText(name)) == expected, "\(pattern) on \(name)")
        }
        #expect(Glob("a?c").matches([0x61, 0xFF, 0x63]))
    }

    @Test("random patterns match as a simple reference says", arguments: [1, 2, 3] as [UInt64])
    func reference(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func word(_ alphabet: String, upTo count: Int) -> String {
            let letters = Array(alphabet)
            return String(
                (0..<Int.random(in: 0...count, using: &generator)).map { _ in
                    letters[Int.random(in: 0..<letters.count, using: &generator)]
                })
        }
        var matches = 0
        for _ in 0..<20_000 {
            let pattern = word("ab**?", upTo: 7)
            let name = word("ab", upTo: 8)
            let expected = Self.matches(Array(pattern)[...], Array(name)[...])
            matches += expected ? 1 : 0
            #expect(
                Glob(pattern).matches(RawText(name)) == expected,
                "seed \(seed): \(pattern) on \(name)")
        }
        #expect(matches > 1_000)
    }

    /// The definition of a match, without any thought of time.
    private static func matches(
        _ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>
    ) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == "*" {
            return (name.startIndex...name.endIndex).contains {
                matches(pattern.dropFirst(), name[$0...])
            }
        }
        guard let next = name.first, first == "?" || first == next else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }

    @Test("a pattern made to take for ever takes no longer than its length allows")
    func manyStars() {
        let pattern = String(repeating: "*a", count: 500) + "b"
        let name = RawText(String(repeating: "a", count: 4_096))
        let clock = ContinuousClock()
        let time = clock.measure { #expect(!Glob(pattern).matches(name)) }
        // Two million steps; backtracking over every star would outlast the universe.
        #expect(time < .seconds(30))
    }
}
