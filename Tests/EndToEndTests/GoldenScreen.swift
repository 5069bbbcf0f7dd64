import Foundation
import TestSupport
import Testing

/// Whole screens beside the ones that are kept in `Screens`.
///
/// With `HIGHWATER_REWRITE_SNAPSHOTS=1` in the environment they are written anew instead, and the
/// test fails so that nobody forgets to read the difference.
enum GoldenScreen {
    /// The screen as it is kept: rows with anything in reverse video begin with `>`, and what
    /// differs each time is masked: dates, times, lengths of time, the lines of the last minutes.
    static func masked(_ screen: String) -> String {
        plain(screen).map { line in
            var line = line.replacing(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, with: "DATE AND TIME")
            line = line.replacing(/\d\d:\d\d:\d\d/, with: "HH:MM:SS")
            line = line.replacing(/[ ]+>?(?:\d+[ydhms] ?)?\d+(?:y|d|h|m|s|ms)\b/, with: " TIME")
            line = line.replacing(/[ ]+[▁▂▃▄▅▆▇█]+[ ]+/, with: " LAST ")
            // What it says depends on how long the screen has been there.
            line = line.replacing(
                /Movers (?:known after|nothing grew or shrank by 1 MiB in the last) TIME/,
                with: "Movers NONE")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// The lines without the sequences for colours, marked by `>` or a blank.
    private static func plain(_ screen: String) -> [String] {
        var isReversed = false
        return screen.components(separatedBy: "\n").dropLast().map { line in
            var text = ""
            var isMarked = false
            var rest = line[...]
            while let character = rest.first {
                if let sequence = rest.prefixMatch(of: /\u{1B}\[([0-9;]*)m/) {
                    for number in sequence.1.split(separator: ";", omittingEmptySubsequences: false)
                    {
                        if number == "7" { isReversed = true }
                        if ["", "0", "27"].contains(number) { isReversed = false }
                    }
                    rest = rest[sequence.range.upperBound...]
                    continue
                }
                text.append(character)
                isMarked = isMarked || isReversed
                rest.removeFirst()
            }
            return (isMarked ? ">" : " ") + text
        }
    }

    /// Waits until the screen of `terminal` is the kept one.
    static func expect(
        _ terminal: TmuxTerminal, is name: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Screens/\(name).txt").path
        if ProcessInfo.processInfo.environment["HIGHWATER_REWRITE_SNAPSHOTS"] == "1" {
            // The effect of the last key is on the screen by then.
            try await Task.sleep(for: .seconds(3))
            try masked(await terminal.colouredText())
                .write(toFile: path, atomically: true, encoding: .utf8)
            Issue.record("\(name) was written anew; read the difference")
            return
        }
        let kept = try String(contentsOfFile: path, encoding: .utf8)
        var shown = ""
        do {
            try await eventually("the screen is \(name)", seconds: 20) {
                shown = try await masked(terminal.colouredText())
                return shown == kept
            }
        } catch {
            let differences = zip(
                shown.components(separatedBy: "\n"), kept.components(separatedBy: "\n")
            ).filter { $0 != $1 }.map { "shown \($0)\nkept  \($1)" }
            Issue.record(
                "\(name) differs:\n\(differences.joined(separator: "\n"))\n\(shown)",
                sourceLocation: sourceLocation)
        }
    }
}
