/// How many columns of a terminal a text takes.
///
/// Combining marks take none, East Asian wide characters and emoji two, everything else one, as
/// `wcwidth(3)` counts. Text must come from `DisplayText` or be the program's own.
public enum DisplayWidth {
    /// The columns that `text` takes.
    public static func of(_ text: String) -> Int {
        var isPlain = true
        var count = 0
        for byte in text.utf8 {
            isPlain = isPlain && byte < 0x80
            count += 1
        }
        if isPlain { return count }
        return text.unicodeScalars.reduce(0) { $0 + of($1) }
    }

    /// `text` as it is where it fits, else as much of it as fits with `ellipsis` at its end.
    public static func clamped(_ text: String, toColumns columns: Int, ellipsis: String) -> String {
        // More columns than bytes are never taken.
        if text.utf8.count <= columns || of(text) <= columns { return text }
        let end = of(ellipsis) <= columns ? ellipsis : ""
        return prefix(of: text, columns: max(0, columns) - of(end)).taken + end
    }

    /// As much of the beginning of `text` as fits in `columns`, and what is left.
    static func prefix(of text: String, columns: Int) -> (taken: String, rest: Substring) {
        let scalars = text.unicodeScalars
        var width = 0
        var end = scalars.startIndex
        while end < scalars.endIndex {
            width += of(scalars[end])
            if width > columns { break }
            end = scalars.index(after: end)
        }
        return (String(scalars[..<end]), Substring(scalars[end...]))
    }

    /// As much of the end of `text` as fits in `columns`, not beginning with a combining mark.
    static func suffix(of text: String, columns: Int) -> String {
        var taken: [Unicode.Scalar] = []
        var width = 0
        for scalar in text.unicodeScalars.reversed() {
            width += of(scalar)
            if width > columns { break }
            taken.append(scalar)
        }
        while let last = taken.last, of(last) == 0 { taken.removeLast() }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: taken.reversed())
        return String(view)
    }

    /// The columns that `scalar` takes: none, one or two.
    public static func of(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        if isZeroWidth(scalar) { return 0 }
        return isWide(scalar) ? 2 : 1
    }

    /// Marks that stand over another character, and the vowels and finals of Hangul syllables
    /// that are spelled out.
    static func isZeroWidth(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x300 else { return false }
        switch scalar.value {
        case 0x1160...0x11FF, 0xD7B0...0xD7FB: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return true
        default: return false
        }
    }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x1100 else { return false }
        if wideRanges.contains(where: { $0.contains(scalar.value) }) { return true }
        // Halves of flags take one column each.
        return scalar.properties.isEmojiPresentation
            && !(0x1F1E6...0x1F1FF).contains(scalar.value)
    }

    /// Blocks of `EastAsianWidth.txt` that are wide or full, emoji aside.
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2630...0x2637, 0x268A...0x268F, 0x2E80...0x303E,
        0x3041...0x33FF, 0x3400...0x4DBF, 0x4DC0...0x4DFF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
        0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1_6FE0...0x1_8DFF, 0x1_AFF0...0x1_B2FF,
        0x1_D300...0x1_D376, 0x1_F200...0x1_F265, 0x1_F300...0x1_F64F, 0x1_F680...0x1_F6FF,
        0x1_F7E0...0x1_F7F0, 0x1_F900...0x1_FAFF, 0x2_0000...0x3_FFFD,
    ]
}
