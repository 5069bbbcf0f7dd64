public import MemoryModel

/// One file that is mapped into a process, by its lowest mapping.
public struct MappedFile: Hashable, Sendable {
    /// Its path as the process sees it; what was removed since ends in ` (deleted)`.
    public var path: RawText
    /// The address of the lowest mapping.
    public var start: UInt64
    /// The offset in the file that is mapped there.
    public var fileOffset: UInt64
    /// The inode number, as `maps` has it.
    public var inode: UInt64

    /// Takes the parts.
    public init(path: RawText, start: UInt64, fileOffset: UInt64, inode: UInt64) {
        self.path = path
        self.start = start
        self.fileOffset = fileOffset
        self.inode = inode
    }

    /// The last part of the path, without ` (deleted)`.
    public var baseName: RawText {
        var bytes = path.bytes[...]
        let deleted = Array(" (deleted)".utf8)
        if bytes.count > deleted.count, bytes.suffix(deleted.count).elementsEqual(deleted) {
            bytes = bytes.dropLast(deleted.count)
        }
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? bytes.startIndex
        return RawText(Array(bytes[start...]))
    }
}

/// `/proc/PID/maps`: which files are mapped where (`proc_pid_maps(5)`).
///
///     START-END PERMISSIONS OFFSET MAJOR:MINOR INODE PATH
///
/// The file of a process with many mappings is long, and is taken in pieces.
struct MapsFile {
    /// The mapped files in the order of their addresses, each once.
    private(set) var files: [MappedFile] = []
    /// Whether there were more files than are kept.
    private(set) var isCut = false

    /// The most files that are kept; a large program maps some hundred.
    static let maximumFiles = 4_096
    /// The longest line that is believed: addresses and a path of 4,096 bytes, all of it escaped.
    static let maximumLineBytes = 16_640

    private var rest: [UInt8] = []
    private var known: Set<[UInt8]> = []

    /// Takes the next piece of the file.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var remaining = bytes[...]
        while let end = remaining.firstIndex(of: 10) {
            rest.append(contentsOf: remaining[..<end])
            take(line: rest)
            rest.removeAll(keepingCapacity: true)
            remaining = remaining[(end + 1)...]
        }
        if rest.count + remaining.count <= MapsFile.maximumLineBytes {
            rest.append(contentsOf: remaining)
        }
    }

    private mutating func take(line: [UInt8]) {
        guard let slash = line.firstIndex(of: UInt8(ascii: "/")) else { return }
        let path = Array(line[slash...])
        guard !known.contains(path) else { return }
        let fields = line[..<slash].split(separator: UInt8(ascii: " "))
        guard fields.count == 5, let range = fields.first,
            let dash = range.firstIndex(of: UInt8(ascii: "-")),
            let start = MapsFile.hexadecimal(range[..<dash]),
            let offset = MapsFile.hexadecimal(fields[2]),
            let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
        else { return }
        guard files.count < MapsFile.maximumFiles else {
            isCut = true
            return
        }
        known.insert(path)
        files.append(
            MappedFile(
                path: RawText(MapsFile.unescaped(path)), start: start, fileOffset: offset,
                inode: inode))
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// The kernel writes a newline of a path as `\012` and nothing else.
    private static func unescaped(_ path: [UInt8]) -> [UInt8] {
        let escape = Array("\\012".utf8)
        guard path.contains(UInt8(ascii: "\\")) else { return path }
        var text: [UInt8] = []
        var index = 0
        while index < path.count {
            if path[index...].starts(with: escape) {
                text.append(10)
                index += escape.count
            } else {
                text.append(path[index])
                index += 1
            }
        }
        return text
    }
}
