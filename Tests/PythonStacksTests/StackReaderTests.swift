import MemoryModel
import PythonStacks
import TestSupport
import Testing

/// A right memory is read rightly, and any other harms nothing.
@Suite("Reading stacks")
struct StackReaderTests {
    private let alive: [Int32] = [100, 101, 102]

    private func read(_ reader: inout StackReader, thread: Int32?) -> ReadStack? {
        reader.stack(ofThread: thread, process: 100) { alive }
    }

    @Test("frames have their functions and lines", arguments: FakeInterpreter.versions)
    func frames(_ version: PythonVersion) throws {
        let fake = FakeInterpreter(version)
        var reader = StackReader(fake.interpreter, memory: fake.memory)
        for thread in alive {
            let stack = try #require(read(&reader, thread: thread), "\(reader.faults)")
            #expect(stack.frames.count == 20 && !stack.isCut && !stack.isOfOtherThread)
            let names = stack.frames.map { reader.functions.function($0.function).name }
            #expect(
                names.prefix(6) == [
                    "function4", "function3", "function2", "function1", "function0", "function4",
                ])
            #expect(stack.frames.prefix(5).map(\.line) == [51, 41, 31, 21, 11])
        }
        #expect(reader.faults.isEmpty && reader.failureCount == 0 && reader.stackCount == 3)
        let other = try #require(read(&reader, thread: 999))
        #expect(other.isOfOtherThread)
        #expect(try #require(read(&reader, thread: nil)).isOfOtherThread == false)
    }

    @Test(
        "frames that are said to be larger than what is read at a time are read or refused",
        arguments: FakeInterpreter.versions, [4_080, 4_088, 4_089, 5_000, 100_000])
    func largeFrames(_ version: PythonVersion, _ offset: Int) {
        let fake = FakeInterpreter(version)
        var layout = fake.interpreter.layout
        layout.framePrevious = offset
        let interpreter = Interpreter(
            version: version, layout: layout, runtime: fake.interpreter.runtime,
            types: fake.interpreter.types)
        var reader = StackReader(interpreter, memory: fake.memory)
        for thread in alive { _ = read(&reader, thread: thread) }
        #expect(reader.stackCount + reader.failureCount >= alive.count)
    }

    @Test("a deep stack is cut after its innermost frames", arguments: FakeInterpreter.versions)
    func deep(_ version: PythonVersion) throws {
        let fake = FakeInterpreter(version, depth: 5_000)
        var reader = StackReader(fake.interpreter, memory: fake.memory)
        let stack = try #require(read(&reader, thread: 101))
        #expect(stack.isCut && stack.frames.count == StackReader.maximumFrames)
    }

    @Test("frames, threads and interpreters in a circle end", arguments: FakeInterpreter.versions)
    func circles(_ version: PythonVersion) throws {
        for target in [0, 3, 19] {
            let fake = FakeInterpreter(version)
            let layout = fake.interpreter.layout
            fake.memory.write(
                fake.frames[0][target], at: fake.frames[0][19], layout.framePrevious)
            var reader = StackReader(fake.interpreter, memory: fake.memory)
            #expect(read(&reader, thread: 100) == nil)
            #expect(reader.faults[.cycle] == StackReader.attempts)
            #expect(reader.failureCount == 1)
        }
        let threads = FakeInterpreter(version)
        let layout = threads.interpreter.layout
        threads.memory.write(threads.threads[0], at: threads.threads[2], layout.threadNext)
        var reader = StackReader(threads.interpreter, memory: threads.memory)
        #expect(read(&reader, thread: 999) == nil && reader.faults[.cycle] != nil)
    }

    @Test("lengths without measure and objects of the wrong type are refused and counted")
    func lies() {
        for version in FakeInterpreter.versions {
            func faults(_ change: (FakeInterpreter, PythonLayout) -> Void) -> [ReadFault: Int] {
                let fake = FakeInterpreter(version)
                change(fake, fake.interpreter.layout)
                var reader = StackReader(fake.interpreter, memory: fake.memory)
                #expect(read(&reader, thread: 100) == nil)
                return reader.faults
            }
            let tries = StackReader.attempts
            for size in [UInt64(1) << 20 + 1, 1 << 40, 1 << 63, .max] {
                #expect(
                    faults { $0.memory.write(size, at: $0.tables[0], $1.objectSize) }
                        == [.wrongLines: tries])
            }
            for size in [UInt64(1) << 30, 1 << 63, .max] {
                #expect(
                    faults { $0.memory.write(size, at: $0.names[0], $1.textLength) }
                        == [.wrongName: tries])
            }
            #expect(
                faults { $0.memory.write(UInt32(0), at: $0.names[0], $1.textState) }
                    == [.wrongName: tries])
            #expect(
                faults { $0.memory.write(UInt64(7), at: $0.codes[0], $1.objectType) }
                    == [.wrongCode: tries])
            #expect(
                faults { $0.memory.write(Int32(-1), at: $0.codes[0], $1.codeFirstLine) }
                    == [.wrongCode: tries])
            #expect(
                faults {
                    $0.memory.write(UInt64(0), at: $0.interpreter.runtime, $1.runtimeInterpreters)
                }
                    == [.noInterpreter: 1])
        }
    }

    @Test("a stack takes no more reads and bytes than it may, however large all in it is")
    func bounded() {
        // Tables of a megabyte each: more than one stack may take.
        for version in FakeInterpreter.versions {
            let fake = FakeInterpreter(version)
            for table in fake.tables {
                fake.memory.write(UInt64(1 << 20), at: table, fake.interpreter.layout.objectSize)
            }
            _ = fake.memory.allocate(2 << 20)
            var reader = StackReader(fake.interpreter, memory: fake.memory)
            #expect(read(&reader, thread: 100) == nil)
            #expect(reader.faults == [.tooMuch: 1])
            #expect(fake.memory.byteCount <= 4 << 20)
        }
    }

    /// A fake whose first code has a table of 1 MiB that a look for its end goes all through.
    private func longTable(_ version: PythonVersion, depth: Int) -> FakeInterpreter {
        let fake = FakeInterpreter(version, threadCount: 1, depth: depth)
        let layout = fake.interpreter.layout
        let count = 1 << 20
        let lines = fake.memory.allocate(count + 64)
        fake.memory.write(fake.interpreter.types.bytes ?? 0, at: lines, layout.objectType)
        fake.memory.write(UInt64(count), at: lines, layout.objectSize)
        // Ranges and steps without length; and locations of two bytes for each code unit.
        let table = [UInt8](repeating: layout.lineFormat == .locations ? 0x80 : 0, count: count)
        fake.memory.write(table, at: lines, layout.bytesContent)
        fake.memory.write(lines, at: fake.codes[0], layout.codeLines)
        for frame in fake.frames[0] {
            fake.memory.write(fake.codes[0], at: frame, layout.frameCode)
        }
        return fake
    }

    private func setInstructions(_ fake: FakeInterpreter, _ offset: (Int) -> UInt64) {
        let layout = fake.interpreter.layout
        for (number, frame) in fake.frames[0].enumerated() {
            if let instructions = layout.codeInstructions {
                let place = fake.codes[0] + UInt64(instructions) + offset(number)
                fake.memory.write(place, at: frame, layout.frameInstruction)
            } else {
                let unit = UInt64(layout.instructionUnit)
                fake.memory.write(
                    Int32(offset(number) / unit), at: frame, layout.frameInstruction)
            }
        }
    }

    @Test(
        "one long table of lines is gone through once a place, and never for long",
        arguments: FakeInterpreter.versions)
    func longTables(_ version: PythonVersion) throws {
        // Recursion: 256 frames at one place.
        let fake = longTable(version, depth: 250)
        setInstructions(fake) { _ in 4 << 20 }
        var reader = StackReader(fake.interpreter, memory: fake.memory)
        let stack = try #require(read(&reader, thread: 100), "\(reader.faults)")
        #expect(stack.frames.count == 250 && Set(stack.frames).count == 1)
        // Each frame at a place of its own, all of them at the end.
        setInstructions(fake) { (4 << 20) + UInt64($0) * 4 }
        #expect(read(&reader, thread: 100) == nil)
        #expect(reader.faults == [.tooMuch: 1])
        // It reads others, and this one again, as before.
        setInstructions(fake) { UInt64($0 % 4) * 4 }
        #expect(read(&reader, thread: 100)?.frames.count == 250)
    }

    @Test("random, truncated, cyclic and changing memory ends every read, within its bounds")
    func hostile() {
        var generator = SeededGenerator()
        var read = 0
        for round in 0..<3_000 {
            let version = FakeInterpreter.versions[round % FakeInterpreter.versions.count]
            let fake = FakeInterpreter(
                version, threadCount: 3, depth: Int.random(in: 1...40, using: &generator))
            damage(fake, round: round, &generator)
            var reader = StackReader(fake.interpreter, memory: fake.memory)
            for thread in [100, nil, 102, 7] as [Int32?] {
                (fake.memory.readCount, fake.memory.byteCount) = (0, 0)
                let stack = self.read(&reader, thread: thread)
                let attempts = StackReader.attempts
                #expect(fake.memory.readCount <= 4_096 * attempts, "\(generator)")
                #expect(fake.memory.byteCount <= (4 << 20) * attempts, "\(generator)")
                if let stack {
                    read += 1
                    #expect(!stack.frames.isEmpty && stack.frames.count <= 256, "\(generator)")
                    #expect(stack.frames.allSatisfy { $0.line >= 0 }, "\(generator)")
                }
            }
        }
        #expect(read > 500, "most damage leaves some stack readable")
        print("hostile memory: \(read) stacks read of 12000, \(generator)")
    }

    private func damage(
        _ fake: FakeInterpreter, round: Int, _ generator: inout SeededGenerator
    ) {
        let memory = fake.memory
        func words(_ count: Int, _ generator: inout SeededGenerator) {
            for _ in 0..<count {
                let place = Int.random(in: 0..<(memory.content.count / 8), using: &generator) * 8
                let inside =
                    FakeMemory.base
                    + UInt64.random(
                        in: 0..<UInt64(memory.content.count), using: &generator)
                let value =
                    [inside & ~7, inside, .max, 0, generator.next()]
                    .randomElement(using: &generator) ?? 0
                memory.write(value, at: FakeMemory.base, place)
            }
        }
        switch round / 5 % 5 {
        case 0: words(Int.random(in: 1...400, using: &generator), &generator)
        case 1:
            let count = memory.content.count
            memory.content.removeLast(Int.random(in: 0..<count, using: &generator))
        case 2:
            for _ in 0..<Int.random(in: 1...2_000, using: &generator) {
                let place = Int.random(in: 0..<memory.content.count, using: &generator)
                memory.content[place] = UInt8.random(in: 0...255, using: &generator)
            }
        case 3:
            // Pointers that lead to other objects of the same memory.
            let objects =
                fake.frames.joined() + fake.codes + fake.names + fake.tables + fake.threads
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                guard let from = objects.randomElement(using: &generator),
                    let to = objects.randomElement(using: &generator)
                else { continue }
                memory.write(to, at: from, Int.random(in: 0...20, using: &generator) * 8)
            }
        default:
            let seed = generator.next()
            var own = SeededGenerator(seed: seed)
            memory.beforeRead = { memory in
                for _ in 0..<4 {
                    let place = Int.random(in: 0..<memory.content.count, using: &own)
                    memory.content[place] = UInt8.random(in: 0...255, using: &own)
                }
            }
        }
    }

    @Test("random bytes at a runtime's place are survived with every layout")
    func randomMemory() {
        var generator = SeededGenerator()
        for round in 0..<1_000 {
            let version = FakeInterpreter.versions[round % FakeInterpreter.versions.count]
            let layout = FakeInterpreter.layout(version)
            let memory = FakeMemory()
            let count = 4_096
            memory.content = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            for place in stride(from: 0, to: count, by: 8) where generator.next() % 2 == 0 {
                let address =
                    FakeMemory.base + UInt64.random(in: 0..<UInt64(count), using: &generator)
                memory.write(address & ~7, at: FakeMemory.base, place)
            }
            let interpreter = Interpreter(
                version: version, layout: layout, runtime: FakeMemory.base, types: ObjectTypes())
            var reader = StackReader(interpreter, memory: memory)
            _ = read(&reader, thread: 100)
            #expect(memory.readCount <= 4_096 * StackReader.attempts, "\(generator)")
        }
        print("random memory: \(generator)")
    }
}
