import Testing

@testable import PythonStacks

/// When an interpreter is looked for again, on a clock of the test's own.
@Suite("The search for an interpreter")
struct InterpreterSearchTests {
    private static let interpreter = FakeInterpreter(PythonVersion(3, 11)).interpreter

    @Test("that none is there right after an exec is waited out; that none comes is believed")
    func absence() {
        var search = InterpreterSearch(at: 0)
        #expect(search.isDue(at: 10_000, hasInterpreter: true) == true)
        #expect(search.took(.none, at: 10_000) == .wait)
        // Until it is clear it is asked closely.
        #expect(search.isDue(at: 10_049, hasInterpreter: true) == false)
        #expect(search.isDue(at: 10_050, hasInterpreter: true) == true)
        #expect(search.took(.supported(Self.interpreter), at: 10_050) == .found(Self.interpreter))
        #expect(search.isDue(at: 11_049, hasInterpreter: true) == false)
        // The next exec has a second of its own.
        for now in stride(from: Int64(11_050), to: 12_050, by: 50) {
            #expect(search.isDue(at: now, hasInterpreter: true) == true)
            #expect(search.took(.none, at: now) == .wait, "at \(now)")
        }
        #expect(
            search.took(.none, at: 12_050)
                == .none("it runs another program now, which is no CPython"))
    }

    @Test(
        "one that has not begun is asked for closely at first, and one that cannot be read is told")
    func beginning() {
        var search = InterpreterSearch(at: 0)
        #expect(search.isDue(at: 0, hasInterpreter: false) == true)
        #expect(search.took(.starting, at: 0) == .wait)
        #expect(search.isDue(at: 49, hasInterpreter: false) == false)
        #expect(search.isDue(at: 50, hasInterpreter: false) == true)
        #expect(search.isDue(at: 5_000, hasInterpreter: false) == true)
        #expect(search.isDue(at: 5_999, hasInterpreter: false) == false)
        #expect(search.isDue(at: 6_000, hasInterpreter: false) == true)
        #expect(
            search.took(.unsupported("it is CPython 2.7"), at: 6_000) == .none("it is CPython 2.7"))
    }
}
