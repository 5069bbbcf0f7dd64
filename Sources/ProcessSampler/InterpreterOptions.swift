/// What an option of an interpreter does to the arguments after it.
enum OptionEffect {
    /// Nothing.
    case flag
    /// It takes the rest of its own argument, if there is any, and never the next one.
    case attachedValue
    /// It takes the next argument, whatever stands in its own.
    case nextArgument
    /// It takes the rest of its own argument, or else the next one.
    case value
    /// Its value is code, and nothing after it is a script.
    case code
    /// Its value names a module, and that is run.
    case module
    /// Its value names a script or an archive, and that is run.
    case script
}

/// The options of each family, from their manual pages: `python3(1)`, `java(1)`, `node(1)`,
/// `ruby(1)`, `perlrun(1)`, `R(1)`, `bash(1)`, `dash(1)`, `zsh(1)`, `php(1)`.
extension InterpreterFamily {
    /// Whether several letters may follow one dash.
    var hasLetterOptions: Bool {
        switch self {
        case .python, .ruby, .perl, .shell, .php: true
        case .java, .node, .statistics: false
        }
    }

    /// What a letter behind one dash does.
    func effect(ofLetter letter: UInt8) -> OptionEffect {
        let letter = Character(Unicode.Scalar(letter))
        switch self {
        case .python: return InterpreterFamily.pythonEffect(letter)
        case .ruby: return InterpreterFamily.rubyEffect(letter)
        case .perl: return InterpreterFamily.perlEffect(letter)
        case .shell: return InterpreterFamily.shellEffect(letter)
        case .php: return InterpreterFamily.phpEffect(letter)
        case .java, .node, .statistics: return .flag
        }
    }

    private static func pythonEffect(_ letter: Character) -> OptionEffect {
        switch letter {
        case "X", "W", "Q": .value
        case "c": .code
        case "m": .module
        default: .flag
        }
    }

    private static func rubyEffect(_ letter: Character) -> OptionEffect {
        switch letter {
        case "e": .code
        case "r", "I", "C", "E": .value
        case "F", "K", "T", "W", "i", "x": .attachedValue
        default: .flag
        }
    }

    private static func perlEffect(_ letter: Character) -> OptionEffect {
        switch letter {
        case "e", "E": .code
        case "I": .value
        case "M", "m", "F", "i", "x", "D", "C", "V", "d": .attachedValue
        default: .flag
        }
    }

    private static func shellEffect(_ letter: Character) -> OptionEffect {
        switch letter {
        case "c", "s": .code
        case "o", "O": .nextArgument
        default: .flag
        }
    }

    private static func phpEffect(_ letter: Character) -> OptionEffect {
        switch letter {
        case "r", "R", "B", "E", "S", "a": .code
        case "f", "F": .script
        case "c", "d", "g", "t", "z": .value
        default: .flag
        }
    }

    /// What an option that is a whole word does, its dashes included and without `=value`.
    func effect(ofOption name: String) -> OptionEffect {
        switch self {
        case .python: return name == "--check-hash-based-pycs" ? .value : .flag
        case .java: return InterpreterFamily.javaEffect(name)
        case .node: return InterpreterFamily.nodeEffect(name)
        case .ruby:
            let takesValue = [
                "--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable",
                "--backtrace-limit",
            ]
            return takesValue.contains(name) ? .value : .flag
        case .perl: return .flag
        case .statistics: return InterpreterFamily.statisticsEffect(name)
        case .shell: return ["--rcfile", "--init-file"].contains(name) ? .value : .flag
        case .php: return InterpreterFamily.phpEffect(name)
        }
    }

    private static func javaEffect(_ name: String) -> OptionEffect {
        switch name {
        case "-jar": .script
        case "-m", "--module": .module
        case "-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path",
            "--add-modules", "--limit-modules", "--enable-native-access", "--add-reads",
            "--add-exports", "--add-opens", "--patch-module", "--source":
            .value
        case "-version", "--version", "-help", "--help": .code
        default: .flag
        }
    }

    private static func nodeEffect(_ name: String) -> OptionEffect {
        switch name {
        case "-e", "--eval", "-p", "--print", "-pe", "-i", "--interactive": .code
        case "-r", "--require", "--import", "--loader", "--experimental-loader", "-C",
            "--conditions", "--input-type", "--title", "--icu-data-dir", "--openssl-config",
            "--redirect-warnings", "--unhandled-rejections", "--diagnostic-dir",
            "--disable-warning", "--dns-result-order", "--inspect-port", "--debug-port",
            "--trace-event-categories", "--trace-event-file-pattern", "--watch-path",
            "--test-name-pattern", "--test-reporter", "--test-reporter-destination",
            "--env-file-if-exists", "--max-http-header-size", "--report-dir", "--report-directory",
            "--report-filename", "--report-signal", "--secure-heap", "--secure-heap-min",
            "--tls-cipher-list", "--tls-keylog", "--es-module-specifier-resolution",
            "--experimental-default-type", "--heapsnapshot-signal", "--cpu-prof-dir",
            "--cpu-prof-name", "--heap-prof-dir", "--heap-prof-name":
            .value
        default: .flag
        }
    }

    private static func statisticsEffect(_ name: String) -> OptionEffect {
        switch name {
        case "-e": .code
        case "-f", "--file": .script
        case "--args": .code
        case "-g", "--gui", "-d", "--debugger": .value
        default: .flag
        }
    }

    private static func phpEffect(_ name: String) -> OptionEffect {
        switch name {
        case "--run", "--process-begin", "--process-code", "--process-end", "--server": .code
        case "--file", "--process-file": .script
        case "--php-ini", "--define", "--docroot", "--zend-extension": .value
        default: .flag
        }
    }
}
