import CZlib
import MemoryModel

/// What the runs of a block held in the end, where the block of the next hour goes on from.
struct HourEnds: Equatable {
    /// In the order of their keys, as they come out of a block.
    let windows: [(key: ProcessKey, window: Window)]
    /// The CRC-32 of all of them, by which a block knows again where it goes on from.
    let digest: UInt32

    /// Of no hour.
    static let none = HourEnds(of: WindowHour())

    /// Whether both are of the same runs with the same windows, which one digest does not say.
    static func == (left: HourEnds, right: HourEnds) -> Bool {
        left.windows.elementsEqual(right.windows, by: ==)
    }

    /// Of an hour that is packed, or about to be.
    init(of hour: WindowHour) {
        windows = hour.runs
            .compactMap { key, run in
                (run.own.last?.window ?? run.carried).map { (key, PackedMinutes.rounded($0)) }
            }
            .sorted { $0.0 < $1.0 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(windows.count * 32)
        for (key, window) in windows {
            let pid = UInt64(UInt32(bitPattern: key.pid))
            for number in [
                pid << 32 | UInt64(key.image), key.startTicks, window.atLeastBytes,
                window.atMostBytes ?? .max,
            ] {
                withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
            }
        }
        digest = UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
    }
}
