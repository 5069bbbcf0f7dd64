import Foundation
import TestSupport
import Testing

@testable import Agent

@Suite("An opened state directory")
struct StateFolderTests {
    private let fixture: StateFixture

    init() throws { fixture = try StateFixture() }

    private func problem(_ path: String? = nil) -> StateDirectory.Problem? {
        #expect(throws: StateDirectory.Problem.self) {
            try StateFolder(path: path ?? fixture.path)
        }
    }

    @Test("a second agent is refused as long as the first one lives, and told who that is")
    func lock() throws {
        var first: StateFolder? = try fixture.open()
        let error = problem()
        #expect(error?.kind == .inUse)
        #expect(error?.description.contains("pid \(getpid())") == true)
        #expect(error?.description.contains("--state-dir") == true)
        #expect(first != nil)
        first = nil
        _ = try fixture.open()
    }

    @Test("a symbolic link in place of the folder or of a file is refused, and not followed")
    func links() throws {
        let link = fixture.path + "/link"
        try FileManager.default.createDirectory(
            atPath: fixture.path + "/real", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: fixture.path + "/real")
        for path in [link, link + "/"] {
            let error = problem(path)
            #expect(error?.kind == .untrusted)
            #expect(error?.description.contains("symbolic link") == true)
        }
        let target = fixture.path + "/target"
        try Data("kept".utf8).write(to: URL(fileURLWithPath: target))
        for name in ["lock", "running", "images", "state-0000000000000001", "state-1.new"] {
            let file = fixture.path + "/" + name
            try FileManager.default.createSymbolicLink(
                atPath: file, withDestinationPath: target)
            #expect(problem()?.kind == .untrusted, "\(name)")
            try FileManager.default.removeItem(atPath: file)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: target)) == Data("kept".utf8))
    }

    @Test("a folder that others may write to is refused, with the command that mends it")
    func writable() throws {
        for mode in [0o777, 0o770, 0o702] as [mode_t] {
            chmod(fixture.path, mode)
            let error = problem()
            #expect(error?.kind == .untrusted)
            #expect(error?.description.contains("chmod go-w \(fixture.path)") == true)
        }
        chmod(fixture.path, 0o755)
        _ = try fixture.open()
    }

    @Test("a folder or a file of another user is refused", .enabled(if: geteuid() == 0))
    func foreignOwner() throws {
        let other = uid_t(UnprivilegedPrograms.userID)
        chown(fixture.path, other, other)
        #expect(problem()?.description.contains("belongs to user \(other)") == true)
        chown(fixture.path, 0, 0)
        let file = fixture.path + "/" + StateFileName.state(epoch: 1)
        try Data().write(to: URL(fileURLWithPath: file))
        chown(file, other, other)
        let error = problem()
        #expect(error?.kind == .untrusted)
        #expect(error?.description.contains(file) == true)
    }

    @Test("a folder without the right to write can be done without", .enabled(if: geteuid() != 0))
    func notWritable() throws {
        chmod(fixture.path, 0o500)
        #expect(problem()?.kind == .unusable)
        chmod(fixture.path, 0o700)
    }

    @Test("what can never be a folder is wrong, and not done without")
    func wrong() throws {
        try Data().write(to: URL(fileURLWithPath: fixture.path + "/file"))
        for path in [fixture.path + "/file", fixture.path + "/file/state"] {
            let kind = problem(path)?.kind
            #expect(kind == .untrusted || kind == .wrong)
        }
    }
}
