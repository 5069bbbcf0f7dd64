/// Where an interpreter is in a target, and how it is laid out.
public struct Interpreter: Hashable, Sendable {
    /// Its version.
    public var version: PythonVersion
    /// Where its structures have what.
    public var layout: PythonLayout
    /// The address of `_PyRuntime`.
    public var runtime: UInt64
    /// How large it is; 0 where that is not known.
    public var runtimeBytes: UInt64
    /// The types that objects are checked against.
    public var types: ObjectTypes

    /// Takes the parts.
    public init(
        version: PythonVersion, layout: PythonLayout, runtime: UInt64, runtimeBytes: UInt64 = 0,
        types: ObjectTypes
    ) {
        self.version = version
        self.layout = layout
        self.runtime = runtime
        self.runtimeBytes = runtimeBytes
        self.types = types
    }
}

extension Interpreter {
    /// Whether a lock at this address is the interpreter's own, which one thread at a time holds.
    ///
    /// It lies in `_PyRuntime`, from 3.12 on as part of the main interpreter's state.
    func isOwnLock(_ address: UInt64) -> Bool {
        address >= runtime && address - runtime < runtimeBytes
    }
}

/// A stack that was read.
public struct ReadStack: Hashable, Sendable {
    /// The frames, the innermost first; never empty.
    public var frames: [StackFrame]
    /// Whether there were more frames than are kept.
    public var isCut: Bool
    /// Whether it is the stack of another thread than was asked for, because that one runs no
    /// Python: a thread that a library made for itself.
    public var isOfOtherThread: Bool
}

/// Reads the stacks of a Python program while it runs, and trusts nothing that it reads.
///
/// Every read has an allowance (`AllowedReads`), and so has going through what was read before;
/// every chain has a greatest length, every object a type that is checked where the interpreter
/// tells it. A stack that fails a check is read again,
/// at most `attempts` times, and every failure is counted.
public struct StackReader {
    /// The most frames that are kept of a stack, the innermost ones.
    public static let maximumFrames = 256
    /// The most frames, the interpreter's own included, that are walked through.
    static let maximumSteps = 1_024
    /// How often a stack is tried.
    public static let attempts = 3
    /// How much is read at once where frames are expected to lie together.
    static let windowBytes = 4_096

    /// The functions that stacks refer to.
    public private(set) var functions: FunctionTable
    /// How often a check failed, by reason.
    public private(set) var faults: [ReadFault: Int] = [:]
    /// Stacks that were read.
    public private(set) var stackCount = 0
    /// Stacks that could not be read, in all attempts.
    public private(set) var failureCount = 0
    /// Calls to read the target's memory.
    public private(set) var readCount = 0

    let interpreter: Interpreter
    let memory: any TargetMemory
    private var layout: PythonLayout { interpreter.layout }
    private var codes: CodeCache
    private var threads: ThreadStates
    private let frameBytes: Int

    /// Takes an interpreter and the memory that it is in.
    ///
    /// - Parameters:
    ///   - interpreter: Where it is.
    ///   - memory: The memory.
    ///   - functions: Functions that stacks refer to already; nil for none.
    ///   - limits: What may be kept.
    public init(
        _ interpreter: Interpreter, memory: any TargetMemory, functions: FunctionTable? = nil,
        limits: StackLimits = .usual
    ) {
        self.functions = functions ?? FunctionTable(limits: limits)
        self.interpreter = interpreter
        self.memory = memory
        codes = CodeCache(
            layout: interpreter.layout, types: interpreter.types, limits: limits)
        threads = ThreadStates(interpreter)
        let layout = interpreter.layout
        frameBytes =
            [
                layout.framePrevious, layout.frameCode, layout.frameInstruction,
                layout.frameOwner ?? 0, layout.objectType,
            ].reduce(0) { max($0, $1) } + 8
    }

    /// Reads the stack of a thread.
    ///
    /// - Parameters:
    ///   - thread: The thread's id in the target's own pid namespace; nil for the one that holds
    ///     the interpreter's lock, or held it last.
    ///   - process: The id of the process there, which is that of its first thread.
    ///   - alive: The ids of all threads of the process there, by which the offset of an id within
    ///     the C library's thread structure is found (before 3.11).
    /// - Returns: The stack; nil if all attempts failed.
    public mutating func stack(
        ofThread thread: Int32?, process: Int32, alive: () -> [Int32]
    ) -> ReadStack? {
        for _ in 0..<StackReader.attempts {
            var reads = AllowedReads(memory)
            defer { readCount += reads.reads }
            do throws(ReadFault) {
                let (state, isOther) = try threads.state(
                    ofThread: thread, process: process, alive: alive, &reads)
                var stack = try frames(ofState: state, &reads)
                stack.isOfOtherThread = isOther
                stackCount += 1
                return stack
            } catch {
                faults[error, default: 0] += 1
                // An allowance that was used up would be used up again.
                if error == .tooMuch || error == .noInterpreter { break }
                threads.forget()
            }
        }
        failureCount += 1
        return nil
    }

    private mutating func frames(
        ofState state: UInt64, _ reads: inout AllowedReads
    ) throws(ReadFault) -> ReadStack {
        var address: UInt64
        switch layout.newestFrame {
        case .inThread(let offset): address = try reads.pointer(state.offset(offset))
        case .inCallFrame(let pointer, let frame):
            let callFrame = try reads.pointer(state.offset(pointer))
            address = try reads.pointer(callFrame.offset(frame))
        }
        var walk = FrameWalk(frameBytes: frameBytes, isContiguous: !layout.hasFrameObjects)
        var found: [FramePlace] = []
        var isCut = false
        var cycle = CycleCheck()
        while address != 0 {
            guard cycle.steps < StackReader.maximumSteps else {
                isCut = true
                break
            }
            guard cycle.takes(address) else { throw .cycle }
            let frame = try walk.frame(at: address, &reads)
            guard let previous = frame.u64(layout.framePrevious),
                let code = frame.u64(layout.frameCode)
            else { throw .wrongFrame }
            if isPython(frame) {
                if found.count == StackReader.maximumFrames {
                    isCut = true
                    break
                }
                found.append(FramePlace(code: code, instruction: try instruction(of: frame)))
            }
            address = previous
        }
        guard !found.isEmpty else { throw .noFrame }
        var frames: [StackFrame] = []
        frames.reserveCapacity(found.count)
        // What calls itself is at the same place many times.
        var known: [FramePlace: StackFrame] = [:]
        for place in found {
            if let frame = known[place] {
                frames.append(frame)
                continue
            }
            let frame = try line(of: place, &reads)
            known[place] = frame
            frames.append(frame)
        }
        return ReadStack(frames: frames, isCut: isCut, isOfOtherThread: false)
    }

    /// Whether a frame is a Python function's, and not one of the interpreter's own.
    private func isPython(_ frame: ByteView) -> Bool {
        guard let offset = layout.frameOwner, let owner = frame.u8(offset) else { return true }
        return owner < layout.firstForeignOwner
    }

    private func instruction(of frame: ByteView) throws(ReadFault) -> UInt64 {
        if layout.hasFrameObjects {
            guard interpreter.types.frame.map({ frame.u64(layout.objectType) == $0 }) ?? true,
                let index = frame.i32(layout.frameInstruction)
            else { throw .wrongFrame }
            return UInt64(bitPattern: Int64(index) * Int64(layout.instructionUnit))
        }
        guard let pointer = frame.u64(layout.frameInstruction) else { throw .wrongFrame }
        return pointer
    }

    private mutating func line(
        of place: FramePlace, _ reads: inout AllowedReads
    ) throws(ReadFault) -> StackFrame {
        let code = try codes.code(at: place.code, &reads, &functions)
        var offset = Int64(bitPattern: place.instruction)
        if let instructions = layout.codeInstructions {
            offset = Int64(bitPattern: place.instruction &- place.code.offset(instructions))
            // The instruction before the first one is where a function begins.
            guard offset >= -64, offset < 64 << 20 else { throw .wrongFrame }
        }
        let (line, walked) = LineTable.walk(
            code.lines, format: layout.lineFormat, firstLine: code.firstLine, offset: Int(offset))
        try reads.walked(walked)
        return StackFrame(function: code.function, line: line)
    }
}

/// Where a frame is in its code.
private struct FramePlace: Hashable {
    var code: UInt64
    var instruction: UInt64
}

/// Frames one after the other, several of them by one read where they lie together.
private struct FrameWalk {
    let frameBytes: Int
    /// Whether callers lie below what they call, as they do from 3.11 on.
    let isContiguous: Bool
    private var window = ByteView([])
    private var start: UInt64 = 0

    init(frameBytes: Int, isContiguous: Bool) {
        self.frameBytes = frameBytes
        self.isContiguous = isContiguous
    }

    mutating func frame(
        at address: UInt64, _ reads: inout AllowedReads
    ) throws(ReadFault) -> ByteView {
        if address >= start,
            let bytes = window.bytes(at: Int(clamping: address - start), count: frameBytes)
        {
            return ByteView(bytes)
        }
        let size = StackReader.windowBytes
        // What a layout says of frames was written by whoever is read.
        let below = UInt64(max(0, size - frameBytes))
        if isContiguous, frameBytes <= size, address > below {
            // The window may begin before the memory does; then the frame is read alone.
            do throws(ReadFault) {
                window = try reads.bytes(address - below, size)
                start = address - below
                return ByteView(window.bytes(at: Int(below), count: frameBytes) ?? [])
            } catch .unreadable {
                window = ByteView([])
            } catch {
                throw error
            }
        }
        return try reads.bytes(address, frameBytes)
    }
}

/// Whether a chain of addresses leads back into itself, by Brent's method: one address is kept.
struct CycleCheck {
    private(set) var steps = 0
    private var kept: UInt64 = 0
    private var nextPower = 1

    /// Takes the next address; false if it was there before.
    mutating func takes(_ address: UInt64) -> Bool {
        if steps > 0, address == kept { return false }
        steps += 1
        if steps == nextPower {
            kept = address
            nextPower *= 2
        }
        return true
    }
}
