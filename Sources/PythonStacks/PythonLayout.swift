/// A version of Python's language and ABI, such as 3.11.
public struct PythonVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 3, of everything that is read here.
    public var major: Int
    /// 11 of 3.11.
    public var minor: Int

    /// Takes both.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Takes what `Py_Version` and the debug offsets hold: `0x030B07F0` is 3.11.7.
    public init(hexadecimal: UInt64) {
        self.init(Int(hexadecimal >> 24 & 0xFF), Int(hexadecimal >> 16 & 0xFF))
    }

    /// `3.11`.
    public var description: String { "\(major).\(minor)" }

    /// The newest version that is read.
    static let newestRead = PythonVersion(3, 13)

    /// Why a CPython of this version is not read.
    var refusal: String {
        self > PythonVersion.newestRead
            ? "it is CPython \(self), which is newer than this release knows; 3.8 to"
                + " \(PythonVersion.newestRead) can be read"
            : "it is CPython \(self); 3.8 to \(PythonVersion.newestRead) can be read"
    }

    /// Orders by age.
    public static func < (left: PythonVersion, right: PythonVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

/// Where CPython keeps what leads to its frames: offsets in bytes within its structures.
///
/// They differ between minor versions and are the same within one, as its ABI is.
public struct PythonLayout: Hashable, Sendable {
    /// How lines are kept.
    public enum LineFormat: Hashable, Sendable {
        /// `co_lnotab`, until 3.9: pairs of steps.
        case steps
        /// `co_linetable` of 3.10: pairs of a length and a step.
        case ranges
        /// The location table, from 3.11 on.
        case locations
    }

    /// Where a thread's newest frame is.
    public enum NewestFrame: Hashable, Sendable {
        /// In the thread state itself.
        case inThread(Int)
        /// In the structure that the thread state points to (3.11 and 3.12).
        case inCallFrame(pointer: Int, frame: Int)
    }

    /// Where the thread is that holds the lock of the interpreter, or held it last.
    public enum LockHolder: Hashable, Sendable {
        /// In `_PyRuntime`.
        case inRuntime(Int)
        /// In the interpreter's state.
        case inInterpreter(Int)
    }

    /// `_PyRuntime`: the first interpreter.
    public var runtimeInterpreters: Int
    /// An interpreter: the next one.
    public var interpreterNext: Int
    /// An interpreter: its first thread.
    public var interpreterThreads: Int
    /// The thread that runs Python.
    public var lockHolder: LockHolder
    /// A thread: the next one.
    public var threadNext: Int
    /// A thread: its interpreter.
    public var threadInterpreter: Int
    /// A thread: its `pthread_t`.
    public var threadPthread: Int
    /// A thread: the kernel's id of it; nil before 3.11.
    public var threadNativeID: Int?
    /// A thread: its newest frame.
    public var newestFrame: NewestFrame
    /// A frame: its caller's.
    public var framePrevious: Int
    /// A frame: its code.
    public var frameCode: Int
    /// A frame: the instruction, a pointer from 3.11 on and a number before.
    public var frameInstruction: Int
    /// A frame: who owns it; nil before 3.11.
    public var frameOwner: Int?
    /// Owners from this number on are no Python functions.
    public var firstForeignOwner: UInt8
    /// Code: its file's name.
    public var codeFile: Int
    /// Code: its name, qualified from 3.11 on.
    public var codeName: Int
    /// Code: its first line.
    public var codeFirstLine: Int
    /// Code: its table of lines.
    public var codeLines: Int
    /// Code: its instructions; nil before 3.11.
    public var codeInstructions: Int?
    /// How lines are kept.
    public var lineFormat: LineFormat
    /// How many bytes a number in `frameInstruction` counts; unused from 3.11 on.
    public var instructionUnit: Int
    /// An object: its type.
    public var objectType = 8
    /// An object of variable size: its size.
    public var objectSize = 16
    /// Bytes: their content.
    public var bytesContent = 32
    /// Text: its length in characters.
    public var textLength = 16
    /// Text: its kind and form.
    public var textState = 32
    /// Text of ASCII: its content.
    public var textASCII: Int
    /// Other text: its content.
    public var textCompact: Int

    /// Whether frames are objects of the heap, with a type to check.
    public var hasFrameObjects: Bool { codeInstructions == nil }

    /// The versions that have a layout here.
    public static let tableVersions = (8...12).map { PythonVersion(3, $0) }

    /// The layout of a version from 3.8 to 3.12; nil for any other.
    ///
    /// The numbers are what `offsetof` says with each version's own headers (x86-64 and every
    /// other platform with 64 bits and the C library's alignment);
    /// `Tests/PythonStacksTests/Layout/offsets.c` prints them, and a test compares them wherever
    /// such headers are installed.
    public init?(version: PythonVersion) {
        guard version.major == 3 else { return nil }
        switch version.minor {
        case 8: self = PythonLayout.frameObjects(instruction: 104, unit: 1, holder: 1368)
        case 9: self = PythonLayout.frameObjects(instruction: 104, unit: 1, holder: 568)
        case 10:
            self = PythonLayout.frameObjects(instruction: 96, unit: 2, holder: 568)
            lineFormat = .ranges
        case 11: self = PythonLayout.version11
        case 12: self = PythonLayout.version12
        default: return nil
        }
    }

    private init(
        runtimeInterpreters: Int, interpreterThreads: Int, lockHolder: LockHolder,
        threadPthread: Int, threadNativeID: Int?, newestFrame: NewestFrame, frame: FrameOffsets,
        code: CodeOffsets, lineFormat: LineFormat, instructionUnit: Int, text: (Int, Int)
    ) {
        self.runtimeInterpreters = runtimeInterpreters
        interpreterNext = 0
        self.interpreterThreads = interpreterThreads
        self.lockHolder = lockHolder
        threadNext = 8
        threadInterpreter = 16
        self.threadPthread = threadPthread
        self.threadNativeID = threadNativeID
        self.newestFrame = newestFrame
        framePrevious = frame.previous
        frameCode = frame.code
        frameInstruction = frame.instruction
        frameOwner = frame.owner
        firstForeignOwner = 3
        codeFile = code.file
        codeName = code.name
        codeFirstLine = code.firstLine
        codeLines = code.lines
        codeInstructions = code.instructions
        self.lineFormat = lineFormat
        self.instructionUnit = instructionUnit
        textASCII = text.0
        textCompact = text.1
    }

    private static func frameObjects(
        instruction: Int, unit: Int, holder: Int
    ) -> PythonLayout {
        PythonLayout(
            runtimeInterpreters: 32, interpreterThreads: 8, lockHolder: .inRuntime(holder),
            threadPthread: 176, threadNativeID: nil, newestFrame: .inThread(24),
            frame: FrameOffsets(previous: 24, code: 32, instruction: instruction),
            code: CodeOffsets(file: 104, name: 112, firstLine: 40, lines: 120),
            lineFormat: .steps, instructionUnit: unit, text: (48, 72))
    }

    private static var version11: PythonLayout {
        PythonLayout(
            runtimeInterpreters: 40, interpreterThreads: 16, lockHolder: .inRuntime(576),
            threadPthread: 152, threadNativeID: 160,
            newestFrame: .inCallFrame(pointer: 56, frame: 8),
            frame: FrameOffsets(previous: 48, code: 32, instruction: 56, owner: 69),
            code: CodeOffsets(file: 112, name: 128, firstLine: 72, lines: 136, instructions: 184),
            lineFormat: .locations, instructionUnit: 1, text: (48, 72))
    }

    private static var version12: PythonLayout {
        PythonLayout(
            runtimeInterpreters: 40, interpreterThreads: 72, lockHolder: .inInterpreter(1048),
            threadPthread: 136, threadNativeID: 144,
            newestFrame: .inCallFrame(pointer: 56, frame: 0),
            frame: FrameOffsets(previous: 8, code: 0, instruction: 56, owner: 70),
            code: CodeOffsets(file: 112, name: 128, firstLine: 68, lines: 136, instructions: 192),
            lineFormat: .locations, instructionUnit: 1, text: (40, 56))
    }
}

/// Offsets within a frame.
private struct FrameOffsets {
    var previous: Int
    var code: Int
    var instruction: Int
    var owner: Int?
}

/// Offsets within a code object.
private struct CodeOffsets {
    var file: Int
    var name: Int
    var firstLine: Int
    var lines: Int
    var instructions: Int?
}
