import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import Agent

@Suite("The state directory")
struct StateDirectoryTests {
    private let folder: TemporaryFolder
    private var random = SeededGenerator()

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a host id is drawn once and kept, in folders that are made for it, for its owner only")
    mutating func kept() throws {
        let path = folder.path + "/a/b"
        let first = try StateDirectory(path: path).hostID(using: &random)
        #expect(try StateDirectory(path: path).hostID(using: &random) == first)
        #expect(UniqueID(hexadecimal: first.text) != nil)
        let file = path + "/host-id"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text == first.text + "\n")
        #expect(try mode(of: file) == 0o600)
        #expect(try mode(of: path) == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["host-id"])
        let other = try StateDirectory(path: folder.path + "/c").hostID(using: &random)
        #expect(other != first)
    }

    private func mode(of path: String) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test("an id that somebody wrote there is taken, with or without the end of its line")
    mutating func given() throws {
        try Data("web-1".utf8).write(to: URL(fileURLWithPath: folder.path + "/host-id"))
        #expect(try StateDirectory(path: folder.path).hostID(using: &random).text == "web-1")
    }

    @Test(
        "a file with anything else is refused and left alone",
        arguments: ["", "\n", "a b\n", ".hidden\n", String(repeating: "a", count: 65), "\u{E9}"])
    mutating func wrongContent(text: String) throws {
        let file = folder.path + "/host-id"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: StateDirectory.Problem.self) {
            try StateDirectory(path: folder.path).hostID(using: &random)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(text.utf8))
    }

    @Test("a symbolic link in place of the file is not followed")
    mutating func link() throws {
        let target = folder.path + "/target"
        try Data("web-1\n".utf8).write(to: URL(fileURLWithPath: target))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/host-id", withDestinationPath: target)
        #expect(throws: StateDirectory.Problem.self) {
            try StateDirectory(path: folder.path).hostID(using: &random)
        }
    }

    @Test("a folder that cannot be made or written is named, with what to do")
    mutating func unusable() throws {
        try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
        let path = folder.path + "/file/state"
        let error = #expect(throws: StateDirectory.Problem.self) {
            try StateDirectory(path: path).hostID(using: &random)
        }
        #expect(error?.description.contains("--state-dir") == true)
        #expect(error?.description.contains(path) == true)
    }

    @Test("a folder without the right to write is refused", .enabled(if: geteuid() != 0))
    mutating func notWritable() throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o500], ofItemAtPath: folder.path)
        #expect(throws: StateDirectory.Problem.self) {
            try StateDirectory(path: folder.path).hostID(using: &random)
        }
    }

    @Test("the usual folder is root's, else below XDG_STATE_HOME, else below the home")
    func usualPath() {
        func path(_ environment: [String: String], isRoot: Bool = false) -> String {
            StateDirectory.usualPath(environment: { environment[$0] }, isRoot: isRoot)
        }
        let both = ["XDG_STATE_HOME": "/state", "HOME": "/home/ana"]
        #expect(path(both, isRoot: true) == "/var/lib/memagent")
        #expect(path(both) == "/state/memagent")
        #expect(path(["HOME": "/home/ana"]) == "/home/ana/.local/state/memagent")
        let relative = ["XDG_STATE_HOME": "state", "HOME": "/home/ana"]
        #expect(path(relative) == "/home/ana/.local/state/memagent")
    }
}
