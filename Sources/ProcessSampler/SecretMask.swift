import MemoryModel

/// Masks what looks like a secret in a command line.
///
/// It would rather mask too much: an option whose name holds `auth` may be `--author`. What does
/// not look like a secret passes all the same, so this is a courtesy and not a boundary.
struct SecretMask {
    /// What stands in place of a secret.
    static let mask = Array("***".utf8)

    /// Whether the next argument is the value of what came before.
    private var masksNext = false
    /// The letters after which the programs named so far take a secret.
    private var secretLetters: Set<UInt8> = []

    /// The arguments with their secrets masked.
    ///
    /// `program` is the program's name, in case its first argument does not tell it.
    static func masked(_ arguments: [RawText], program: RawText) -> [RawText] {
        var mask = SecretMask()
        mask.noteProgram(program.bytes[...])
        return arguments.map { RawText(mask.masked($0.bytes)) }
    }

    private mutating func masked(_ argument: [UInt8]) -> [UInt8] {
        let wasMasked = masksNext
        masksNext = false
        noteProgram(argument[...])
        if wasMasked {
            // `--auth --password x`: what was taken for a value may be an option itself; and the
            // value of `Authorization:` is two words, the first of which is a scheme's name.
            masksNext = SecretNames.isSecretOption(argument) || SecretNames.isScheme(argument)
            return SecretMask.mask
        }
        if argument.contains(where: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A }) {
            return maskedText(argument)
        }
        if let short = maskedShortOption(argument) { return short }
        masksNext = SecretNames.isSecretOption(argument) || SecretNames.isScheme(argument)
        return SecretMask.maskedWord(argument)
    }

    /// Masks one word by its looks alone.
    private static func maskedWord(_ word: [UInt8]) -> [UInt8] {
        if let end = SecretNames.endOfSecretName(word) {
            return end < word.count ? Array(word[..<end]) + mask : word
        }
        if let start = SecretNames.startOfKnownKey(word) { return Array(word[..<start]) + mask }
        return maskedAddress(word)
    }

    /// Masks what stands between `://` and the last `@` after it.
    private static func maskedAddress(_ word: [UInt8]) -> [UInt8] {
        let separator = Array("://".utf8)
        guard word.count > 4,
            let start = word.indices.dropLast(3).first(where: {
                word[$0...].starts(with: separator)
            }), let at = word.lastIndex(of: UInt8(ascii: "@")), at >= start + 3
        else { return word }
        return Array(word[..<(start + 3)]) + mask + word[at...]
    }

    /// Masks an argument of several words, such as a header or a shell's command.
    ///
    /// Where one of its words would have been masked, all of it is: how the words are quoted is not
    /// known here. The name of a header stays.
    private func maskedText(_ argument: [UInt8]) -> [UInt8] {
        var inner = SecretMask()
        inner.secretLetters = secretLetters
        for word in argument.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A }) {
            let word = Array(word.drop { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") })
            guard inner.masked(word) == word, !inner.masksNext else {
                let name = argument.prefix { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A }
                let end = SecretNames.endOfSecretName(Array(name)) ?? 0
                return Array(argument[..<end]) + SecretMask.mask
            }
        }
        return argument
    }

    /// Masks `-pSECRET`, and lets `-p` mask what follows it, for the programs that have it; other
    /// letters may stand before it, as in `-su`.
    private mutating func maskedShortOption(_ argument: [UInt8]) -> [UInt8]? {
        guard argument.count >= 2, argument[0] == UInt8(ascii: "-"),
            argument[1] != UInt8(ascii: "-"),
            let letter = argument.firstIndex(where: { secretLetters.contains($0) })
        else { return nil }
        let isLast = letter == argument.count - 1
        masksNext = isLast
        return isLast ? argument : Array(argument[...letter]) + SecretMask.mask
    }

    private mutating func noteProgram(_ path: ArraySlice<UInt8>) {
        let name = ProgramName.baseName(path)
        guard name.count <= 24 else { return }
        secretLetters.formUnion(
            SecretNames.secretLetters(ofProgram: String(decoding: name, as: UTF8.self)))
    }
}
