/// The line of an instruction, out of what a code object keeps of it.
public enum LineTable {
    /// The line of the instruction at a byte offset.
    ///
    /// - Parameters:
    ///   - table: The bytes of the table, whatever they are.
    ///   - format: How lines are kept.
    ///   - firstLine: The code's own first line.
    ///   - offset: The offset of the instruction in bytes; negative before the first one ran.
    /// - Returns: The line; `firstLine` where the table does not tell.
    public static func line(
        in table: [UInt8], format: PythonLayout.LineFormat, firstLine: Int32, offset: Int
    ) -> Int32 {
        walk(table, format: format, firstLine: firstLine, offset: offset).line
    }

    /// The same with how many bytes of the table had to be gone through.
    static func walk(
        _ table: [UInt8], format: PythonLayout.LineFormat, firstLine: Int32, offset: Int
    ) -> (line: Int32, walkedBytes: Int) {
        guard offset >= 0 else { return (firstLine, 0) }
        let (line, walked) =
            switch format {
            case .steps: stepsLine(table, Int64(firstLine), offset)
            case .ranges: rangesLine(table, Int64(firstLine), offset)
            case .locations: locationsLine(table, Int64(firstLine), offset)
            }
        return (Int32(exactly: line).flatMap { $0 >= 0 ? $0 : nil } ?? firstLine, walked)
    }

    /// `co_lnotab`, as `PyCode_Addr2Line` of 3.9 reads it: each pair steps forward in the code by
    /// an unsigned byte and in the lines by a signed one.
    private static func stepsLine(
        _ table: [UInt8], _ firstLine: Int64, _ offset: Int
    ) -> (Int64, Int) {
        var line = firstLine
        var address = 0
        for index in stride(from: 0, to: table.count - 1, by: 2) {
            address += Int(table[index])
            if address > offset { return (line, index) }
            line += Int64(Int8(bitPattern: table[index + 1]))
        }
        return (line, table.count)
    }

    /// `co_linetable` of 3.10 (`Objects/lnotab_notes.txt`): each pair is a range's length in bytes
    /// and the step of lines at its beginning; -128 is a range without a line.
    private static func rangesLine(
        _ table: [UInt8], _ firstLine: Int64, _ offset: Int
    ) -> (Int64, Int) {
        var line = firstLine
        var end = 0
        for index in stride(from: 0, to: table.count - 1, by: 2) {
            end += Int(table[index])
            let step = Int8(bitPattern: table[index + 1])
            if step != -128 { line += Int64(step) }
            if offset < end { return (line, index) }
        }
        return (line, table.count)
    }

    /// The location table from 3.11 on (`InternalDocs/code_objects.md`): an entry's first byte has
    /// its kind in bits 3 to 6 and its length in code units minus one in bits 0 to 2.
    private static func locationsLine(
        _ table: [UInt8], _ firstLine: Int64, _ offset: Int
    ) -> (Int64, Int) {
        var line = firstLine
        var address = 0
        var index = 0
        while index < table.count {
            let first = table[index]
            index += 1
            let end = address + (Int(first & 7) + 1) * 2
            switch first >> 3 & 15 {
            case 0...9: index += 1
            case 10...12:
                line += Int64(first >> 3 & 15) - 10
                index += 2
            case 13: line += signedVariable(table, &index)
            case 14:
                line += signedVariable(table, &index)
                for _ in 0..<3 { _ = variable(table, &index) }
            default: break
            }
            if offset < end { break }
            address = end
        }
        return (line, index)
    }

    /// Six bits a byte, the lowest first; bit 6 says that more follow.
    private static func variable(_ table: [UInt8], _ index: inout Int) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < table.count {
            let byte = table[index]
            index += 1
            // What does not fit into 36 bits is no line; it is read to its end all the same.
            if shift < 36 { value |= UInt64(byte & 63) << shift }
            shift = min(36, shift + 6)
            if byte & 64 == 0 { break }
        }
        return value
    }

    /// The sign is in the lowest bit.
    private static func signedVariable(_ table: [UInt8], _ index: inout Int) -> Int64 {
        let value = variable(table, &index)
        let magnitude = Int64(value >> 1)
        return value & 1 == 0 ? magnitude : -magnitude
    }
}
