/// The bytes of an annotated `.hex` file, as `Protocol/vectors/README.md` describes it.
public struct HexVector: Hashable, Sendable {
    /// What the file spells.
    public let bytes: [UInt8]

    /// What is wrong with a file.
    public struct Malformed: Error, Hashable, Sendable {
        /// The number of the line, from 1.
        public let line: Int
    }

    /// Reads `text`: on each line pairs of hexadecimal digits with spaces between them, and what
    /// follows a `#` is a comment.
    ///
    /// Throws `Malformed` for anything else.
    public init(_ text: String) throws(Malformed) {
        var bytes: [UInt8] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            for pair in line.prefix(while: { $0 != "#" }).split(separator: " ") {
                guard pair.utf8.count == 2, let byte = UInt8(pair, radix: 16) else {
                    throw Malformed(line: index + 1)
                }
                bytes.append(byte)
            }
        }
        self.bytes = bytes
    }
}
