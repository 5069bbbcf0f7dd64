import Foundation
import TestSupport
import Testing

@testable import ProcessSampler

/// What the kernel writes into a ring is parsed with nothing taken on trust.
@Suite("Records of page faults")
struct FaultRecordsTests {
    private func record(_ type: UInt32, _ words: [UInt64], size: Int? = nil) -> [UInt8] {
        let count = UInt16(size ?? 8 + 8 * words.count)
        var bytes = withUnsafeBytes(of: type) { Array($0) } + [0, 0]
        bytes += withUnsafeBytes(of: count) { Array($0) }
        return bytes + words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
    }

    private func sample(_ thread: UInt32, _ address: UInt64, process: UInt32 = 7) -> [UInt8] {
        record(9, [UInt64(thread) << 32 | UInt64(process), 5, address])
    }

    private func parsed(_ bytes: [UInt8]) -> FaultRecords {
        bytes.withUnsafeBytes { FaultRecords($0) }
    }

    @Test("samples and losses are read, and records of other kinds are skipped")
    func records() {
        let bytes =
            sample(8, 0x1000) + record(5, [1, 2, 3]) + record(2, [1, 40]) + sample(9, .max)
            + record(2, [1, .max]) + record(77, [])
        let found = parsed(bytes)
        #expect(
            found.samples == [
                FaultSample(process: 7, thread: 8, nanoseconds: 5, address: 0x1000),
                FaultSample(process: 7, thread: 9, nanoseconds: 5, address: .max),
            ])
        #expect(found.lostCount == .max && !found.isMalformed)
        #expect(parsed([]) == parsed([]) && !parsed([]).isMalformed)
    }

    @Test("a record that is too short for its kind or reaches beyond the end ends the reading")
    func malformed() {
        for wrong in [
            record(9, [1, 2]), record(2, [1]), record(9, [1, 2, 3], size: 0),
            record(9, [1, 2, 3], size: 7), record(9, [1, 2, 3], size: 40), [9, 0, 0],
        ] {
            let found = parsed(sample(8, 1) + wrong + sample(8, 2))
            #expect(found.samples.first?.address == 1 && found.samples.count <= 2)
            #expect(found.isMalformed, "\(wrong)")
        }
    }

    @Test("every prefix and every flipped bit gives at most what is there")
    func broken() {
        let bytes = sample(8, 1) + record(2, [1, 4]) + sample(9, 2)
        for count in 0..<bytes.count {
            let found = parsed(Array(bytes[..<count]))
            #expect(found.samples.count <= count / 32)
            #expect(found.isMalformed == ![0, 32, 56].contains(count))
        }
        for bit in 0..<(8 * bytes.count) {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(parsed(flipped).samples.count <= 3)
        }
    }

    @Test("random bytes are read to an end, and never to more records than fit")
    func random() {
        var generator = SeededGenerator()
        for _ in 0..<2_000 {
            var bytes = (0..<Int.random(in: 0...600, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Sizes and kinds that could be right, so that more than the first record is read.
            for start in stride(from: 0, to: max(0, bytes.count - 8), by: 32)
            where Bool.random(using: &generator) {
                let kind: UInt8 = Bool.random(using: &generator) ? 9 : 2
                bytes.replaceSubrange(start..<(start + 8), with: [kind, 0, 0, 0, 0, 0, 32, 0])
            }
            #expect(parsed(bytes).samples.count <= bytes.count / 32, "\(generator)")
        }
    }
}

/// Page faults of real processes.
@Suite("Page-fault samples", .serialized)
struct FaultSamplerTests {
    private static let script = """
        import ctypes, os, sys, threading
        # Where the kernel gives huge pages to all, there are no faults to count (PR_SET_THP_DISABLE).
        ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
        print("ready", flush=True)
        kept = []
        def grow():
            kept.append(bytearray(64 << 20))
        for line in sys.stdin:
            worker = threading.Thread(target=grow)
            worker.start()
            worker.join()
            if os.fork() == 0:
                bytearray(64 << 20)
                os._exit(0)
            os.wait()
            print("done", worker.native_id, flush=True)
        """

    private static var isPermitted: Bool {
        guard let own = try? WatchedProcess(pid: getpid()) else { return false }
        return (try? FaultSampler(own, period: 1_000)) != nil
    }

    /// Runs the script once and takes what was sampled meanwhile.
    private func sampled(_ body: (FaultSampler) -> Void = { _ in }) async throws -> (
        batch: FaultSampler.Batch, thread: Int32, pagemap: PagemapFile?, program: Program,
        input: Pipe
    ) {
        let input = Pipe()
        let program = try Program("/usr/bin/python3", ["-c", Self.script], input: input)
        try await program.waitForText("ready")
        let process = try WatchedProcess(pid: program.pid)
        let sampler = try FaultSampler(process, period: 61)
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        try await program.waitForText("done")
        #expect(sampler.hasNew)
        let batch = sampler.take()
        #expect(!sampler.hasNew && sampler.take().samples.isEmpty)
        let words = program.output.split(whereSeparator: \.isWhitespace)
        let thread = try #require(words.last.flatMap { Int32($0) })
        return (batch, thread, process.pagemap(), program, input)
    }

    @Test(
        "a thread that begins later is sampled, with its id; a child process is not",
        .enabled(if: isPermitted, "needs a kernel that lets page faults be sampled"))
    func threads() async throws {
        let (batch, thread, pagemap, program, input) = try await sampled()
        #expect(batch.lostCount == 0)
        #expect(batch.samples.allSatisfy { $0.process == program.pid })
        // 16,384 pages, by one thread on as many processors as it ran on.
        let own = batch.samples.filter { $0.thread == thread }
        #expect(own.count >= 16_384 / 61 - 64 && own.count <= 16_384 / 61 + 64, "\(own.count)")
        #expect(batch.samples.count - own.count < 100)
        let present = own.filter {
            pagemap?.entries(from: $0.address / UInt64(sysconf(Int32(_SC_PAGESIZE))), count: 1)?
                .first?.isPresent ?? false
        }
        #expect(present.count >= own.count * 9 / 10)
        try input.fileHandleForWriting.close()
        try await program.waitForExit()
        #expect(pagemap?.entries(from: 16, count: 4) == nil, "it has ended")
    }

    @Test("what may not be sampled says why")
    func refused() throws {
        let own = try WatchedProcess(pid: getpid())
        let folder = try TemporaryFolder()
        #expect(throws: FaultSamplerError.foreignTree) {
            _ = try FaultSampler(own, root: ProcRoot(path: folder.path), period: 61)
        }
        for error in [
            FaultSamplerError.refused, .foreignTree, .tooManyThreads, .gone, .failed(code: 5),
        ] {
            #expect(!error.words.isEmpty)
        }
    }

    @Test("rings keep to the room of one process, however many processors there are")
    func rings() {
        for count in [1, 2, 8, 31, 64, 200] {
            let bytes = FaultSampler.ringBytes(processorCount: count)
            #expect(bytes * count <= FaultSampler.maximumRingBytes || bytes <= 65_536)
            #expect(bytes & (bytes - 1) == 0 && bytes >= 4_096)
        }
        #expect(FaultSampler.ringBytes(processorCount: 2) == FaultSampler.usualRingBytes)
    }

    @Test("an entry of pagemap says present, swapped out, and the frame where it is told")
    func entries() {
        #expect(PagemapEntry(bits: 1 << 63 | 5).isPresent)
        #expect(PagemapEntry(bits: 1 << 63 | 5).frame == 5)
        #expect(PagemapEntry(bits: 1 << 63).frame == nil && PagemapEntry(bits: 5).frame == nil)
        #expect(PagemapEntry(bits: 1 << 62).isSwapped && !PagemapEntry(bits: 1 << 62).isPresent)
    }
}
