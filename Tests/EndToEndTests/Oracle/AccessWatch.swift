import Foundation
import Synchronization
import TestSupport

/// Counts how often others read files (`inotify(7)`), or tells at least as few.
///
/// Reads of one file that follow each other, before any of another one, are told as one.
final class AccessWatch: Sendable {
    private let descriptor: Int32
    private let counts = Mutex(Counts())

    private struct Counts {
        var pids: [Int32: Int32] = [:]
        var reads: [Int32: Int] = [:]
    }

    /// After so many reads of a file somebody has looked at it to the end: one look reads it
    /// twice at most.
    private static let readsOfLook = 3

    init() throws {
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0 else { throw AccessWatch.failure("inotify") }
    }

    deinit { close(descriptor) }

    /// Counts from now on the reads of a file that stands for a process.
    func watch(_ path: String, of pid: Int32) throws {
        let number = inotify_add_watch(descriptor, path, UInt32(IN_ACCESS))
        guard number >= 0 else { throw AccessWatch.failure(path) }
        counts.withLock { $0.pids[number] = pid }
    }

    /// Whether somebody has looked at all of these processes, each to the end.
    func hasSeen(_ pids: [Int32]) -> Bool {
        counts.withLock { counts in
            take(into: &counts)
            return pids.allSatisfy { counts.reads[$0] ?? 0 >= AccessWatch.readsOfLook }
        }
    }

    private func take(into counts: inout Counts) {
        let headerBytes = MemoryLayout<inotify_event>.size
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            var place = 0
            while place + headerBytes <= count {
                let event = buffer.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                }
                place += headerBytes + Int(event.len)
                guard event.mask & UInt32(IN_ACCESS) != 0, let pid = counts.pids[event.wd] else {
                    continue
                }
                counts.reads[pid, default: 0] += 1
            }
        }
    }

    private static func failure(_ what: String) -> Program.Failure {
        Program.Failure(description: "cannot watch \(what): \(String(cString: strerror(errno)))")
    }
}
