import MemoryModel
import TestSupport

/// What the processes of `Storm/storm.c` wrote of themselves, and their parents of their ends.
struct StormRecord {
    /// A process, from its fork to its end.
    struct Process {
        /// Its number in the storm.
        var ordinal: Int
        /// Its pid.
        var pid: Int32
        /// Its start, as in field 22 of `/proc/PID/stat`.
        var startTicks: UInt64
        /// What it did, by the name that `storm.c` gives it.
        var kind: String
        /// The mark of its last image, in bytes, read as the last thing before its end.
        var markBytes: UInt64
        /// The mark of the image before, right before it executed the last one; nil for none.
        var oldMarkBytes: UInt64?
        /// Whether it had no memory but what it inherited of its parent.
        var isOnlyInherited: Bool
        /// What its parent learned of its end; nil before that was read.
        var end: End?
    }

    /// What `wait4(2)` tells.
    struct End {
        /// The exit code; nil if a signal ended it.
        var exitCode: Int32?
        /// The signal that ended it; nil if it exited.
        var exitSignal: Int32?
        /// `ru_maxrss` in bytes, which the kernel sets from the mark in the moment of the end.
        ///
        /// It is the mark of the last image only where there was no other before and no child.
        var maximumBytes: UInt64
    }

    /// All processes, ordered by their numbers.
    let processes: [Process]
    /// How many children the driver made and saw end; those of children come on top.
    let childCount: Int

    /// Reads what a driver wrote until its end.
    init(_ output: String) throws {
        var found: [Int: Process] = [:]
        var ends: [Int: (pid: Int32, end: End)] = [:]
        var done: Int?
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            func number(_ place: Int) throws -> Int {
                guard words.count > place, let number = Int(words[place]) else {
                    throw Program.Failure(description: "the storm wrote \"\(line)\"")
                }
                return number
            }
            switch words.first {
            case "mark" where words.count == 7:
                let mark = UInt64(try number(5)) << 10
                let old = words[6] == "old" ? mark : found[try number(1)]?.oldMarkBytes
                found[try number(1)] = Process(
                    ordinal: try number(1), pid: Int32(try number(2)),
                    startTicks: UInt64(try number(3)), kind: String(words[4]), markBytes: mark,
                    oldMarkBytes: old, isOnlyInherited: words[6] == "left")
            case "end" where words.count == 6:
                let (code, signal) = (Int32(try number(3)), Int32(try number(4)))
                ends[try number(1)] = (
                    Int32(try number(2)),
                    End(
                        exitCode: code < 0 ? nil : code, exitSignal: signal < 0 ? nil : signal,
                        maximumBytes: UInt64(try number(5)) << 10)
                )
            case "done": done = try number(1)
            default: throw Program.Failure(description: "the storm wrote \"\(line)\"")
            }
        }
        guard let done else { throw Program.Failure(description: "the storm did not finish") }
        for (ordinal, told) in ends {
            guard found[ordinal]?.pid == told.pid else {
                throw Program.Failure(description: "child \(ordinal) ended without its mark")
            }
            found[ordinal]?.end = told.end
        }
        guard found.values.allSatisfy({ $0.end != nil }) else {
            throw Program.Failure(description: "a child of the storm has no end")
        }
        childCount = done
        processes = found.values.sorted { $0.ordinal < $1.ordinal }
    }
}

extension StormRecord.Process {
    /// Whether its parent is a child of the storm with memory of its own, which may be more.
    var isGrandchild: Bool { ordinal >= 1_000_000 }

    /// Whether threads of it shared its memory.
    var isMultiThreaded: Bool { kind == "threads" || kind == "leaderless" }

    /// Whether its leader ended first: then nobody can tell how it ended.
    var isLeaderless: Bool { kind == "leaderless" }

    /// The mark as the kernel had it in the moment of the end; nil where `wait4(2)` speaks of
    /// another image or of children, too.
    var markAtEndBytes: UInt64? {
        let alone = ["touch", "release", "spawn", "vforkspawn", "killed", "terminated", "crashed"]
        return oldMarkBytes == nil && alone.contains(kind) ? end?.maximumBytes : nil
    }
}
