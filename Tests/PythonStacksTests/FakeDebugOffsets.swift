import PythonStacks

/// The debug offsets of CPython 3.13.0 on x86-64, as they stand in its memory.
enum FakeDebugOffsets {
    static let version = PythonVersion(3, 13)

    /// `_Py_DebugOffsets`, word by word.
    static let words: [UInt64] = [
        0x7970677562656478, 51183856, 0, 283320, 608, 632, 194968, 7272, 7264, 7344, 7400, 7656,
        7640, 7648, 16, 7752, 0, 7768, 7760, 304, 0, 8, 16, 72, 152, 160, 232, 32, 80, 8, 0, 56,
        72, 70, 208, 112, 120, 128, 136, 68, 52, 96, 104, 200, 16, 8, 416, 24, 88, 168, 32, 24,
        16, 40, 24, 16, 48, 32, 40, 24, 16, 32, 16, 24, 40, 16, 32, 64, 32, 16, 40, 240, 200, 1,
    ]

    static let bytes = bytes(of: words)

    static func bytes(of words: [UInt64]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }
}
