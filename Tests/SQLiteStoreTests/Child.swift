import Foundation

/// A process of `StoreCrashChild` and the lines that it says.
final class Child {
    private let process = Process()
    private let output = Pipe()
    private var unread: [UInt8] = []

    init(_ arguments: [String]) throws {
        // The test's own program stands beside the other products of the build.
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let near = URL(fileURLWithPath: own).deletingLastPathComponent()
            .appendingPathComponent("StoreCrashChild")
        guard FileManager.default.isExecutableFile(atPath: near.path) else {
            throw FixtureError(reason: "no \(near.path)")
        }
        process.executableURL = near
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
    }

    /// The next whole line; nil once there are no more.
    func nextLine() throws -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeFirst(end + 1)
                return line
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { return nil }
            unread.append(contentsOf: more)
        }
    }

    /// Every line until its end.
    func allLines() throws -> [String] {
        var lines: [String] = []
        while let line = try nextLine() { lines.append(line) }
        process.waitUntilExit()
        return lines
    }

    /// Kills it as `kill -9` does and returns the lines that it still got out.
    func kill() throws -> [String] {
        Foundation.kill(process.processIdentifier, SIGKILL)
        let lines = try allLines()
        guard process.terminationReason == .uncaughtSignal else {
            throw FixtureError(reason: "the process ended by itself")
        }
        return lines
    }
}
