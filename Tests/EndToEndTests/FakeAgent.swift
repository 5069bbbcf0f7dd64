import Foundation
import MemoryModel
import TestSupport
import Wire

/// What an agent says, made by hand for a connection of a test.
enum FakeAgent {
    /// The preface and these frames, numbered from 0.
    static func bytes(_ frames: [Frame]) throws -> [UInt8] {
        var encoder = try FrameEncoder()
        var bytes = FrameEncoder.preface
        for (sequence, frame) in frames.enumerated() {
            try encoder.encode(
                frame, sequence: UInt64(sequence), mayCompress: false, into: &bytes)
        }
        return bytes
    }

    static func hello(
        _ hostID: String, boot: BootID = BootID(high: 1, low: 2), epoch: UInt64 = 42
    ) -> Frame {
        .hello(
            HelloFrame(
                lowestMajor: 1, highestMajor: 1, requiredFeatures: 0, offeredFeatures: 0,
                epoch: epoch, boot: boot, hostID: RawText(hostID),
                hostName: RawText(hostID), agentVersion: "1.0"))
    }

    static let host = Frame.host(
        HostDescription(
            name: "fake", kernelRelease: "6.18", memoryTotalBytes: 1 << 34, swapTotalBytes: 0,
            processorCount: 2, ticksPerSecond: 100, wallMinusBootMilliseconds: 1_700_000_000_000,
            intervalMilliseconds: 1_000, restrictions: [], labels: []))

    /// All that a host without processes says to become live.
    static func opening(_ hostID: String) throws -> [UInt8] {
        try bytes([hello(hostID), host, .stateEnd(StateEndFrame(liveCount: 0))])
    }
}

/// What was received, as frames.
enum Received {
    /// All whole frames of `bytes`; throws if there is anything else.
    static func frames(_ bytes: [UInt8]) throws -> [Frame] {
        var decoder = try FrameDecoder()
        var frames: [Frame] = []
        var rest = bytes[...]
        while true {
            let decoded = try rest.withUnsafeBytes { try decoder.decode($0, isWelcomed: true) }
            guard let decoded else { return frames }
            frames.append(decoded.frame)
            rest = rest.dropFirst(decoded.consumedBytes)
        }
    }

    /// The code of the ERROR that the frames end with; nil if they end otherwise.
    static func error(_ bytes: [UInt8]) throws -> ErrorCode? {
        guard case .error(let error) = try frames(bytes).last else { return nil }
        return UInt16(exactly: error.code).flatMap(ErrorCode.init(rawValue:))
    }
}

/// One invalid vector of `Protocol/vectors/v1/invalid`.
struct InvalidVector {
    let name: String
    let bytes: [UInt8]
    /// `frame` or `session`.
    let layer: String
    let error: String
    /// `beforeWelcome` or `live`; nil for sessions.
    let state: String?

    /// Those that an agent sends, in the order of their numbers.
    static func fromAgents() throws -> [InvalidVector] {
        let folder = Program.repository.appending(path: "Protocol/vectors/v1/invalid")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
        return try names.compactMap { name in
            let data = try Data(contentsOf: folder.appending(path: name + ".json"))
            let meaning = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            guard let meaning, meaning["direction"] as? String == "agent" else { return nil }
            // Those that presuppose another WELCOME than a collector's usual one are tried on the
            // session alone.
            guard meaning["welcome"] == nil else { return nil }
            let hex = try Data(contentsOf: folder.appending(path: name + ".hex"))
            guard let layer = meaning["layer"] as? String, let error = meaning["error"] as? String
            else { throw Program.Failure(description: "\(name) says no layer or error") }
            return InvalidVector(
                name: name, bytes: try HexVector(String(decoding: hex, as: UTF8.self)).bytes,
                layer: layer, error: error, state: meaning["state"] as? String)
        }
    }

    /// All that a connection has to send so that a collector meets this vector in its state.
    func conversation(hostID: String) throws -> [UInt8] {
        switch (layer, state) {
        case ("session", _): bytes
        case (_, "beforeWelcome"): FrameEncoder.preface + bytes
        default: try FakeAgent.opening(hostID) + bytes
        }
    }
}
