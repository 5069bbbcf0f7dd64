import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import ProcessSampler

@Suite struct CgroupSamplerTests {
    let fixture: CgroupFixture

    init() throws { fixture = try CgroupFixture() }

    private func version2(_ limits: CgroupLimits = CgroupLimits()) throws -> CgroupSampler {
        try CgroupSampler(
            tree: CgroupTree(
                path: RawText(fixture.path), version: 2, top: "/", countsKillsLocally: false),
            limits: limits)
    }

    @Test("Version 2: every figure of a cgroup and of those above it, not of a root without any")
    func version2Figures() throws {
        try fixture.write("anon 1\n", to: "memory.stat")
        try fixture.writeVersion2(
            "a.slice", peak: 900, current: 800, limit: "1000", kills: 2, anonymous: 500, file: 60)
        try fixture.writeVersion2("a.slice/b.service", peak: nil, current: 700)
        let found = try version2().look(
            ["/a.slice/b.service", "/a.slice/b.service"], atMilliseconds: 5)
        #expect(Set(found.keys) == ["/a.slice", "/a.slice/b.service"])
        let slice = try #require(found["/a.slice"])
        #expect(slice.version == 2 && slice.inode != 0)
        #expect(slice.markBytes == 900 && slice.currentBytes == 800 && slice.limitBytes == 1_000)
        #expect(slice.anonymousBytes == 500 && slice.fileBytes == 60)
        #expect(slice.swapMarkBytes == 4_096 && slice.killCount == 2)
        let service = try #require(found["/a.slice/b.service"])
        #expect(service.markBytes == nil && service.currentBytes == 700)
        #expect(service.limitBytes == nil && service.killCount == 0)
        #expect(service.inode != slice.inode)
    }

    @Test("Version 1: its own names, a limit that is none, no mark of swap, old kernels' gaps")
    func version1Figures() throws {
        try fixture.writeVersion1("", peak: 100, current: 90)
        try fixture.writeVersion1("docker", peak: 80, current: 70, limit: "4096", kills: 3)
        try fixture.writeVersion1(
            "docker/ab", peak: 8, current: 7, limit: "9223372036854710272", kills: nil)
        let tree = CgroupTree(
            path: RawText(fixture.path), version: 1, top: "/", countsKillsLocally: true)
        let found = try CgroupSampler(tree: tree).look(["/docker/ab"], atMilliseconds: 5)
        #expect(Set(found.keys) == ["/", "/docker", "/docker/ab"])
        let docker = try #require(found["/docker"])
        #expect(docker.version == 1 && docker.markBytes == 80 && docker.currentBytes == 70)
        #expect(docker.limitBytes == 4_096 && docker.killCount == 3)
        #expect(docker.anonymousBytes == 2_000 && docker.fileBytes == 1_000)
        #expect(docker.swapMarkBytes == nil)
        #expect(found["/docker/ab"]?.limitBytes == nil && found["/docker/ab"]?.killCount == nil)
        #expect(found["/"]?.markBytes == 100 && found["/"]?.limitBytes == nil)
    }

    @Test("Composition and limit are read when the mark rises, and else once in a while")
    func detail() throws {
        try fixture.writeVersion2("a", peak: 10, current: 10, limit: "50", anonymous: 1)
        let sampler = try version2()
        _ = sampler.look(["/a"], atMilliseconds: 0)
        try fixture.writeVersion2("a", peak: 10, current: 9, limit: "60", kills: 1, anonymous: 2)
        var found = sampler.look(["/a"], atMilliseconds: 1_000)
        #expect(found["/a"]?.anonymousBytes == 1 && found["/a"]?.limitBytes == 50)
        #expect(found["/a"]?.currentBytes == 9 && found["/a"]?.killCount == 1)
        try fixture.writeVersion2("a", peak: 11, current: 9, limit: "60", anonymous: 3)
        found = sampler.look(["/a"], atMilliseconds: 2_000)
        #expect(found["/a"]?.anonymousBytes == 3 && found["/a"]?.limitBytes == 60)
        try fixture.writeVersion2("a", peak: 11, current: 9, limit: "70", anonymous: 4)
        #expect(sampler.look(["/a"], atMilliseconds: 11_999)["/a"]?.anonymousBytes == 3)
        // Use did not change since, so that nothing else will have.
        #expect(sampler.look(["/a"], atMilliseconds: 61_999)["/a"]?.anonymousBytes == 3)
        found = sampler.look(["/a"], atMilliseconds: 62_000)
        #expect(found["/a"]?.anonymousBytes == 4 && found["/a"]?.limitBytes == 70)
        try fixture.writeVersion2("a", peak: 11, current: 8, limit: "70", anonymous: 5)
        #expect(sampler.look(["/a"], atMilliseconds: 71_999)["/a"]?.anonymousBytes == 4)
        #expect(sampler.look(["/a"], atMilliseconds: 72_000)["/a"]?.anonymousBytes == 5)
    }

    @Test("Kills are read when use changed or stands at the mark, and else once in a while")
    func kills() throws {
        try fixture.writeVersion2("a", peak: 10, current: 10)
        try fixture.writeVersion2("b", peak: 10, current: 9)
        let sampler = try version2()
        _ = sampler.look(["/a", "/b"], atMilliseconds: 0)
        try fixture.writeVersion2("a", peak: 10, current: 10, kills: 1)
        try fixture.writeVersion2("b", peak: 10, current: 9, kills: 1)
        var found = sampler.look(["/a", "/b"], atMilliseconds: 1_000)
        #expect(found["/a"]?.killCount == 1 && found["/b"]?.killCount == 0)
        #expect(sampler.look(["/a", "/b"], atMilliseconds: 10_000)["/b"]?.killCount == 1)
        try fixture.writeVersion2("b", peak: 10, current: 8, kills: 2)
        found = sampler.look(["/a", "/b"], atMilliseconds: 11_000)
        #expect(found["/b"]?.killCount == 2)
    }

    @Test("A cgroup is read for a while after its last process, then no more")
    func linger() throws {
        try fixture.writeVersion2("a", peak: 10, current: 10)
        let sampler = try version2()
        #expect(sampler.look(["/a"], atMilliseconds: 0).count == 1)
        try fixture.writeVersion2("a", peak: 10, current: 0, kills: 1)
        #expect(sampler.look([], atMilliseconds: 9_000)["/a"]?.killCount == 1)
        _ = sampler.look([], atMilliseconds: 10_000)
        #expect(sampler.look([], atMilliseconds: 11_000).isEmpty)
        #expect(sampler.look(["/a"], atMilliseconds: 12_000).count == 1)
    }

    @Test("What cannot be a cgroup of the tree is counted; links lead nowhere")
    func hostile() throws {
        try fixture.writeVersion2("outside", peak: 10, current: 10)
        try fixture.write("", to: "inside/.keep")
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path + "/inside/link", withDestinationPath: "../outside")
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path + "/inside/memory.current",
            withDestinationPath: "../outside/memory.current")
        let sampler = try version2()
        let found = sampler.look(
            ["/inside/link", "/inside", "/../outside", "/inside/../outside", "x"],
            atMilliseconds: 0)
        #expect(found.isEmpty)
        #expect(sampler.foreignCount == 3 && sampler.skippedCount == 0)
    }

    @Test("Beyond the bounds cgroups are counted, and files are opened anew but read all the same")
    func bounds() throws {
        for name in ["a", "b", "c"] { try fixture.writeVersion2(name, peak: 10, current: 10) }
        let few = try version2(CgroupLimits(maximumCgroups: 3))
        #expect(few.look(["/a", "/b", "/c", "/c"], atMilliseconds: 0).count == 2)
        #expect(few.skippedCount == 1)
        let unheld = try version2(CgroupLimits(maximumHeldFiles: 4))
        #expect(unheld.look(["/a", "/b", "/c"], atMilliseconds: 0).count == 3)
        for name in ["a", "b", "c"] { try fixture.writeVersion2(name, peak: 20, current: 5) }
        let found = unheld.look(["/a", "/b", "/c"], atMilliseconds: 1)
        #expect(found.count == 3 && found.values.allSatisfy { $0.markBytes == 20 })
    }

    @Test("A file that is empty, cut off or no number is missing, never zero")
    func malformed() throws {
        try fixture.writeVersion2("a", peak: 10, current: 10)
        try fixture.write("", to: "a/memory.peak")
        try fixture.write("oom_kill 12", to: "a/memory.events")
        try fixture.write("anon x\nfile\n", to: "a/memory.stat")
        try fixture.write("99999999999999999999999\n", to: "a/memory.max")
        let found = try #require(version2().look(["/a"], atMilliseconds: 0)["/a"])
        #expect(found.markBytes == nil && found.killCount == nil && found.limitBytes == nil)
        #expect(found.anonymousBytes == nil && found.fileBytes == nil)
        #expect(found.currentBytes == 10)
    }

    @Test("A tree that cannot be opened is told, with what to do")
    func unreadable() throws {
        let tree = CgroupTree(path: "/nowhere", version: 2, top: "/", countsKillsLocally: false)
        let problem = #expect(throws: CgroupProblem.self) { try CgroupSampler(tree: tree) }
        #expect(problem?.description.contains("--cgroup-root") == true)
    }
}
