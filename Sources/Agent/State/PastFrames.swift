import Synchronization
import Wire

/// A state file gave fewer frames than were counted in it.
struct MissingFrames: Error, CustomStringConvertible {
    /// How many are missing.
    let count: Int
    /// What stands in their place; nil if the file is gone.
    let reason: String?

    var description: String { "\(reason ?? "it is gone"); \(count) frames are missing" }
}

/// The frames of a state file, a few at a time, read on a thread that may wait for the disk.
final class PastFrames: Sendable {
    private struct State {
        var reader: StateFileReader?
        var left: Int
    }

    private let state: Mutex<State>

    /// How many frames are in memory at once.
    static let batchCount = 16

    /// The first `count` frames of a file.
    init(of name: String, count: Int, in folder: StateFolder) throws {
        let reader = try StateFileReader.open(name, in: folder)
        state = Mutex(State(reader: reader, left: count))
    }

    /// Whether all of them were given.
    var isAtEnd: Bool { state.withLock { $0.left == 0 } }

    /// The next frames; none at the end.
    ///
    /// Throws `MissingFrames` where the file ends before that: what is missing was not told.
    func next() throws -> [Frame] {
        try state.withLock { state in
            var frames: [Frame] = []
            while frames.count < min(PastFrames.batchCount, state.left) {
                guard let frame = state.reader?.next() else {
                    throw MissingFrames(
                        count: state.left - frames.count, reason: state.reader?.damage)
                }
                frames.append(frame)
            }
            state.left -= frames.count
            return frames
        }
    }
}
