import MemoryModel
import TestSupport

/// Names of random bytes, of random characters, and of both.
enum RandomNames {
    static func next(_ generator: inout SeededGenerator) -> RawText {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...40, using: &generator) {
            if Bool.random(using: &generator) {
                bytes.append(UInt8.random(in: 0...255, using: &generator))
            } else if let scalar = Unicode.Scalar(
                UInt32.random(in: 0...0x10FFFF, using: &generator)
                    >> UInt32.random(in: 0...13, using: &generator))
            {
                bytes += Array(String(scalar).utf8)
            }
        }
        return RawText(bytes)
    }
}

/// A reader of RFC 4180 for tests.
enum CSVReader {
    /// Rows of fields; nil for a text that is not well formed.
    static func parse(_ text: String) -> [[String]]? {
        let bytes = Array(text.utf8)
        var rows: [[String]] = []
        var row: [String] = []
        var field: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x22, field.isEmpty {
                index += 1
                while true {
                    guard index < bytes.count else { return nil }
                    if bytes[index] == 0x22 {
                        guard index + 1 < bytes.count, bytes[index + 1] == 0x22 else { break }
                        index += 1
                    }
                    field.append(bytes[index])
                    index += 1
                }
                index += 1
            }
            guard index < bytes.count else { return nil }
            switch bytes[index] {
            case UInt8(ascii: ","), 0x0D:
                row.append(String(decoding: field, as: UTF8.self))
                field = []
                if bytes[index] == 0x0D {
                    index += 1
                    guard index < bytes.count, bytes[index] == 0x0A else { return nil }
                    rows.append(row)
                    row = []
                }
            case 0x22, 0x0A: return nil
            default: field.append(bytes[index])
            }
            index += 1
        }
        return row.isEmpty && field.isEmpty ? rows : nil
    }
}
