import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import Agent

@Suite("The file of image numbers")
struct ImageNumberFileTests {
    private let folder: TemporaryFolder
    private let boot = BootID(high: 1, low: 2)

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("numbers outlive their agent, but not the boot")
    func kept() throws {
        let directory = StateDirectory(path: folder.path + "/state")
        let file = ImageNumberFile(in: directory, boot: boot)
        #expect(try file.load() == ImageNumbers())
        let numbers = try #require(ImageNumbers(text: "7 100 3\n8 200 1\n"))
        try file.save(numbers)
        #expect(try file.load() == numbers)
        let later = ImageNumberFile(in: directory, boot: BootID(high: 1, low: 3))
        #expect(try later.load() == ImageNumbers())
        try file.save(ImageNumbers())
        #expect(try file.load() == ImageNumbers())
    }

    @Test("a damaged file is named and not taken")
    func damaged() throws {
        let text = "\(boot)\n7 hundred 3\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/images"))
        let file = ImageNumberFile(in: StateDirectory(path: folder.path), boot: boot)
        #expect(throws: StateDirectory.Problem.self) { _ = try file.load() }
    }
}
