import Foundation
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct StatLineTests {
    static let line =
        "4711 (a b) S 42 4711 4711 34816 4711 4194304 100 0 1 0 250 50 0 0 20 0 3 0 98765 "
        + "1000 100 18446744073709551615 1 1 0\n"

    @Test("The fields that are used come from their places")
    func fields() throws {
        let line = try #require(withBytes(Self.line) { StatLine($0) })
        #expect(line.state == UInt8(ascii: "S"))
        #expect(line.parentPid == 42)
        #expect(line.flags == 4_194_304)
        #expect(line.processorTicks == 300)
        #expect(line.threadCount == 3)
        #expect(line.startTicks == 98_765)
        #expect(!line.isKernelThread && !line.isForkWithoutExec && !line.isDead)
    }

    @Test(
        "A name may hold parentheses, spaces, newlines, digits and bytes that are not UTF-8",
        arguments: [
            "((sd-pam))", ")", "(", "a) S 1 2 3 (b", "", "\n", " ) R 9 ", "a\nb\\c",
        ])
    func oddNames(name: String) throws {
        for bytes in [Array(name.utf8), Array(name.utf8) + [0xFF, 0xC0, 0x80]] {
            var process = ProcTree.Process(pid: 7)
            process.comm = bytes
            process.parentPid = 3
            process.startTicks = 555
            let line = try #require(withBytes(ProcTree.stat(process)) { StatLine($0) })
            #expect(line.parentPid == 3)
            #expect(line.startTicks == 555)
        }
    }

    @Test("A line cut off at any byte gives nothing, or what the whole line gives")
    func truncation() throws {
        let whole = Array(Self.line.utf8)
        let expected = try #require(withBytes(whole) { StatLine($0) })
        var refused = 0
        for length in 0..<whole.count {
            guard let line = withBytes(whole[..<length], { StatLine($0) }) else {
                refused += 1
                continue
            }
            #expect(line == expected)
        }
        #expect(refused > 60)
    }

    @Test("Numbers that do not fit are refused and trap nothing")
    func hugeNumbers() {
        let huge = String(repeating: "9", count: 40)
        for number in ["42", "250", "50", "3", "98765"] {
            let text = Self.line.replacingOccurrences(of: " \(number) ", with: " \(huge) ")
            #expect(text != Self.line)
            #expect(withBytes(text) { StatLine($0) } == nil)
        }
        let most = "18446744073709551615"
        let sum = Self.line.replacingOccurrences(of: " 250 50 ", with: " \(most) \(most) ")
        #expect(withBytes(sum) { StatLine($0) } == nil)
    }

    @Test("Random bytes trap nothing")
    func randomBytes() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Xorshift(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Array(Self.line.utf8)
            for _ in 0..<4 {
                let index = Int(generator.next() % UInt64(bytes.count))
                bytes[index] = UInt8(truncatingIfNeeded: generator.next())
            }
            withBytes(bytes) { raw in
                _ = StatLine(raw)
                _ = StatmLine(raw)
                _ = StatusFile(raw)
                _ = MeminfoFile(raw)
                _ = CgroupFile.path(raw)
                _ = CommandLine(raw)
                _ = MountTable.hidesProcesses(raw, deviceMajor: 0, deviceMinor: 1)
                var listing = ProcessListing()
                listing.append(raw)
            }
        }
    }
}

/// A small generator, so that a failure can be repeated from its seed.
struct Xorshift: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
        print("seed \(seed)")
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
