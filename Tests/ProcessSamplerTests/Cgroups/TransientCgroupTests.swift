import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct TransientCgroupTests {
    private let fixture: CgroupFixture

    init() throws {
        fixture = try CgroupFixture()
    }

    /// A tree of version 2 in which the cgroups above `/user/shell` hand the controller down.
    private func unified() throws -> CgroupTree {
        try fixture.mount([("cgroup2", "", "/", "")])
        try fixture.write("memory pids\n", to: "cgroup.controllers")
        try fixture.write("memory pids\n", to: "cgroup.subtree_control")
        try fixture.write("memory\n", to: "user/cgroup.subtree_control")
        try fixture.write("\n", to: "user/shell/cgroup.subtree_control")
        try fixture.write("2147483648\n", to: "user/shell/memory.max")
        return try CgroupTree.find(in: fixture.root)
    }

    /// Makes a folder with the files that a kernel would put into it.
    private func make(_ path: [CChar]) -> Int32 {
        guard mkdir(path, 0o755) == 0 else { return -1 }
        let folder = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let files = [
            "cgroup.procs": "", "memory.max": "max\n", "memory.peak": "70000\n",
            "memory.events": "oom 1\noom_kill 1\n", "memory.stat": "anon 5\nfile 4096\n",
        ]
        for (name, text) in files {
            guard
                FileManager.default.createFile(
                    atPath: "\(folder)/\(name)", contents: Data(text.utf8))
            else { return -1 }
        }
        return 0
    }

    private func text(_ name: String) -> String {
        String(
            decoding: FileManager.default.contents(atPath: "\(fixture.path)/\(name)") ?? Data(),
            as: UTF8.self)
    }

    @Test("With version 2 a limited one stands beside its own, and takes its own's limit along")
    func besideOwn() throws {
        let cgroup = try TransientCgroup(
            in: try unified(), own: "/user/shell", name: "run", limitBytes: 8 << 30,
            makeFolder: make)
        #expect(text("user/run/memory.max") == "2147483648")
        let figures = cgroup.figures()
        #expect(figures.limitBytes == 2 << 30 && figures.markBytes == 70_000)
        #expect(figures.killCount == 1 && figures.fileBytes == 4_096)
        let lower = try TransientCgroup(
            in: try unified(), own: "/user/shell", name: "lower", limitBytes: 64 << 20,
            makeFolder: make)
        #expect(text("user/lower/memory.max") == "67108864")
        #expect(lower.figures().limitBytes == 64 << 20)
    }

    @Test("With version 2 nothing leaves its cgroup and the limits there without being told to")
    func noLimit() throws {
        let tree = try unified()
        let problem = #expect(throws: CgroupProblem.self) {
            _ = try TransientCgroup(
                in: tree, own: "/user/shell", name: "run", limitBytes: nil, makeFolder: make)
        }
        #expect(problem?.description.contains("--limit") == true)
        #expect(!FileManager.default.fileExists(atPath: fixture.path + "/user/run"))
        // At the top there may be both, processes and limited ones below.
        let top = try TransientCgroup(
            in: tree, own: "/", name: "run", limitBytes: nil, makeFolder: make)
        #expect(text("run/memory.max") == "max\n")
        #expect(top.figures().limitBytes == nil)
    }

    @Test("With version 2 there is none where the cgroup above does not hand the controller down")
    func withoutController() throws {
        let tree = try unified()
        try fixture.write("pids\n", to: "user/cgroup.subtree_control")
        #expect(throws: CgroupProblem.self) {
            _ = try TransientCgroup(
                in: tree, own: "/user/shell", name: "run", limitBytes: 1 << 30, makeFolder: make)
        }
    }

    @Test("What the file system refuses is said")
    func refused() throws {
        let tree = try unified()
        let problem = #expect(throws: CgroupProblem.self) {
            _ = try TransientCgroup(
                in: tree, own: "/", name: "run", limitBytes: nil,
                makeFolder: { _ in
                    errno = EACCES
                    return -1
                })
        }
        #expect(problem?.description.contains("may not make one") == true)
    }
}
