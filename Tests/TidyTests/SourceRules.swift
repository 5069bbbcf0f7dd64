import Foundation

/// One place that breaks a rule.
struct Finding: CustomStringConvertible {
    let path: String
    let line: Int
    let text: String

    var description: String { "\(path):\(line): \(text)" }
}

/// The rules about single files, as functions from a file to what breaks them.
enum SourceRules {
    static let maximumLines = 450
    static let maximumColumns = 100

    /// The only file that may name the mount point of procfs.
    static let procRootPath = "Sources/ProcessSampler/ProcRoot.swift"

    /// Literals that are a path below the mount point of procfs.
    ///
    /// Prose that names it, as help and error texts do, has a space and is no path.
    static func procPaths(in file: SourceFile) -> [Finding] {
        guard file.path != procRootPath else { return [] }
        return file.text.literals.compactMap { literal in
            let isPath = !literal.text.contains { $0.isWhitespace }
            guard isPath, literal.text.firstMatch(of: /\/proc(?![A-Za-z0-9_-])/) != nil else {
                return nil
            }
            return Finding(path: file.path, line: literal.line, text: literal.text)
        }
    }

    /// Literals that are a path of one machine, and not of every Linux.
    static func machinePaths(in file: SourceFile) -> [Finding] {
        let folders = ["tmp", "home", "root", "work", "Users", "mnt", "media"]
        return file.text.literals.filter { literal in
            folders.contains { literal.text.hasPrefix("/\($0)/") || literal.text == "/\($0)" }
        }
        .map { Finding(path: file.path, line: $0.line, text: $0.text) }
    }

    /// Words that stand for work not done, in comments as well.
    static func unfinishedWork(in file: SourceFile) -> [Finding] {
        lines(of: file).filter { $0.text.firstMatch(of: /\b(TODO|FIXME|XXX|HACK)\b/) != nil }
    }

    /// Calls and operators that end the program because of something that can happen.
    static func trapsOnInput(in file: SourceFile) -> [Finding] {
        codeLines(of: file).filter {
            $0.text.firstMatch(of: /\bfatalError\s*\(|\btry!|\bas!/) != nil
        }
    }

    /// Prints outside of the programs.
    static func prints(in file: SourceFile) -> [Finding] {
        guard !Repository.programs.contains(file.target) else { return [] }
        return codeLines(of: file).filter {
            $0.text.firstMatch(of: /(^|[^.\w])(Swift\.)?(print|debugPrint|dump)\s*\(/) != nil
        }
    }

    /// Lines that are too long.
    ///
    /// A multi-line literal is as long as what it shows.
    static func longLines(in file: SourceFile) -> [Finding] {
        lines(of: file).filter {
            $0.text.count > maximumColumns && !file.text.multilineLiteralLines.contains($0.line)
        }
    }

    /// Files that have grown past one subject.
    static func longFile(_ file: SourceFile) -> [Finding] {
        let count = file.content.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        guard count > maximumLines else { return [] }
        return [Finding(path: file.path, line: count, text: "more than \(maximumLines) lines")]
    }

    private static func lines(of file: SourceFile) -> [Finding] {
        file.content.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { Finding(path: file.path, line: $0.offset + 1, text: String($0.element)) }
    }

    private static func codeLines(of file: SourceFile) -> [Finding] {
        file.text.codeLines.enumerated()
            .map { Finding(path: file.path, line: $0.offset + 1, text: $0.element) }
    }
}
