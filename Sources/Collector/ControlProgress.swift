/// How far a request is, told over the control socket before its answer.
///
/// Each is a line `progress`, a tab and text for people. What reads an answer takes these lines
/// from its beginning.
enum ControlProgress {
    private static let word = Array("progress\t".utf8)
    private static let newline = UInt8(ascii: "\n")

    /// As it goes over the socket.
    static func bytes(_ text: String) -> [UInt8] {
        word + Array(text.replacing("\n", with: " ").utf8) + [newline]
    }

    /// Takes whole lines of progress from the beginning of what was received, oldest first.
    static func take(from bytes: inout [UInt8]) -> [String] {
        var texts: [String] = []
        while bytes.starts(with: word), let end = bytes.firstIndex(of: newline) {
            texts.append(String(decoding: bytes[word.count..<end], as: UTF8.self))
            bytes.removeSubrange(...end)
        }
        return texts
    }
}

extension ControlRequest {
    /// What to do where it is not known whether it was done.
    var adviceWithoutAnswer: String {
        switch self {
        case .purge, .undo: "'memcollector purge --list' shows whether it was done"
        case .prune(_, isDryRun: false):
            "what it had removed until then is gone; ask again for the rest"
        case .forget(_, isDryRun: false): "'memcollector hosts' shows whether it was done"
        case .list, .prune, .forget: "ask again"
        }
    }
}
