/// What somebody meant who mistyped a word.
enum NearestWord {
    /// Longer words are not compared.
    private static let maximumBytes = 64

    /// The word that `text` is most likely a slip of; nil where none is near.
    ///
    /// Near is at most a third of the letters wrong, or one, missing, too many or two of them
    /// swapped; of equals the first.
    static func of(_ text: String, among words: [String]) -> String? {
        let typed = Array(text.lowercased().utf8)
        guard !typed.isEmpty, typed.count <= maximumBytes else { return nil }
        var best: (word: String, distance: Int)?
        for word in words {
            let letters = Array(word.lowercased().utf8)
            guard letters.count <= maximumBytes else { continue }
            let limit = max(1, min(typed.count, letters.count) / 3)
            let distance = distance(typed, letters)
            if distance <= limit, distance < best?.distance ?? .max { best = (word, distance) }
        }
        return best?.word
    }

    /// `; did you mean WORD?`, or nothing.
    static func question(_ text: String, among words: [String]) -> String {
        of(text, among: words).map { "; did you mean \($0)?" } ?? ""
    }

    /// How many letters have to be put in, taken out, changed or swapped with their neighbour.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var next = [row + 1]
            for (column, other) in right.enumerated() {
                var least = min(
                    last[column + 1] + 1, next[column] + 1, last[column] + (letter == other ? 0 : 1)
                )
                if row > 0, column > 0, letter == right[column - 1], other == left[row - 1] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                next.append(least)
            }
            beforeLast = last
            last = next
        }
        return last[right.count]
    }
}
