import CNcurses
import Glibc
import Report

/// Why a terminal cannot show a live screen, in a line that says what to do instead.
public struct TerminalProblem: Error, CustomStringConvertible, Hashable {
    /// The line.
    public let description: String
}

/// A live screen on the terminal of standard input and output.
///
/// Keys are answered on a thread of their own; the source is asked beside it, so a slow answer
/// never holds up a key.
public enum LiveTerminal {
    /// Shows what `source` says until the user leaves; the terminal is as it was afterwards.
    ///
    /// - Parameters:
    ///   - program: The name for the title, such as `memcollector top`.
    ///   - source: Where the rows come from.
    ///   - isOneHost: Whether there is only this host.
    ///   - intervalMilliseconds: The time between two requests.
    /// - Throws: `TerminalProblem` where the terminal cannot show it.
    public static func run(
        program: String, source: any FleetSource, isOneHost: Bool, intervalMilliseconds: Int64
    ) async throws {
        try check(program)
        let isUnicode = cncurses_use_locale()
        let options = ScreenOptions(
            program: program, source: source.name, isOneHost: isOneHost,
            intervalMilliseconds: intervalMilliseconds, isUnicode: isUnicode,
            utcOffsetSeconds: OutputTerminal.utcOffsetSeconds)
        let (requests, feed) = AsyncStream.makeStream(of: FleetRequest.self)
        let inbox = Inbox()
        let asking = Task {
            for await request in requests {
                inbox.put(await answer(request, by: source))
                cncurses_wake()
            }
        }
        let result = await withCheckedContinuation { continuation in
            ScreenThread.start {
                let loop = ScreenLoop(options: options, inbox: inbox) { feed.yield($0) }
                continuation.resume(returning: loop.run())
            }
        }
        feed.finish()
        asking.cancel()
        if case .failure(let problem) = result { throw problem }
    }

    /// How long intervals may be, in milliseconds.
    private static let intervals: ClosedRange<Int64> = 200...3_600_000

    /// Reads an interval such as `2s`, in milliseconds; throws a `TerminalProblem` that names
    /// `--interval` for what is none.
    public static func intervalMilliseconds(_ text: String) throws(TerminalProblem) -> Int64 {
        do {
            let milliseconds = try DurationText.parse(text)
            guard intervals.contains(milliseconds) else {
                throw TerminalProblem(
                    description: "--interval \(text) is out of range; it is from 200ms to 1h")
            }
            return milliseconds
        } catch let error as InputError {
            throw TerminalProblem(description: "--interval: \(error)")
        } catch let problem as TerminalProblem {
            throw problem
        } catch {
            throw TerminalProblem(description: "--interval: \(error)")
        }
    }

    /// Throws a `TerminalProblem` for `program` where there is no terminal that can do it.
    public static func check(_ program: String) throws(TerminalProblem) {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
            throw TerminalProblem(
                description: "\(program) needs a terminal; for a pipe or file there is "
                    + "'\(program.replacing(" top", with: " ps"))'")
        }
        let kind = getenv("TERM").map { String(cString: $0) } ?? ""
        guard !kind.isEmpty, kind != "dumb" else {
            throw TerminalProblem(
                description: "\(program) cannot move the cursor of this terminal "
                    + (kind.isEmpty ? "(TERM is not set)" : "(TERM=\(kind))")
                    + "; '\(program.replacing(" top", with: " ps"))' prints the same once")
        }
    }

    private static func answer(
        _ request: FleetRequest, by source: any FleetSource
    ) async -> ScreenEvent {
        let begun = MonotonicClock.nowMilliseconds()
        do {
            let answer = try await source.answer(request)
            let took = MonotonicClock.nowMilliseconds() - begun
            return .answered(request, answer, tookMilliseconds: took)
        } catch {
            return .failed(request, reason: "\(error)")
        }
    }
}

/// A clock that nobody can set.
enum MonotonicClock {
    /// Milliseconds since some time in the past (`CLOCK_MONOTONIC`).
    static func nowMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
