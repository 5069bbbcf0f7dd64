public import MemoryModel

/// How much of a command line leaves a host.
public enum CommandLinePolicy: String, Hashable, Sendable, CaseIterable {
    /// Nothing: a program is its executable's name.
    case none
    /// The name of the script, module, jar or main class that an interpreter runs, and no other
    /// argument.
    case script
    /// All arguments, with what looks like a secret masked.
    ///
    /// Secrets are told by their looks, so some will pass: this is a courtesy, not a boundary.
    case redacted
    /// All arguments as they are.
    case full

    /// The longest command line that is shown, in bytes.
    public static let maximumCommandBytes = 4_096

    /// What of a process's names and arguments is let out.
    ///
    /// - Parameters:
    ///   - commandLine: Its arguments.
    ///   - executable: The path of its executable; nil if that may not be read.
    ///   - comm: The kernel's name of it.
    /// - Returns: The program, at most `ProgramName.maximumBytes` long, and the command line, which
    ///   is nil under `none` and `script` and where there are no arguments.
    public func apply(
        to commandLine: CommandLine, executable: RawText?, comm: RawText
    ) -> (program: RawText, command: RawText?) {
        let name = ProgramName(
            executable: executable, comm: comm, arguments: commandLine.arguments)
        switch self {
        case .none: return (name.withoutScript, nil)
        case .script: return (name.text, nil)
        case .redacted:
            let masked = SecretMask.masked(
                commandLine.arguments, program: name.withoutScript)
            return (name.text, CommandLinePolicy.joined(masked))
        case .full: return (name.text, CommandLinePolicy.joined(commandLine.arguments))
        }
    }

    private static func joined(_ arguments: [RawText]) -> RawText? {
        guard !arguments.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for argument in arguments {
            if bytes.count > maximumCommandBytes { break }
            if !bytes.isEmpty { bytes.append(UInt8(ascii: " ")) }
            bytes += argument.bytes
        }
        return RawText(bytes).clamped(toBytes: maximumCommandBytes)
    }
}
