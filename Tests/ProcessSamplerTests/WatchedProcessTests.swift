import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

/// What is read of one process, and what of it is not trusted.
@Suite("Watched processes")
struct WatchedProcessTests {
    private func maps(_ text: String, pieces: Int = .max) -> [MappedFile] {
        var maps = MapsFile()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: min(pieces, bytes.count)) {
            let piece = bytes[start..<min(bytes.count, start + min(pieces, bytes.count))]
            Array(piece).withUnsafeBytes { maps.append($0) }
        }
        return maps.files
    }

    @Test("each mapped file is there once, with its lowest address, however the file is cut")
    func mappings() {
        let text = """
            55d0a0000000-55d0a0001000 r--p 00000000 08:01 42                         /usr/bin/a b
            55d0a0001000-55d0a0002000 r-xp 00001000 08:01 42                         /usr/bin/a b
            7f0000000000-7f0000001000 rw-p 00000000 00:00 0
            7f0000001000-7f0000002000 r--p 00002000 00:1f 7 /x/new\\012line\\134 (deleted)
            7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0                          [vdso]
            nonsense /that/is/no/line
            7ffe00000000-7ffe00001000 r-xp 00000000 00:00 5

            """
        for pieces in [1, 7, .max] {
            let files = maps(text, pieces: pieces)
            #expect(files.count == 2)
            #expect(
                files.first
                    == MappedFile(
                        path: "/usr/bin/a b", start: 0x55d0_a000_0000, fileOffset: 0, inode: 42))
            #expect(files.last?.path == "/x/new\nline\\134 (deleted)")
            #expect(files.last?.fileOffset == 0x2000 && files.last?.inode == 7)
            #expect(files.last?.baseName == "new\nline\\134")
        }
    }

    @Test("what a thread does is read of its system call, and nothing is guessed of other content")
    func activities() {
        func activity(_ text: String) -> ThreadActivity {
            Array(text.utf8).withUnsafeBytes { ThreadActivity($0) }
        }
        let futex = ThreadActivity.futexCall
        #expect(activity("running\n") == .running)
        #expect(activity("-1 0x7ffd0000 0x7f000000\n") == .blocked)
        #expect(activity("230 0x1 0x1 0x7ffd 0x0 0x0 0x0 0x7ffd 0x7f00\n") == .waiting)
        #expect(
            activity("\(futex) 0x7f4d35656200 0x89 0x0\n")
                == .waitingForLock(address: 0x7F4D_3565_6200))
        for text in ["", "\n", "x", "\(futex)", "\(futex) 0x", "99999999999999999999 0x1"] {
            #expect(activity(text) == .unknown, "\(text)")
        }
    }

    @Test("random bytes, and lines that were changed, give the same files however they are cut")
    func randomMappings() {
        var generator = SeededGenerator()
        var found = 0
        for round in 0..<2_000 {
            var bytes: [UInt8] = []
            for number in 0..<Int.random(in: 0...20, using: &generator) {
                let line =
                    "7f\(number)0001000-7f\(number)0002000 r--p 2000 00:1f \(number) /x/\(number)\n"
                bytes += Array(line.utf8)
            }
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                let byte =
                    round % 2 == 0
                    ? UInt8.random(in: 0...255, using: &generator)
                    : Array(" -/\n\\012f".utf8).randomElement(using: &generator) ?? 0
                bytes.insert(byte, at: Int.random(in: 0...bytes.count, using: &generator))
            }
            func files(pieces: Int) -> [MappedFile] {
                var maps = MapsFile()
                for start in stride(from: 0, to: bytes.count, by: pieces) {
                    Array(bytes[start..<min(bytes.count, start + pieces)]).withUnsafeBytes {
                        maps.append($0)
                    }
                }
                return maps.files
            }
            let whole = files(pieces: 65_536)
            #expect(whole.allSatisfy { $0.path.bytes.first == 0x2F }, "\(generator)")
            #expect(
                files(pieces: Int.random(in: 1...9, using: &generator)) == whole, "\(generator)")
            found += whole.count
        }
        #expect(found > 1_000, "\(generator)")
        print("random maps: \(found) files, \(generator)")
    }

    @Test("lines without end and files without number are bounded")
    func bounds() {
        let endless = String(repeating: "x", count: 3 << 20)
        #expect(maps(endless, pieces: 65_536).isEmpty)
        let many = (0..<5_000).map { "\($0)000-\($0)001 r--p 0 08:01 1 /file\($0)\n" }.joined()
        #expect(maps(many, pieces: 65_536).count == MapsFile.maximumFiles)
    }

    @Test("of a target's path only an ordinary file is opened, by no link, and only the right one")
    func files() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/library"
        try Data("content".utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: file)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/up", withDestinationPath: folder.path)
        #expect(mkfifo(folder.path + "/fifo", 0o600) == 0)
        var facts = stat()
        #expect(stat(file, &facts) == 0)
        let root = open(folder.path, O_RDONLY | O_DIRECTORY)
        defer { close(root) }
        func opened(_ path: RawText, inode: UInt64 = UInt64(facts.st_ino)) -> [UInt8]? {
            TargetFile.open(path, below: root, inode: inode)?.bytes(at: 0, count: 7)
        }
        #expect(opened("/library") == Array("content".utf8))
        let wrong: [RawText] = [
            "/link", "/up/library", "/fifo", "/absent", "/", "", "/../library", "/library\0x",
            "/library/x",
        ]
        for path in wrong { #expect(opened(path) == nil, "\(path)") }
        #expect(opened("/library", inode: 1) == nil)
        let target = TargetFile.open("/library", below: root, inode: UInt64(facts.st_ino))
        #expect(target?.bytes(at: 3, count: 4) == Array("tent".utf8))
        for (offset, count) in [(UInt64(3), 5), (8, 1), (.max, 1), (0, -1)] {
            #expect(target?.bytes(at: offset, count: count) == nil)
        }
    }

    @Test("the innermost of a task's ids is the last one")
    func namespaces() {
        func innermost(_ text: String) -> Int32? {
            Array(text.utf8).withUnsafeBytes { NamespaceIDs.innermost($0) }
        }
        #expect(innermost("Name:\tx\nNSpid:\t4711\t12\t1\nVmHWM:\t1 kB\n") == 1)
        #expect(innermost("NSpid:\t4711\n") == 4711)
        #expect(innermost("NSpid:\t\n") == nil && innermost("Pid:\t3\n") == nil)
    }

    @Test("memory, threads and marks are those of the process, and end with it")
    func process() async throws {
        let probe = try await Probe.start("hold", mebibytes: 40)
        let process = try WatchedProcess(pid: probe.pid)
        guard case .bytes(let resident) = process.residentBytes() else {
            Issue.record("a living process has memory")
            return
        }
        #expect(resident >= 40 << 20 && process.markBytes().map { $0 >= 40 << 20 } ?? false)
        #expect(process.threads() == [probe.pid] && process.innerID(ofThread: probe.pid) != nil)
        #expect(process.faults(ofThread: probe.pid).map { $0.count > 1_000 } ?? false)
        let program = try #require(
            try process.mappedFiles().first { $0.path == process.programPath() })
        var head = [UInt8](repeating: 0, count: 4)
        #expect(head.withUnsafeMutableBytes { process.read(program.start, into: $0) } == 4)
        #expect(head == [0x7F, 0x45, 0x4C, 0x46])
        #expect(head.withUnsafeMutableBytes { process.read(0, into: $0) } == 0)
        #expect(head.withUnsafeMutableBytes { process.read(.max, into: $0) } == 0)
        #expect(process.open(program)?.bytes(at: 0, count: 4) == head)
        try await probe.killAndWait()
        #expect(process.residentBytes() == .gone)
        #expect(head.withUnsafeMutableBytes { process.read(program.start, into: $0) } == 0)
        #expect(process.threads().isEmpty && process.markBytes() == nil)
    }
}
