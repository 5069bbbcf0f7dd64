import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct CgroupTreeTests {
    @Test("The unified hierarchy is found by its mount, with the memory controller in it")
    func unified() throws {
        let fixture = try CgroupFixture()
        try fixture.mount([("cgroup2", "nsdelegate,memory_recursiveprot", "/", "")])
        try fixture.write("cpuset cpu io memory pids\n", to: "cgroup.controllers")
        let tree = try CgroupTree.find(in: fixture.root)
        #expect(tree.version == 2 && tree.path == RawText(fixture.path) && tree.top == "/")
        #expect(!tree.countsKillsLocally)
        try fixture.mount([("cgroup2", "memory_localevents", "/", "")])
        #expect(try CgroupTree.find(in: fixture.root).countsKillsLocally)
    }

    @Test("On a host that mixes versions, the one that has the memory controller is taken")
    func hybrid() throws {
        let fixture = try CgroupFixture()
        try fixture.mount([
            ("cgroup2", "", "/", "/unified"), ("cgroup", "cpu,cpuacct", "/", "/cpu"),
            ("cgroup", "memory", "/", "/memory"), ("cgroup", "name=systemd", "/", "/systemd"),
        ])
        try fixture.write("hugetlb\n", to: "unified/cgroup.controllers")
        try fixture.writeVersion1("memory", peak: 9, current: 8)
        let tree = try CgroupTree.find(in: fixture.root)
        #expect(tree.version == 1 && tree.path == RawText(fixture.path + "/memory"))
        #expect(tree.countsKillsLocally)

        try fixture.mount([
            ("cgroup2", "", "/", "/unified"), ("cgroup", "cpu,cpuacct", "/", "/cpu"),
        ])
        try fixture.write("memory hugetlb\n", to: "unified/cgroup.controllers")
        #expect(try CgroupTree.find(in: fixture.root).version == 2)
    }

    @Test("Without the memory controller it is said why, and what to do")
    func withoutController() throws {
        let fixture = try CgroupFixture()
        try fixture.mount([("cgroup2", "", "/", "")])
        try fixture.write("cpu memory.x pids\n", to: "cgroup.controllers")
        let lacking = #expect(throws: CgroupProblem.self) {
            try CgroupTree.find(in: fixture.root)
        }
        #expect(lacking?.description.contains("cgroup_enable=memory") == true)
        try fixture.mount([])
        let absent = #expect(throws: CgroupProblem.self) {
            try CgroupTree.find(in: fixture.root)
        }
        #expect(absent?.description.contains("--cgroup-root") == true)
        let unreadable = #expect(throws: CgroupProblem.self) {
            try CgroupTree.find(in: ProcRoot(path: "/nowhere"))
        }
        #expect(unreadable?.description.contains("No such file") == true)
    }

    @Test("A part of a hierarchy that is mounted by itself holds only what is below its root")
    func partOfHierarchy() throws {
        let fixture = try CgroupFixture()
        try fixture.mount([("cgroup", "memory", "/docker/ab", "/memory")])
        try fixture.writeVersion1("memory", peak: 9, current: 8)
        let tree = try CgroupTree.find(in: fixture.root)
        #expect(tree.top == "/docker/ab")
        #expect(tree.relative("/docker/ab") == [])
        #expect(tree.relative("/docker/ab/in/side") == Array("in/side".utf8))
        #expect(tree.relative("/docker/abc") == nil && tree.relative("/docker") == nil)
        #expect(tree.parent(of: "/docker/ab/in") == "/docker/ab")
        #expect(tree.parent(of: "/docker/ab") == nil)

        // A mount from outside of the reader's namespace gives no names to go by.
        try fixture.mount([("cgroup", "memory", "/../..", "/memory")])
        #expect(throws: CgroupProblem.self) { try CgroupTree.find(in: fixture.root) }
    }

    @Test("A named folder may be either version's own or the one that holds it")
    func named() throws {
        let fixture = try CgroupFixture()
        try fixture.writeVersion1("memory", peak: 9, current: 8)
        try fixture.write("memory\n", to: "unified/cgroup.controllers")
        func found(_ folder: String) throws -> (UInt8, RawText) {
            let tree = try CgroupTree.find(at: fixture.path + folder, in: fixture.root)
            return (tree.version, tree.path)
        }
        let memory = RawText(fixture.path + "/memory")
        #expect(try found("/") == (1, memory))
        #expect(try found("/memory/") == (1, memory))
        #expect(try found("/unified") == (2, RawText(fixture.path + "/unified")))
        let problem = #expect(throws: CgroupProblem.self) {
            try CgroupTree.find(at: fixture.path + "/nothing", in: fixture.root)
        }
        #expect(problem?.description.contains(fixture.path + "/nothing") == true)

        // What the folder shows is known from the table of mounts.
        try fixture.mount([("cgroup2", "", "/../..", "/unified")])
        let tree = try CgroupTree.find(at: fixture.path + "/unified", in: fixture.root)
        #expect(
            tree.relative("/../../system.slice/a.service") == Array("system.slice/a.service".utf8))
        #expect(tree.relative("/../other") == nil)
    }

    @Test(
        "No path leads out of the tree, and none is longer than a path may be",
        arguments: [
            "", "relative", "/..", "/a/../b", "/a/./b", "//a", "/a//b", "/a/", "/a\0b",
            "/" + String(repeating: "x", count: 256), String(repeating: "/abc", count: 1_024),
        ])
    func hostilePaths(_ path: String) {
        let tree = CgroupTree(path: "/x", version: 2, top: "/", countsKillsLocally: false)
        #expect(tree.relative(RawText(path)) == nil)
    }

    @Test("Spaces and other bytes in the table of mounts are unescaped")
    func escapes() {
        #expect(CgroupMounts.unescaped("/a\\040b\\134\\377".utf8) == Array("/a b\\".utf8) + [0xFF])
        #expect(CgroupMounts.unescaped("/a\\04".utf8) == Array("/a\\04".utf8))
        #expect(CgroupMounts.unescaped("\\999".utf8) == Array("\\999".utf8))
        let lines = ["", "1 2 3", "1 2 0:3 / /m rw - cgroup cgroup", "1 2 0:3 / /m rw x y z\n"]
        for line in lines { #expect(withBytes(line, CgroupMounts.parse) == []) }
    }

    @Test("Memory is charged to the cgroup of the hierarchy that has the controller")
    func memoryPath() {
        let hybrid = "9:name=systemd:/s\n4:cpu,memory:/docker/ab\n0::/system.slice/docker.service\n"
        withBytes(hybrid) {
            #expect(CgroupFile.memoryPath($0, version: 1) == "/docker/ab")
            #expect(CgroupFile.memoryPath($0, version: 2) == "/system.slice/docker.service")
        }
        withBytes("0::/\n") {
            #expect(CgroupFile.memoryPath($0, version: 1) == nil)
            #expect(CgroupFile.memoryPath($0, version: 2) == "/")
        }
    }
}
