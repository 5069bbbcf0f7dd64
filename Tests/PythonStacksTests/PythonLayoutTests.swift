import Foundation
import ProcessSampler
import PythonStacks
import TestSupport
import Testing

/// Offsets are what each interpreter's own headers say.
@Suite("Layouts of CPython")
struct PythonLayoutTests {
    /// What `offsets.c` prints with an interpreter's headers; nil if they are not installed.
    private func printedOffsets(_ interpreter: String) async throws -> [String: Int]? {
        guard let headers = try await Interpreters.headers(of: interpreter) else { return nil }
        let folder = try TemporaryFolder()
        let path = try await Compiler.build(
            "Tests/PythonStacksTests/Layout/offsets.c", in: folder, arguments: ["-I", headers])
        let answer = try await Program.run(path, [])
        var offsets: [String: Int] = [:]
        for line in answer.output.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { offsets[String(words[0])] = Int(words[1]) }
        }
        return offsets
    }

    private func layout(_ interpreter: String) async throws -> PythonLayout {
        let program = try GrowingProgram(interpreter)
        defer { program.program.signal(SIGKILL) }
        try await program.program.waitForText("ready")
        let process = try WatchedProcess(pid: program.program.pid)
        guard case .supported(let found) = try InterpreterFinder(process).find() else {
            throw Program.Failure(description: "no interpreter is found in \(interpreter)")
        }
        #expect(found.types.code != nil && found.types.text != nil && found.types.bytes != nil)
        return found.layout
    }

    @Test("every offset is that of the interpreter's headers", arguments: Interpreters.all)
    func offsets(_ interpreter: String) async throws {
        guard let offsets = try await printedOffsets(interpreter) else {
            print("\(interpreter): no internal headers are installed; its layout is not compared")
            return
        }
        let layout = try await layout(interpreter)
        #expect(offsets["runtime.interpreters_head"] == layout.runtimeInterpreters)
        #expect(offsets["interpreter.next"] == layout.interpreterNext)
        #expect(offsets["interpreter.threads_head"] == layout.interpreterThreads)
        switch layout.lockHolder {
        case .inRuntime(let offset): #expect(offsets["runtime.gil_holder"] == offset)
        case .inInterpreter(let offset): #expect(offsets["interpreter.gil_holder"] == offset)
        }
        #expect(offsets["thread.next"] == layout.threadNext)
        #expect(offsets["thread.interpreter"] == layout.threadInterpreter)
        #expect(offsets["thread.pthread"] == layout.threadPthread)
        #expect(offsets["thread.native_id"] == layout.threadNativeID)
        switch layout.newestFrame {
        case .inThread(let offset):
            #expect(offsets["thread.frame"] ?? offsets["thread.current_frame"] == offset)
        case .inCallFrame(let pointer, let frame):
            #expect(offsets["thread.cframe"] == pointer)
            #expect(offsets["cframe.current_frame"] == frame)
        }
        #expect(offsets["frame.previous"] == layout.framePrevious)
        #expect(offsets["frame.code"] == layout.frameCode)
        #expect(offsets["frame.instruction"] == layout.frameInstruction)
        #expect(offsets["frame.owner"] == layout.frameOwner)
        #expect(offsets["code.filename"] == layout.codeFile)
        #expect((offsets["code.qualified_name"] ?? offsets["code.name"]) == layout.codeName)
        #expect(offsets["code.first_line"] == layout.codeFirstLine)
        #expect(offsets["code.line_table"] == layout.codeLines)
        #expect(offsets["code.instructions"] == layout.codeInstructions)
        #expect(offsets["bytes.size"] == layout.objectSize)
        #expect(offsets["bytes.content"] == layout.bytesContent)
        #expect(offsets["text.length"] == layout.textLength)
        #expect(offsets["text.state"] == layout.textState)
        #expect(offsets["text.ascii_size"] == layout.textASCII)
        #expect(offsets["text.compact_size"] == layout.textCompact)
        #expect(offsets["object.type"] == layout.objectType)
    }

    @Test("the versions of the table are those from 3.8 to 3.12, and of no other is a layout made")
    func versions() {
        #expect(PythonLayout.tableVersions.allSatisfy { PythonLayout(version: $0) != nil })
        for version in [PythonVersion(3, 7), PythonVersion(3, 13), PythonVersion(2, 10)] {
            #expect(PythonLayout(version: version) == nil)
        }
    }
}

/// What an interpreter tells of its own layout is checked before it is believed.
@Suite("Debug offsets")
struct DebugOffsetsTests {
    private func bytes(version: UInt64, freeThreaded: UInt64, words: [Int: UInt64] = [:]) -> [UInt8]
    {
        var all = [UInt64](repeating: 0, count: DebugOffsets.byteCount / 8)
        all[0] = 0x7970_6775_6265_6478
        all[1] = version
        all[2] = freeThreaded
        for (index, word) in words { all[index] = word }
        return all.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    @Test("other versions, free-threaded builds and nonsense are named and not read")
    func refused() {
        #expect(DebugOffsets.parse([]) == .absent)
        #expect(DebugOffsets.parse([UInt8](repeating: 0, count: 592)) == .absent)
        #expect(
            DebugOffsets.parse(bytes(version: 0x030E_00F0, freeThreaded: 0))
                == .unknown(PythonVersion(3, 14)))
        #expect(
            DebugOffsets.parse(bytes(version: 0x030D_00F0, freeThreaded: 1))
                == .freeThreaded(PythonVersion(3, 13)))
        #expect(
            DebugOffsets.parse(bytes(version: 0x030D_00F0, freeThreaded: 0))
                == .malformed(PythonVersion(3, 13)))
    }

    @Test("an offset outside of its structure is not believed")
    func outside() {
        let sizes = [
            3: 656, 6: 8_000, 19: 304, 28: 80, 34: 208, 44: 16, 64: 40, 67: 64,
        ].mapValues { UInt64($0) }
        var words = sizes
        words[70] = 40
        guard
            case .layout = DebugOffsets.parse(
                bytes(version: 0x030D_00F0, freeThreaded: 0, words: words))
        else {
            Issue.record("a layout whose offsets are all 0 fits")
            return
        }
        for index in [5, 8, 9, 18, 21, 22, 23, 24, 25, 29, 30, 31, 33, 35, 37, 38, 39, 43, 45] {
            for value in [UInt64(8_001), 1 << 40, .max] {
                var wrong = words
                wrong[index] = value
                let answer = DebugOffsets.parse(
                    bytes(version: 0x030D_00F0, freeThreaded: 0, words: wrong))
                #expect(answer == .malformed(PythonVersion(3, 13)), "word \(index) is \(value)")
            }
        }
    }
    @Test("a frame or object that is larger than any of CPython's is not believed")
    func tooLarge() {
        let sizes: [Int: UInt64] = [
            3: 656, 6: 8_000, 19: 304, 28: 80, 34: 208, 44: 16, 64: 40, 67: 64, 70: 40,
        ]
        for index in [19, 28, 34, 44, 64, 67] {
            var words = sizes
            words[index] = 2_049
            if index == 28 { words[29] = 2_040 }
            let answer = DebugOffsets.parse(
                bytes(version: 0x030D_00F0, freeThreaded: 0, words: words))
            #expect(answer == .malformed(PythonVersion(3, 13)) || index == 67, "word \(index)")
        }
    }
}
