import Glibc
import MemoryModel
import NIOConcurrencyHelpers

/// Writes each simulated run with its true peak to a file, a JSON object a line.
///
/// Runs go there as they end, so that none of them is kept.
final class ExpectedRuns: Sendable {
    private struct Output: @unchecked Sendable {
        var file: UnsafeMutablePointer<FILE>?
        var hasFailed = false
    }

    private let path: String
    private let output: NIOLockedValueBox<Output>

    /// Opens the file anew; nil if that cannot be done, with the reason in `errno`.
    init?(path: String) {
        guard let file = fopen(path, "we") else { return nil }
        self.path = path
        output = NIOLockedValueBox(Output(file: file))
    }

    /// Adds a run of `host`.
    func add(
        _ process: SimulatedProcess, of host: SimulatedHost, isEnded: Bool
    ) {
        let run = RunKey(host: host.id, boot: host.boot, process: process.key)
        // None of these names has a character that JSON escapes.
        let program = String(decoding: host.program(of: process).bytes, as: UTF8.self)
        let line = """
            {"run_id":"\(run.shortID)","host_id":"\(host.id)","pid":\(process.key.pid),\
            "program":"\(program)","peak_rss_bytes":\(process.markBytes),"ended":\(isEnded)}\n
            """
        output.withLockedValue { output in
            guard let file = output.file else { return }
            if fputs(line, file) < 0 { output.hasFailed = true }
        }
    }

    /// Writes what is left; false if not all of it reached the file.
    func close() -> Bool {
        output.withLockedValue { output in
            guard let file = output.file else { return !output.hasFailed }
            output.file = nil
            if fclose(file) != 0 { output.hasFailed = true }
            return !output.hasFailed
        }
    }
}
