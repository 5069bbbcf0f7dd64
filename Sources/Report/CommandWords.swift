public import MemoryModel

/// Command lines where there is little room for them.
public enum CommandWords {
    /// A terminal of so many columns has room for paths.
    public static let wideColumns = 110

    /// `command` without the folders of the program that it begins with.
    public static func withoutFolders(_ command: RawText) -> RawText {
        RawText(withoutFolders(command.bytes))
    }

    /// The same as bytes.
    public static func withoutFolders(_ command: [UInt8]) -> [UInt8] {
        guard command.first == UInt8(ascii: "/") else { return command }
        let end = command.firstIndex(of: UInt8(ascii: " ")) ?? command.endIndex
        guard let slash = command[..<end].lastIndex(of: UInt8(ascii: "/")), slash + 1 < end else {
            return command
        }
        return Array(command[(slash + 1)...])
    }
}
