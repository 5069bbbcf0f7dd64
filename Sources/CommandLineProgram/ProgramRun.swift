public import ArgumentParser
import Glibc

/// A failure in one line that says what to do; the program ends with status 1.
public struct ProgramFailure: Error, CustomStringConvertible {
    /// The line.
    public let description: String

    /// Takes the line.
    public init(_ description: String) {
        self.description = description
    }
}

/// What was asked for cannot be done here, as where there is no terminal; the program ends with
/// status 2.
public struct UsageFailure: Error, CustomStringConvertible {
    /// The line.
    public let description: String

    /// Takes the line.
    public init(_ description: String) {
        self.description = description
    }
}

extension AsyncParsableCommand {
    /// Parses the command line, runs the command and ends the process.
    ///
    /// Status 0 is done, 1 failed, 2 wrong usage. What is wrong goes to standard error in one
    /// line, with the usage line where the usage was wrong; help and version go to standard
    /// output.
    public static func runAsProgram() async -> Never {
        // A reader that closes early, such as `head`, must not look like a crash.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseNegativesAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch let code as ExitCode where code != .validationFailure {
            Glibc.exit(code.rawValue)
        } catch let failure as ProgramFailure {
            say("\(configuration.commandName ?? _commandName): \(failure)\n")
            Glibc.exit(1)
        } catch let failure as UsageFailure {
            say("\(configuration.commandName ?? _commandName): \(failure)\n")
            Glibc.exit(2)
        } catch {
            switch exitCode(for: error) {
            case .success: exit(withError: error)
            case .validationFailure:
                say(fullMessage(for: error) + "\n")
                Glibc.exit(2)
            default:
                say("\(configuration.commandName ?? _commandName): \(error)\n")
                Glibc.exit(1)
            }
        }
    }
}

extension ParsableCommand {
    /// Parses the command line, where a negative number behind an option is its value and no
    /// option of its own, so that what is wrong with the value is said.
    public static func parseNegativesAsRoot() throws -> any ParsableCommand {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            return try parseAsRoot(arguments)
        } catch {
            let joined = NegativeValues.joined(arguments)
            guard joined != arguments else { throw error }
            return try parseAsRoot(joined)
        }
    }
}

/// Negative numbers in a command line.
enum NegativeValues {
    /// `arguments` with each `--name`, `-1` as one `--name=-1`; what follows `--` stays.
    static func joined(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument != "--" else { return joined + [argument] + rest }
            if argument.hasPrefix("--"), !argument.contains("="), let next = rest.first,
                isNegative(next)
            {
                joined.append("\(argument)=\(next)")
                rest.removeFirst()
            } else {
                joined.append(argument)
            }
        }
        return joined
    }

    private static func isNegative(_ argument: String) -> Bool {
        argument.first == "-" && argument.dropFirst().first.map { "0"..."9" ~= $0 } == true
    }
}

/// Writes to standard error; if that fails there is nowhere left to say so.
private func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
}
