import FoundationEssentials
import TestSupport
import Testing

/// One vector of `Protocol/vectors/v1`: bytes and what they mean.
struct VectorFile: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let meaning: JSONValue

    var testDescription: String { name }

    /// What is wrong with the folder.
    enum Problem: Error {
        case noMeaning(String)
    }

    static let directory = ancestor(of: #filePath, levels: 3) + "/Protocol/vectors/v1"

    static let valid = Result { try load(directory) }
    static let invalid = Result { try load(directory + "/invalid") }

    /// Those valid vectors that are one frame, not a session.
    static func singleFrames() throws -> [VectorFile] {
        try valid.get().filter { $0.meaning["frames"] == nil }
    }

    /// Those invalid vectors that a decoder refuses by itself.
    static func invalidFrames() throws -> [VectorFile] {
        try invalid.get().filter { $0.meaning["layer"] == .string("frame") }
    }

    /// Those invalid vectors whose frames are right and whose session is not.
    static func invalidSessions() throws -> [VectorFile] {
        try invalid.get().filter { $0.meaning["layer"] == .string("session") }
    }

    /// Whether the frame belongs to a session after WELCOME.
    var isWelcomed: Bool { meaning["state"] == .string("live") }

    private static func load(_ directory: String) throws -> [VectorFile] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        return try names.filter { $0.hasSuffix(".hex") }.map { file in
            let name = String(file.dropLast(4))
            let json = directory + "/" + name + ".json"
            guard names.contains(name + ".json") else { throw Problem.noMeaning(name) }
            let text = String(
                decoding: try Data(contentsOf: URL(filePath: directory + "/" + file)),
                as: UTF8.self)
            return VectorFile(
                name: name, bytes: try HexVector(text).bytes,
                meaning: try JSONDecoder().decode(
                    JSONValue.self, from: try Data(contentsOf: URL(filePath: json))))
        }
    }
}

private func ancestor(of path: StaticString, levels: Int) -> String {
    "\(path)".split(separator: "/").dropLast(levels).map { "/" + $0 }.joined()
}
