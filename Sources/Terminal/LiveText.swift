/// Plain text that is drawn again and again over itself, on a terminal that knows the usual
/// sequences (`console_codes(4)`).
public enum LiveText {
    /// Draws `text` from the upper left corner on, as much of it as there are rows.
    public static func page(_ text: String, rows: Int) -> [UInt8] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var drawn = "\u{1B}[H"
        for line in lines.prefix(max(1, rows - 1)) { drawn += "\(line)\u{1B}[K\n" }
        return Array((drawn + "\u{1B}[J").utf8)
    }

    /// Empties the screen, for what stays on it.
    public static let cleared: [UInt8] = Array("\u{1B}[H\u{1B}[J".utf8)
}
