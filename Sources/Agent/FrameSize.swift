import MemoryModel
import Wire

/// An upper estimate of a payload's size, so that an agent's frames stay small enough to make
/// progress over a bad link.
struct FrameSize {
    /// Runs in one frame of figures: at most 5 + 1 + 3 x 7 bytes each.
    static let samplesPerFrame = WireLimits.agentWireBytes / 27

    private var bytes = 0

    /// Adds a definition; false if the frame would become too large with it.
    ///
    /// The first one always fits: its eight strings are bounded one by one.
    mutating func add(_ description: RunDescription) -> Bool {
        let names = [
            description.program, description.comm, description.executable, description.command,
            description.user, description.cgroup, description.unit, description.container,
        ]
        // Eight references, eight numbers and the strings with their lengths.
        let more = names.reduce(8 * 3 + 8 * 6) { $0 + ($1?.bytes.count ?? 0) + 2 }
        guard bytes == 0 || bytes + more <= WireLimits.agentWireBytes else { return false }
        bytes += more
        return true
    }

    /// Adds a tick with so many samples; false if the frame would become too large with it.
    mutating func add(sampleCount: Int) -> Bool {
        let more = 12 + sampleCount * 8
        guard bytes == 0 || bytes + more <= WireLimits.agentWireBytes else { return false }
        bytes += more
        return true
    }
}
