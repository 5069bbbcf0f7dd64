import MemoryModel

/// Paths of cgroups as people can read them.
enum CgroupText {
    private static let identifierLength = 64
    private static let shownLength = 12

    /// The path with each identifier of 64 hexadecimal digits cut to its first 12, as container
    /// runtimes show them.
    static func shortened(_ path: RawText) -> RawText {
        var result: [UInt8] = []
        var digits = 0
        for byte in path.bytes {
            if isHexadecimal(byte) {
                digits += 1
                result.append(byte)
            } else {
                cut(&result, digits)
                digits = 0
                result.append(byte)
            }
        }
        cut(&result, digits)
        return RawText(result)
    }

    /// What of a path names the container or unit: the innermost part with such an identifier,
    /// without `.scope`, else the innermost service or scope, else all of the path.
    static func label(_ path: RawText) -> RawText {
        let parts = path.bytes.split(separator: UInt8(ascii: "/")).map { RawText(Array($0)) }
        let scope = ".scope"
        if let part = parts.last(where: { shortened($0) != $0 }) {
            let short = shortened(part)
            return ends(short, in: scope)
                ? short.clamped(toBytes: short.bytes.count - scope.utf8.count) : short
        }
        return parts.last { ends($0, in: ".service") || ends($0, in: scope) } ?? path
    }

    private static func ends(_ name: RawText, in suffix: String) -> Bool {
        name.bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    private static func cut(_ bytes: inout [UInt8], _ digits: Int) {
        guard digits == identifierLength else { return }
        bytes.removeLast(identifierLength - shownLength)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte &- UInt8(ascii: "a") < 6
    }
}

extension TableCell {
    /// The path of a cgroup, whole for a pipe.
    static func cgroup(_ path: RawText?, _ style: TextStyle, _ role: TextRole = .plain)
        -> TextTable.Cell
    {
        guard let path else { return unknown }
        return name(style.width == nil ? path : CgroupText.shortened(path), style, role)
    }
}
