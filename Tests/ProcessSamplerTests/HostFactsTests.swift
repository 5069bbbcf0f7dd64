import Foundation
import MemoryModel
import ProcessSampler
import TestSupport
import Testing

@Suite struct HostFactsTests {
    @Test("A tree of files gives its own facts and is known as foreign")
    func fixture() throws {
        let tree = try ProcTree()
        try tree.write("3d1219c7c4c5404aaa1f6d2a48adfda4\n", to: "machine-id")
        let facts = try HostFacts(
            root: ProcRoot(path: tree.path), machineIDPath: tree.path + "/machine-id")
        let label = HostLabel(key: "rack", value: "b7")
        let first = HostLabel(key: "a", value: "")
        let host = try facts.description(intervalMilliseconds: 500, labels: [label, first])
        #expect(host.name == "fixture")
        #expect(host.kernelRelease == "6.1.0-fixture")
        #expect(host.memoryTotalBytes == 8 << 30 && host.swapTotalBytes == 1 << 30)
        #expect(host.processorCount > 0 && host.ticksPerSecond > 0)
        #expect(host.intervalMilliseconds == 500)
        #expect(host.restrictions == .foreignTree)
        #expect(host.labels == [first, label])
        #expect(try facts.bootID().description == "0b8e1f30-5c3a-4a6e-9d59-0f7a5c0e9a11")
        #expect(facts.machineID()?.text == "3d1219c7c4c5404aaa1f6d2a48adfda4")
    }

    @Test("What is missing or no identity is refused, not made up")
    func missing() throws {
        let tree = try ProcTree()
        try tree.write("uninitialized\n", to: "machine-id")
        try tree.write("none\n", to: "sys/kernel/random/boot_id")
        try tree.write("", to: "meminfo")
        let facts = try HostFacts(
            root: ProcRoot(path: tree.path), machineIDPath: tree.path + "/machine-id")
        #expect(facts.machineID() == nil)
        #expect(throws: SamplerError.self) { try facts.bootID() }
        #expect(throws: SamplerError.self) { try facts.description(intervalMilliseconds: 1) }
        #expect(throws: SamplerError.self) {
            try HostFacts(root: ProcRoot(path: "/nowhere/at/all"))
        }
    }

    @Test("This host's own facts are there, and it is not foreign")
    func thisHost() throws {
        let facts = try HostFacts()
        let host = try facts.description(intervalMilliseconds: 1_000)
        #expect(!host.name.isEmpty && !host.kernelRelease.isEmpty)
        #expect(host.memoryTotalBytes > 1 << 20)
        #expect(!host.restrictions.contains(.foreignTree))
        #expect(try facts.bootID() == HostFacts().bootID())
        let wall = BootClock.nowMilliseconds() + BootClock.wallMinusBootMilliseconds()
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        #expect(abs(now - wall) < 1_000)
    }
}
