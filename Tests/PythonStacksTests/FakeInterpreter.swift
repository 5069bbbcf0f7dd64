import PythonStacks
import TestSupport

/// Memory of a program that is not there; it counts what is read, and can change while it is.
final class FakeMemory: TargetMemory {
    /// Where it begins; below it, nothing can be read.
    static let base: UInt64 = 0x7000_0000

    var content: [UInt8] = []
    var readCount = 0
    var byteCount = 0
    /// What is done before each read.
    var beforeRead: ((FakeMemory) -> Void)?

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        beforeRead?(self)
        readCount += 1
        guard address >= FakeMemory.base, let start = Int(exactly: address - FakeMemory.base),
            start <= content.count, buffer.count <= content.count - start
        else { return false }
        byteCount += buffer.count
        buffer.copyBytes(from: content[start..<(start + buffer.count)])
        return true
    }

    /// Takes `count` zero bytes and gives their address.
    func allocate(_ count: Int) -> UInt64 {
        let address = FakeMemory.base + UInt64(content.count)
        content += [UInt8](repeating: 0, count: (count + 15) / 16 * 16)
        return address
    }

    func write<Number: FixedWidthInteger>(_ value: Number, at address: UInt64, _ offset: Int = 0) {
        let start = Int(address - FakeMemory.base) + offset
        withUnsafeBytes(of: value.littleEndian) {
            content.replaceSubrange(start..<(start + $0.count), with: $0)
        }
    }

    func write(_ bytes: [UInt8], at address: UInt64, _ offset: Int = 0) {
        let start = Int(address - FakeMemory.base) + offset
        content.replaceSubrange(start..<(start + bytes.count), with: bytes)
    }
}

/// An interpreter in fake memory, with threads and a stack each.
struct FakeInterpreter {
    let memory = FakeMemory()
    let interpreter: Interpreter
    /// The addresses of all frames, by thread, the innermost first.
    private(set) var frames: [[UInt64]] = []
    private(set) var threads: [UInt64] = []
    private(set) var codes: [UInt64] = []
    private(set) var tables: [UInt64] = []
    private(set) var names: [UInt64] = []

    private var layout: PythonLayout { interpreter.layout }

    /// Versions that a fake is made of.
    static let versions = PythonLayout.tableVersions + [FakeDebugOffsets.version]

    /// The layout of a version: of the table, or what its debug offsets tell.
    static func layout(_ version: PythonVersion) -> PythonLayout {
        if let layout = PythonLayout(version: version) { return layout }
        guard case .layout(let layout, version) = DebugOffsets.parse(FakeDebugOffsets.bytes) else {
            preconditionFailure("\(version) has a layout")
        }
        return layout
    }

    /// Threads have the ids 100, 101 and so on.
    init(_ version: PythonVersion, threadCount: Int = 3, depth: Int = 20) {
        let layout = FakeInterpreter.layout(version)
        _ = memory.allocate(4_096)
        let runtime = memory.allocate(4_096)
        if version == FakeDebugOffsets.version {
            memory.write(FakeDebugOffsets.bytes, at: runtime)
        }
        let types = ObjectTypes(
            code: memory.allocate(64), text: memory.allocate(64), bytes: memory.allocate(64),
            frame: memory.allocate(64))
        interpreter = Interpreter(
            version: version, layout: layout, runtime: runtime, types: types)
        for number in 0..<5 { addCode("function\(number)", line: Int32(10 * number + 10)) }
        // Of an interpreter's own state of 3.13 the first 8 KiB are read.
        let state = memory.allocate(8_192)
        memory.write(state, at: runtime, layout.runtimeInterpreters)
        for number in 0..<threadCount {
            let thread = addThread(Int32(100 + number), interpreter: state, depth: depth)
            let head = number == 0 ? state : threads[number - 1]
            memory.write(
                thread, at: head, number == 0 ? layout.interpreterThreads : layout.threadNext)
            threads.append(thread)
        }
        switch layout.lockHolder {
        case .inRuntime(let offset): memory.write(threads[0], at: runtime, offset)
        case .inInterpreter(let offset): memory.write(threads[0], at: state, offset)
        }
        _ = memory.allocate(8_192)
    }

    private mutating func addText(_ text: String) -> UInt64 {
        let address = memory.allocate(80 + text.utf8.count)
        memory.write(interpreter.types.text ?? 0, at: address, layout.objectType)
        memory.write(UInt64(text.utf8.count), at: address, layout.textLength)
        // One byte a character, compact, ASCII.
        memory.write(UInt32(1 << 2 | 1 << 5 | 1 << 6), at: address, layout.textState)
        memory.write(Array(text.utf8), at: address, layout.textASCII)
        names.append(address)
        return address
    }

    private mutating func addCode(_ name: String, line: Int32) {
        let table: [UInt8] =
            switch layout.lineFormat {
            case .steps: [4, 1, 4, 1, 4, 1]
            case .ranges: [4, 0, 4, 1, 4, 1]
            // Length 2 code units, no columns: steps of 0, 1 and 1 lines.
            case .locations: [0x80 | 13 << 3 | 1, 0, 0x80 | 13 << 3 | 1, 2, 0x80 | 13 << 3 | 1, 2]
            }
        let lines = memory.allocate(64)
        memory.write(interpreter.types.bytes ?? 0, at: lines, layout.objectType)
        memory.write(UInt64(table.count), at: lines, layout.objectSize)
        memory.write(table, at: lines, layout.bytesContent)
        tables.append(lines)
        let code = memory.allocate(320)
        memory.write(interpreter.types.code ?? 0, at: code, layout.objectType)
        memory.write(addText("/srv/\(name).py"), at: code, layout.codeFile)
        memory.write(addText(name), at: code, layout.codeName)
        memory.write(line, at: code, layout.codeFirstLine)
        memory.write(lines, at: code, layout.codeLines)
        codes.append(code)
    }

    private mutating func addThread(_ id: Int32, interpreter state: UInt64, depth: Int) -> UInt64 {
        let thread = memory.allocate(512)
        let pthread = memory.allocate(1_200)
        memory.write(id, at: pthread, 720)
        memory.write(state, at: thread, layout.threadInterpreter)
        memory.write(pthread, at: thread, layout.threadPthread)
        if let offset = layout.threadNativeID { memory.write(UInt64(id), at: thread, offset) }
        var previous: UInt64 = 0
        var stack: [UInt64] = []
        for number in 0..<depth {
            let frame = memory.allocate(128)
            let code = codes[number % codes.count]
            memory.write(previous, at: frame, layout.framePrevious)
            memory.write(code, at: frame, layout.frameCode)
            if let offset = layout.codeInstructions {
                memory.write(code + UInt64(offset) + 4, at: frame, layout.frameInstruction)
            } else {
                memory.write(interpreter.types.frame ?? 0, at: frame, layout.objectType)
                let index = Int32(4 / layout.instructionUnit)
                memory.write(index, at: frame, layout.frameInstruction)
            }
            previous = frame
            stack.insert(frame, at: 0)
        }
        frames.append(stack)
        switch layout.newestFrame {
        case .inThread(let offset): memory.write(previous, at: thread, offset)
        case .inCallFrame(let pointer, let offset):
            let callFrame = memory.allocate(64)
            memory.write(callFrame, at: thread, pointer)
            memory.write(previous, at: callFrame, offset)
        }
        return thread
    }
}
