import MemoryModel

/// What stands at the beginning of a state file: whose it is, and when it was written.
struct StateFileHeader: Hashable, Sendable {
    /// The host.
    var host: HostID
    /// The boot in which its agent ran.
    var boot: BootID
    /// The start of that agent.
    var epoch: UInt64
    /// When it was saved, in milliseconds since that boot.
    var savedAtMilliseconds: Int64
    /// The wall clock minus the time since boot then, in milliseconds.
    var wallMinusBootMilliseconds: Int64
    /// Whether an agent that came later has added what became of its runs.
    var isClosed = false

    private static let word = "highwater-state"

    /// The line at the beginning of the file.
    var bytes: [UInt8] {
        var line = StateLine(StateFileHeader.word)
        line.add("host", host)
        line.add("boot", boot)
        line.add("epoch", StateLine.hexadecimal(epoch))
        line.add("saved", savedAtMilliseconds)
        line.add("wall-minus-boot", wallMinusBootMilliseconds)
        line.add("end", isClosed ? "closed" : "open")
        return line.bytes()
    }

    /// Reads the header that `bytes` begins with, and how long it is; nil if there is none whole.
    static func read(_ bytes: some Collection<UInt8>) -> (header: StateFileHeader, length: Int)? {
        guard let (line, length) = StateLine.read(bytes, word: word),
            let host = line["host"].flatMap({ HostID($0) }),
            let boot = line["boot"].flatMap({ BootID(hexadecimal: $0) }),
            let epoch = line["epoch"].flatMap({ UInt64($0, radix: 16) }),
            let saved: Int64 = line.number("saved"), saved >= 0,
            let offset: Int64 = line.number("wall-minus-boot")
        else { return nil }
        let header = StateFileHeader(
            host: host, boot: boot, epoch: epoch, savedAtMilliseconds: saved,
            wallMinusBootMilliseconds: offset, isClosed: line["end"] == "closed")
        return (header, length)
    }
}
