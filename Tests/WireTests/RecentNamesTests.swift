import MemoryModel
import TestSupport
import Testing

@testable import Wire

@Suite("Names that came lately")
struct RecentNamesTests {
    private static func name(_ text: [UInt8], of names: inout RecentNames) -> RawText {
        text.withUnsafeBytes { names.name($0) }
    }

    private static func address(of name: RawText) -> UnsafePointer<UInt8>? {
        name.bytes.withUnsafeBufferPointer { $0.baseAddress }
    }

    @Test("a name that comes again is the one that is in memory already")
    func shared() {
        var names = RecentNames(isRemembering: true)
        let text = Array("/usr/bin/python3".utf8)
        let first = RecentNamesTests.name(text, of: &names)
        let second = RecentNamesTests.name(text, of: &names)
        #expect(first == RawText(text) && second == first)
        #expect(RecentNamesTests.address(of: first) == RecentNamesTests.address(of: second))
        var forgetful = RecentNames(isRemembering: false)
        let third = RecentNamesTests.name(text, of: &forgetful)
        let fourth = RecentNamesTests.name(text, of: &forgetful)
        #expect(third == first && fourth == first)
        #expect(RecentNamesTests.address(of: third) != RecentNamesTests.address(of: fourth))
    }

    @Test("whatever came before, a name is the bytes that were sent")
    func exact() {
        var random = SeededGenerator()
        var names = RecentNames(isRemembering: true)
        for _ in 0..<50_000 {
            let count =
                Int.random(in: 0...3, using: &random) * Int.random(in: 0...60, using: &random)
            let text = (0..<count).map { _ in UInt8.random(in: 0...2, using: &random) }
            let name = RecentNamesTests.name(text, of: &names)
            #expect(name.bytes == text, "\(random)")
        }
    }
}
