/// `_Py_DebugOffsets`: the layout that an interpreter from 3.13 on tells of itself, at the very
/// beginning of `_PyRuntime`.
///
/// It is an array of 64-bit numbers in the order of `pycore_runtime.h`. That order is each minor
/// version's own, so a version that is not known here is refused.
public enum DebugOffsets {
    /// What the beginning of `_PyRuntime` turned out to be.
    public enum Answer: Hashable, Sendable {
        /// No debug offsets: an interpreter before 3.13, or none at all.
        case absent
        /// A layout that can be read.
        case layout(PythonLayout, PythonVersion)
        /// A version whose order is not known.
        case unknown(PythonVersion)
        /// A build without the interpreter's lock, whose frames are not read.
        case freeThreaded(PythonVersion)
        /// A known version whose offsets cannot be: outside of their structures.
        case malformed(PythonVersion)
    }

    /// The bytes that are looked at.
    public static let byteCount = 74 * 8

    /// `xdebugpy`.
    private static let cookie = Array("xdebugpy".utf8)
    /// The runtime and an interpreter are no larger.
    private static let maximumState: UInt64 = 1 << 20
    /// Threads, frames and objects are no larger: of each as much is read as its offsets span.
    private static let maximumObject: UInt64 = 2_048
    /// The numbers of the words with the sizes of the runtime and of an interpreter.
    private static let states = [3, 6]

    /// Reads them out of the first `byteCount` bytes of `_PyRuntime`.
    public static func parse(_ bytes: [UInt8]) -> Answer {
        let view = ByteView(bytes)
        guard view.bytes(at: 0, count: 8) == cookie, let hexadecimal = view.u64(8),
            let freeThreaded = view.u64(16)
        else { return .absent }
        let version = PythonVersion(hexadecimal: hexadecimal)
        guard freeThreaded == 0 else { return .freeThreaded(version) }
        guard version == PythonVersion.newestRead else { return .unknown(version) }
        guard let layout = version13(view) else { return .malformed(version) }
        return .layout(layout, version)
    }

    /// The order of 3.13, as numbers of 64-bit words from the beginning.
    private static func version13(_ view: ByteView) -> PythonLayout? {
        /// A structure's word with its size, and an offset that has to lie in it.
        func offset(_ word: Int, ofStructure sizeWord: Int, bytes: UInt64 = 8) -> Int? {
            let most = states.contains(sizeWord) ? maximumState : maximumObject
            guard let size = view.u64(sizeWord * 8), size <= most,
                let offset = view.u64(word * 8), offset <= size, bytes <= size - offset
            else { return nil }
            return Int(offset)
        }
        guard var layout = PythonLayout(version: PythonVersion(3, 12)),
            let interpreters = offset(5, ofStructure: 3),
            let interpreterNext = offset(8, ofStructure: 6),
            let threads = offset(9, ofStructure: 6), let holder = offset(18, ofStructure: 6),
            let threadNext = offset(21, ofStructure: 19),
            let interpreter = offset(22, ofStructure: 19),
            let frame = offset(23, ofStructure: 19), let pthread = offset(24, ofStructure: 19),
            let nativeID = offset(25, ofStructure: 19),
            let previous = offset(29, ofStructure: 28),
            let executable = offset(30, ofStructure: 28),
            let instruction = offset(31, ofStructure: 28),
            let owner = offset(33, ofStructure: 28, bytes: 1),
            let file = offset(35, ofStructure: 34), let name = offset(37, ofStructure: 34),
            let lines = offset(38, ofStructure: 34),
            let firstLine = offset(39, ofStructure: 34, bytes: 4),
            let instructions = offset(43, ofStructure: 34, bytes: 0),
            let type = offset(45, ofStructure: 44), let bytesSize = offset(65, ofStructure: 64),
            let bytesContent = offset(66, ofStructure: 64, bytes: 1),
            let textState = offset(68, ofStructure: 67, bytes: 4),
            let textLength = offset(69, ofStructure: 67), let textASCII = view.u64(70 * 8),
            let textCompact = view.u64(67 * 8), textASCII <= textCompact, textCompact <= 4_096
        else { return nil }
        layout.runtimeInterpreters = interpreters
        layout.interpreterNext = interpreterNext
        layout.interpreterThreads = threads
        layout.lockHolder = .inInterpreter(holder)
        layout.threadNext = threadNext
        layout.threadInterpreter = interpreter
        layout.newestFrame = .inThread(frame)
        layout.threadPthread = pthread
        layout.threadNativeID = nativeID
        layout.framePrevious = previous
        layout.frameCode = executable
        layout.frameInstruction = instruction
        layout.frameOwner = owner
        layout.codeFile = file
        layout.codeName = name
        layout.codeLines = lines
        layout.codeFirstLine = firstLine
        layout.codeInstructions = instructions
        layout.objectType = type
        layout.objectSize = bytesSize
        layout.bytesContent = bytesContent
        layout.textState = textState
        layout.textLength = textLength
        layout.textASCII = Int(textASCII)
        // The size of the structure for text that is not ASCII ends before its content; the size
        // that is told is that of PyUnicodeObject, one pointer more.
        layout.textCompact = Int(textCompact) - 8
        return layout
    }
}
