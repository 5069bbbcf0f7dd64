public import MemoryModel

/// The name that people know a running program by.
///
/// That is the base name of its executable; for the interpreters of `InterpreterFamily` it goes on
/// with the script's base name, `-m` and the module, the jar or the main class: `python3 train.py`.
public struct ProgramName: Hashable, Sendable {
    /// The name with what the interpreter runs.
    public let text: RawText
    /// The name alone.
    public let withoutScript: RawText

    /// The longest name, in bytes.
    public static let maximumBytes = 256

    /// Makes the name.
    ///
    /// - Parameters:
    ///   - executable: The path of the executable; nil if that may not be read, and then `comm` and
    ///     the first argument stand in for it.
    ///   - comm: The kernel's name of the process.
    ///   - arguments: The command line, the program's own name first.
    public init(executable: RawText?, comm: RawText, arguments: [RawText]) {
        let called = arguments.first.map { ProgramName.calledName($0) } ?? []
        let file =
            executable.flatMap { ProgramName.isMemoryFile($0) ? nil : $0 }
            .map { ProgramName.baseName($0.bytes[...]) }
            ?? ProgramName.guessedFile(comm: comm, called: called, arguments: arguments)
        let bare = file.isEmpty ? comm.bytes[...] : file
        guard let family = InterpreterFamily(program: bare) else {
            withoutScript = RawText(Array(bare)).clamped(toBytes: ProgramName.maximumBytes)
            text = withoutScript
            return
        }
        let isAlias = InterpreterFamily(program: called) == family
        let interpreter = Array(isAlias ? called : bare)
        withoutScript = RawText(interpreter).clamped(toBytes: ProgramName.maximumBytes)
        guard let subject = family.subject(of: arguments) else {
            text = withoutScript
            return
        }
        let whole = interpreter + [UInt8(ascii: " ")] + subject
        text = RawText(whole).clamped(toBytes: ProgramName.maximumBytes)
    }

    /// Whether a program was started from memory (`memfd_create(2)`): then the link of its
    /// executable is a label of no meaning, not a path.
    private static func isMemoryFile(_ executable: RawText) -> Bool {
        executable.bytes.starts(with: Array("/memfd:".utf8))
    }

    /// What follows the last slash, slashes at the end aside.
    static func baseName(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var path = path
        while path.last == UInt8(ascii: "/") { path = path.dropLast() }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return path[(slash + 1)...]
    }

    /// The name that a first argument calls a program by; a login shell's has a dash before it.
    private static func calledName(_ argument: RawText) -> ArraySlice<UInt8> {
        let name = baseName(argument.bytes[...])
        return name.first == UInt8(ascii: "-") ? name.dropFirst() : name
    }

    /// The executable's base name as far as the other names tell it.
    ///
    /// The kernel's name is cut off after 15 bytes, and for a script that names its interpreter in
    /// its first line it is the script's.
    private static func guessedFile(
        comm: RawText, called: ArraySlice<UInt8>, arguments: [RawText]
    ) -> ArraySlice<UInt8> {
        func isCommOf(_ name: ArraySlice<UInt8>) -> Bool {
            !name.isEmpty && name.prefix(CommName.maximumBytes).elementsEqual(comm.bytes)
        }
        if isCommOf(called) { return called }
        if let family = InterpreterFamily(program: called),
            let subject = family.subject(of: arguments), isCommOf(subject[...])
        {
            return called
        }
        return comm.bytes[...]
    }
}
