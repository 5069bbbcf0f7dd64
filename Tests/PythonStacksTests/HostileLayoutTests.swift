import Foundation
import TestSupport
import Testing

@testable import PythonStacks

/// What a target says of its own layout, and what it has loaded, may be anything.
@Suite("Layouts and images that mean ill")
struct HostileLayoutTests {
    private let alive: [Int32] = [100, 101, 102]

    /// Reads the stacks of a fake by a layout, whatever it says, within the bounds.
    private func read(
        _ fake: FakeInterpreter, by layout: PythonLayout, _ generator: SeededGenerator
    ) -> Int {
        let interpreter = Interpreter(
            version: FakeDebugOffsets.version, layout: layout, runtime: fake.interpreter.runtime,
            types: fake.interpreter.types)
        var reader = StackReader(interpreter, memory: fake.memory)
        var count = 0
        for thread in [100, nil, 7] as [Int32?] {
            (fake.memory.readCount, fake.memory.byteCount) = (0, 0)
            let stack = reader.stack(ofThread: thread, process: 100) { alive }
            #expect(fake.memory.readCount <= 4_096 * StackReader.attempts, "\(generator)")
            #expect(fake.memory.byteCount <= (4 << 20) * StackReader.attempts, "\(generator)")
            if let stack {
                count += 1
                #expect(!stack.frames.isEmpty && stack.frames.count <= 256, "\(generator)")
            }
        }
        return count
    }

    @Test("debug offsets that were changed give a layout by which nothing is read without bound")
    func mutatedOffsets() {
        var generator = SeededGenerator()
        var (layouts, stacks) = (0, 0)
        for _ in 0..<4_000 {
            var words = FakeDebugOffsets.words
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 3..<words.count, using: &generator)
                let inside = UInt64.random(in: 0...words[place] % 8_192 + 64, using: &generator)
                words[place] =
                    [inside, inside & ~7, 0, 8, 2_048, 4_096, .max, generator.next()]
                    .randomElement(using: &generator) ?? 0
            }
            guard
                case .layout(let layout, _) = DebugOffsets.parse(FakeDebugOffsets.bytes(of: words))
            else { continue }
            layouts += 1
            stacks += read(FakeInterpreter(FakeDebugOffsets.version), by: layout, generator)
        }
        #expect(layouts > 200 && stacks > 100, "\(layouts) layouts, \(stacks) stacks, \(generator)")
        print("mutated debug offsets: \(layouts) layouts, \(stacks) stacks read, \(generator)")
    }

    @Test("random bytes behind the cookie, and cut ones, are named or refused")
    func randomOffsets() {
        var generator = SeededGenerator()
        var layouts = 0
        for round in 0..<4_000 {
            var words = (0..<FakeDebugOffsets.words.count).map { _ in
                // Small numbers, so that some of them fit.
                generator.next() >> UInt64.random(in: 53...63, using: &generator)
            }
            words.replaceSubrange(0..<3, with: FakeDebugOffsets.words[0..<3])
            if round % 2 == 0 {
                for size in [3, 6, 19, 28, 34, 44, 64, 67] { words[size] = 2_048 }
                words[70] = 8
            }
            var bytes = FakeDebugOffsets.bytes(of: words)
            if round % 8 == 1 {
                bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            }
            switch DebugOffsets.parse(bytes) {
            case .layout(let layout, _):
                layouts += 1
                _ = read(FakeInterpreter(FakeDebugOffsets.version), by: layout, generator)
            case .malformed(let version): #expect(version == FakeDebugOffsets.version)
            case .absent: #expect(bytes.count < 24, "\(generator)")
            case .unknown, .freeThreaded: Issue.record("the version was told: \(generator)")
            }
        }
        print("random debug offsets: \(layouts) layouts, \(generator)")
    }

    @Test("a library whose loaded bytes were changed is found, or not, and harms nothing")
    func loadedImage() throws {
        var generator = SeededGenerator()
        let memory = FakeMemory()
        let size = try load(into: memory)
        let whole = try #require(LoadedImage(in: memory, start: FakeMemory.base))
        #expect(whole.address("_PyRuntime") != nil)
        let right = memory.content
        var (images, symbols) = (0, 0)
        for round in 0..<400 {
            memory.content = right
            for _ in 0..<Int.random(in: 1...30, using: &generator) {
                // Most of it in the headers, as that is where the way to all else is.
                let place =
                    round % 4 == 0
                    ? Int.random(in: 0..<size, using: &generator)
                    : Int.random(in: round % 2 * 64..<1_024, using: &generator)
                memory.content[place] = UInt8.random(in: 0...255, using: &generator)
            }
            if round % 16 == 5 {
                memory.content.removeLast(Int.random(in: 0..<size, using: &generator))
            }
            (memory.readCount, memory.byteCount) = (0, 0)
            if let image = LoadedImage(in: memory, start: FakeMemory.base) {
                images += 1
                for name in ["_PyRuntime", "no such symbol"] where image.symbol(name) != nil {
                    symbols += 1
                }
            }
            #expect(memory.readCount < 200_000, "\(generator)")
        }
        #expect(images > 10, "\(images) images, \(symbols) symbols, \(generator)")
        print("changed images: \(images) images, \(symbols) symbols found, \(generator)")
    }

    @Test("random bytes where a library should be are none")
    func randomImage() {
        var generator = SeededGenerator()
        for round in 0..<2_000 {
            let memory = FakeMemory()
            memory.content = (0..<2_048).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if round % 2 == 0 {
                // A header, and program headers behind it, of which all else is random.
                memory.write([0x7F, 0x45, 0x4C, 0x46, 2, 1], at: FakeMemory.base)
                memory.write(UInt64(64), at: FakeMemory.base, 32)
                memory.write(UInt16(56), at: FakeMemory.base, 54)
                memory.write(UInt16.random(in: 0...30, using: &generator), at: FakeMemory.base, 56)
                for header in 0..<30 {
                    let place = 64 + header * 56
                    memory.write(UInt32(1 + header % 2), at: FakeMemory.base, place)
                    for word in 1..<6 where generator.next() % 2 == 0 {
                        memory.write(
                            generator.next() % 4_096, at: FakeMemory.base, place + word * 8)
                    }
                }
            }
            if let image = LoadedImage(in: memory, start: FakeMemory.base) {
                _ = image.symbol("_PyRuntime")
            }
            #expect(memory.readCount < 200_000, "\(generator)")
        }
        print("random images: \(generator)")
    }

    /// Loads the smallest file of the machine that has an interpreter as the kernel would; gives
    /// its size in memory.
    private func load(into memory: FakeMemory) throws -> Int {
        let paths = Interpreters.all.map { interpreter in
            let real = URL(fileURLWithPath: interpreter).resolvingSymlinksInPath()
            let library = real.deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "lib/lib\(real.lastPathComponent).so.1.0").path
            return FileManager.default.fileExists(atPath: library) ? library : real.path
        }
        let files = try paths.map { Array(try Data(contentsOf: URL(fileURLWithPath: $0))) }
        let file = try #require(files.min { $0.count < $1.count })
        func word(_ offset: Int, _ size: Int) -> Int {
            (0..<size).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) }
        }
        let headers = (0..<word(56, 2)).map { word(32, 8) + $0 * 56 }.filter { word($0, 4) == 1 }
        let first = try #require(headers.map { word($0 + 16, 8) }.min()) & ~4_095
        let size = try #require(headers.map { word($0 + 16, 8) + word($0 + 32, 8) }.max()) - first
        memory.content = [UInt8](repeating: 0, count: size)
        for header in headers {
            let (offset, count) = (word(header + 8, 8), word(header + 32, 8))
            let place = word(header + 16, 8) - first
            memory.content.replaceSubrange(
                place..<(place + count), with: file[offset..<(offset + count)])
        }
        return size
    }
}
