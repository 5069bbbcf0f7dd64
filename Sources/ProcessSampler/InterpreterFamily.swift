import MemoryModel

/// Programs that run other programs given as text, whose name alone says little.
enum InterpreterFamily: Equatable {
    case python
    case java
    case node
    case ruby
    case perl
    case statistics
    case shell
    case php

    /// The family of a program by its base name; nil for all that is no known interpreter.
    ///
    /// A version may stand at its end, as in `python3.11` or `php8.2`.
    init?(program: ArraySlice<UInt8>) {
        var name = program
        if name.reversed().starts(with: "-dbg".utf8.reversed()) { name = name.dropLast(4) }
        let isDigit: (UInt8) -> Bool = { $0 &- UInt8(ascii: "0") < 10 }
        // A build of Python has a letter after its version: `python3.13t`, `python3.11d`.
        if let last = name.last, !isDigit(last), name.dropLast().last.map(isDigit) == true {
            name = name.dropLast()
        }
        while let last = name.last, isDigit(last) || last == UInt8(ascii: ".") {
            name = name.dropLast()
        }
        guard name.count <= 8 else { return nil }
        switch String(decoding: name, as: UTF8.self) {
        case "python", "pypy": self = .python
        case "java": self = .java
        case "node", "nodejs": self = .node
        case "ruby": self = .ruby
        case "perl": self = .perl
        case "R", "Rscript": self = .statistics
        case "sh", "bash", "dash", "zsh", "ash", "ksh": self = .shell
        case "php": self = .php
        default: return nil
        }
    }

    /// What the interpreter was told to run: a script's base name, `-m` and a module, a jar, a main
    /// class; nil for code in an argument, for code from the standard input and for nothing.
    func subject(of arguments: [RawText]) -> [UInt8]? {
        var index = 1
        while index < arguments.count {
            let argument = arguments[index].bytes[...]
            guard isOption(argument) else { return InterpreterFamily.scriptName(argument) }
            let following = index + 1 < arguments.count ? arguments[index + 1].bytes[...] : nil
            switch reading(of: argument, following: following) {
            case .goOn(let count): index += count
            case .found(let subject): return subject
            }
        }
        return nil
    }

    /// What an argument in the place of options turned out to be.
    private enum Reading {
        /// An option that takes so many arguments, itself included.
        case goOn(Int)
        /// The end of the search, with what is run.
        case found([UInt8]?)
    }

    private func isOption(_ argument: ArraySlice<UInt8>) -> Bool {
        switch argument.first {
        case UInt8(ascii: "-"): true
        case UInt8(ascii: "+"): self == .shell
        case UInt8(ascii: "@"): self == .java
        default: false
        }
    }

    private func reading(
        of argument: ArraySlice<UInt8>, following: ArraySlice<UInt8>?
    ) -> Reading {
        if argument.elementsEqual("--".utf8) {
            return .found(following.flatMap(InterpreterFamily.scriptName))
        }
        if argument.elementsEqual("-".utf8) { return .found(nil) }
        let isLong = argument.starts(with: "--".utf8)
        guard isLong || !hasLetterOptions else {
            return letters(of: argument.dropFirst(), following: following)
        }
        let equals = argument.firstIndex(of: UInt8(ascii: "="))
        let name = argument[..<(equals ?? argument.endIndex)]
        let attached = equals.map { argument[($0 + 1)...] }
        let effect = effect(ofOption: String(decoding: name, as: UTF8.self))
        return reading(effect, attached: attached, following: following)
    }

    /// Reads letters behind one dash, such as `-Iu` or `-Wignore`.
    private func letters(
        of argument: ArraySlice<UInt8>, following: ArraySlice<UInt8>?
    ) -> Reading {
        for (index, letter) in zip(argument.indices, argument) {
            let effect = effect(ofLetter: letter)
            if effect == .flag { continue }
            if effect == .nextArgument { return .goOn(2) }
            let rest = argument[(index + 1)...]
            return reading(effect, attached: rest.isEmpty ? nil : rest, following: following)
        }
        return .goOn(1)
    }

    private func reading(
        _ effect: OptionEffect, attached: ArraySlice<UInt8>?, following: ArraySlice<UInt8>?
    ) -> Reading {
        switch effect {
        case .flag, .attachedValue: return .goOn(1)
        case .nextArgument: return .goOn(2)
        case .value: return .goOn(attached == nil ? 2 : 1)
        case .code: return .found(nil)
        case .script: return .found((attached ?? following).flatMap(InterpreterFamily.scriptName))
        case .module:
            guard let module = attached ?? following, !module.isEmpty else { return .found(nil) }
            return .found(Array("-m ".utf8) + module)
        }
    }

    /// The base name of a script; nil for a nameless one, such as a pipe of the shell.
    private static func scriptName(_ path: ArraySlice<UInt8>) -> [UInt8]? {
        let name = ProgramName.baseName(path)
        guard !name.isEmpty, !path.starts(with: "/dev/".utf8) else { return nil }
        return Array(name)
    }
}
