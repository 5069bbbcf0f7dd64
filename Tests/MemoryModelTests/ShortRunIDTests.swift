import MemoryModel
import Testing

@Suite("The short name of a run, typed by hand")
struct ShortRunIDTests {
    private let key = RunKey(
        host: ShortRunIDTests.alpha, boot: BootID(high: 1, low: 2),
        process: ProcessKey(pid: 1, startTicks: 7))

    private static var alpha: HostID {
        guard let id = HostID("alpha") else { preconditionFailure("alpha is a host id") }
        return id
    }

    @Test("the name of the specification is read back, whole, in part and in capitals")
    func readsBack() {
        #expect(key.shortID == "tdgd9pc5yzvz")
        for length in ShortRunID.leastLength...ShortRunID.wholeLength {
            let text = String(key.shortID.prefix(length))
            #expect(ShortRunID(text)?.matches(key) == true, "\(text)")
            #expect(ShortRunID(text.uppercased())?.matches(key) == true, "\(text)")
            #expect(ShortRunID(text)?.isWhole == (length == ShortRunID.wholeLength))
        }
    }

    @Test("letters that are easily taken for digits are read as these")
    func confusable() {
        #expect(ShortRunID("oOiIlL") == ShortRunID("001111"))
    }

    @Test("one other character is another run")
    func others() {
        for (index, character) in key.shortID.enumerated() {
            var characters = Array(key.shortID)
            characters[index] = character == "x" ? "y" : "x"
            #expect(ShortRunID(String(characters))?.matches(key) == false)
        }
    }

    @Test(
        "what cannot be such a name is none",
        arguments: ["", "abc", "abcu", "a b c", "tdgd9pc5yzvz0"])
    func refused(text: String) {
        #expect(ShortRunID(text) == nil)
    }
}
