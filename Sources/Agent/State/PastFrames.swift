import Synchronization
import Wire

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

    /// The next frames; none at the end.
    func next() -> [Frame] {
        state.withLock { state in
            var frames: [Frame] = []
            while frames.count < min(PastFrames.batchCount, state.left),
                let frame = state.reader?.next()
            {
                frames.append(frame)
            }
            state.left = frames.isEmpty ? 0 : state.left - frames.count
            return frames
        }
    }
}
